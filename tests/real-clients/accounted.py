"""A cluster with accounting: Debian's slurmctld over our nodes, and flurmdbd, which Debian's sacctmgr and sacct ask.

With FLURM_REAL=1 the accounting daemon is Debian's slurmdbd on a MariaDB of its own: the oracle. A test may have flurmctld
in the place of slurmctld, and slurmdbd in that of flurmdbd. Standard library only.
"""

import difflib
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

import cluster
from cluster import Cluster, wait_for

ORACLE = cluster.REAL
FOLDER = os.path.dirname(os.path.abspath(__file__))
# Where flurmdbd keeps its accounting: sqlite, mysql or pgsql.
STORE = "mysql" if ORACLE else os.environ.get("FLURM_STORE", "sqlite")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MariaDb:
    """A private database server in a folder."""

    memory = "64M"

    def __init__(self, folder):
        if not os.path.exists("/usr/sbin/mariadbd") or os.geteuid() != 0:
            raise unittest.SkipTest("needs mariadb-server, and root to start it as its user")
        self.folder, self.port, self.process = folder, free_port(), None
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        self.socket = folder + "/socket"

    def start(self):
        shutil.chown(self.folder, "mysql", "mysql")
        if os.path.exists(self.folder + "/data/mysql"):
            self.run()
            return
        # With a folder of temporary files of its own: several at once have failed in the usual one.
        subprocess.run(["/usr/bin/mariadb-install-db", "--user=mysql", f"--datadir={self.folder}/data", "--skip-test-db",
                        f"--tmpdir={self.folder}"], check=True, capture_output=True)
        self.run()
        made = self.sql("create database acct; create user 'slurm'@'127.0.0.1' identified by 'slurm';"
                        "create user 'slurm'@'localhost' identified by 'slurm';"
                        "grant all on *.* to 'slurm'@'127.0.0.1'; grant all on *.* to 'slurm'@'localhost';")
        if made.returncode != 0:
            raise AssertionError(made.stderr)

    def run(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/mariadbd", "--no-defaults", "--user=mysql", f"--datadir={self.folder}/data", f"--socket={self.socket}",
             f"--pid-file={self.folder}/pid", "--bind-address=127.0.0.1", f"--port={self.port}", "--skip-log-bin",
             f"--tmpdir={self.folder}/data",  # another server that starts clears the usual one
             # Each commit reaches the kernel: it outlives the server, not the machine.
             f"--innodb-buffer-pool-size={self.memory}", "--innodb-flush-log-at-trx-commit=2", f"--log-error={self.folder}/log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.sql("select 1").returncode == 0, 60, "mariadbd")

    def sql(self, text):
        return subprocess.run(["/usr/bin/mariadb", "-S", self.socket, "-e", text], capture_output=True, text=True)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class PostgreSql:
    """The same of PostgreSQL."""

    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not found or os.geteuid() != 0:
            raise unittest.SkipTest("needs postgresql, and root to start it as its user")
        self.bin, self.folder, self.port, self.process = found[-1], folder, free_port(), None
        os.mkdir(folder)
        os.chmod(folder, 0o755)

    def start(self):
        shutil.chown(self.folder, "postgres", "postgres")
        with open(self.folder + "/password", "w") as file:
            file.write("slurm\n")
        shutil.chown(self.folder + "/password", "postgres")
        self.as_postgres("initdb", "-D", self.folder + "/data", "-U", "slurm", "-A", "scram-sha-256", "--pwfile", self.folder + "/password",
                         "-E", "UTF8", "--locale=C", "--no-sync")
        self.run()
        self.as_postgres("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "slurm", "acct")

    def run(self):
        self.process = subprocess.Popen(
            [self.bin + "/postgres", "-D", self.folder + "/data", "-p", str(self.port), "-k", self.folder, "-h", "127.0.0.1", "-F"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user="postgres", group="postgres",
            extra_groups=[], cwd=self.folder)
        wait_for(lambda: self.as_postgres("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), check=False).returncode == 0, 60, "postgres")

    def as_postgres(self, program, *words, check=True):
        return subprocess.run([f"{self.bin}/{program}", *words], check=check, capture_output=True, user="postgres", group="postgres",
                              extra_groups=[], cwd=self.folder, env={"PATH": "/usr/bin:/bin", "PGPASSWORD": "slurm"})

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGINT)  # ends its children, too
            self.process.wait()


class Accounted(Cluster):
    def __init__(self, nodes=2, extra="", enforce="", dbd="", ours=False, slurmdbd=ORACLE, controllers=1):
        """`ours`: flurmctld, except that FLURM_REAL=1 means Debian's here, too; `slurmdbd`: Debian's, on MariaDB; `dbd`: lines of
        slurmdbd.conf."""
        self.ours, self.slurmdbd = ours and not ORACLE, slurmdbd
        if not os.path.exists("/usr/sbin/slurmctld") or os.geteuid() != 0:
            raise unittest.SkipTest("needs Debian's slurmctld, and root to start it")
        lines = ["JobAcctGatherType=jobacct_gather/linux"]
        if enforce:
            lines.append("AccountingStorageEnforce=" + enforce)
        super().__init__(nodes, "\n".join(lines) + "\n" + extra, real=False, controllers=controllers)
        self.store = "mysql" if slurmdbd else STORE
        databases = {"mysql": MariaDb, "pgsql": PostgreSql}
        self.database = databases[self.store](self.folder + "/database") if self.store in databases else None
        self.dbd_extra = dbd

    def _programs(self):
        built = os.environ.get("FLURM_BIN") or os.path.join(os.path.dirname(__file__), "../../build/dev/bin")
        folder = self.folder + "/bin"
        os.mkdir(folder)
        shutil.copy(built + "/flurm", folder)
        for name, program in (("flurmnd", built + "/flurmnd"),
                              ("flurmctld", built + "/flurmctld" if self.ours else "/usr/sbin/slurmctld"),
                              ("flurmdbd", "/usr/sbin/slurmdbd" if self.slurmdbd else built + "/flurmdbd")):
            os.symlink(os.path.abspath(program), f"{folder}/{name}")
        return folder

    def up(self):
        lines = self.dbd_extra
        if self.database:
            self.database.start()
            lines += (f"DebugLevel=verbose\nStorageType=accounting_storage/{self.store}\nStorageHost=127.0.0.1\n"
                      f"StoragePort={self.database.port}\nStorageUser=slurm\nStoragePass=slurm\nStorageLoc=acct\n")
        os.makedirs(self.dir + "/etc")
        with open(self.dir + "/etc/slurmdbd.extra", "w") as file:
            file.write(lines)
        return self.local_up()

    def local_up(self):
        """Also starts what was killed."""
        done = self.local("up", "--dbd", "--slurm-user", "root", "--nodes", str(self.nodes), "--controllers",
                          str(self.controllers), "--conf-extra", self.extra)
        if done.returncode != 0:
            raise AssertionError("flurm local up failed:\n" + done.stdout + done.stderr + self.log("flurmdbd")[-3000:])
        # slurmctld does not begin to serve without its accounting daemon.
        if self.ours:
            wait_for(lambda: any(row["ControlHost"] for row in self.table("cluster")), 60, "the controller's registration")
        return self

    def __exit__(self, *rest):
        super().__exit__(*rest)
        if self.database:
            self.database.stop()

    # Clients.

    def sacctmgr(self, *words, **options):
        return self.run("sacctmgr", "-i", *words, **options)

    def table(self, *words):
        """Rows of `sacctmgr -P list …`, each a dict."""
        lines = self.run("sacctmgr", "-P", "list", *words).splitlines()
        names = lines[0].split("|") if lines else []
        return [dict(zip(names, line.split("|"))) for line in lines[1:]]

    def sacct(self, *words, form="ALL"):
        lines = self.run("sacct", "-P", "-o", form, *words).splitlines()
        names = lines[0].split("|")
        return [dict(zip(names, line.split("|"))) for line in lines[1:]]


def cleaned(text):
    """Without what differs in any two runs."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"/tmp/flurm-\w+", "FOLDER", re.sub(r"usec=\d+", "usec", text))
    return re.sub(r"\bsacctmgr: (fatal|error|warning)", r"\1", text)


def transcript(cluster, actions):
    """What sacctmgr says to each line of `actions`, answering all questions with yes; a line may begin with a user's name and a
    colon: it is he who asks."""
    lines = []
    for line in actions:
        user, words = line.split(": ", 1) if re.match(r"\w+: ", line) else (None, line)
        argv = ["sacctmgr", "-i", "-P"] + words.replace("DUMP", cluster.work + "/dump").split(" ")
        done = cluster.try_run(*argv, user=user)
        lines += [f"== {line}", *(word.rstrip() for word in cleaned(done.stdout + done.stderr).splitlines()), f"-- {done.returncode}"]
    return "\n".join(lines) + "\n"


def parts(text):
    """The transcript by action."""
    found = {}
    for part in re.split(r"^== ", text, flags=re.M)[1:]:
        head, body = part.split("\n", 1)
        found.setdefault(head, []).append(body)
    return found


class AsSlurmdbd(unittest.TestCase):
    maxDiff = None

    def compare(self, name, text):
        path = f"{FOLDER}/accounting.{name}.expected"
        if os.environ.get("FLURM_WRITE_EXPECTED"):
            with open(path, "w") as file:
                file.write(text)
        with open(path) as file:
            expected = parts(file.read())
        ours = parts(text)
        self.assertEqual(list(ours), list(expected))
        different = []
        for head in ours:
            theirs, mine = ("".join(each[head]).replace(" ", "\n").splitlines() for each in (expected, ours))
            different += list(difflib.unified_diff(theirs, mine, "slurmdbd: " + head, "flurmdbd", lineterm="", n=2))
        self.assertFalse(different, "\n" + "\n".join(different))
