"""A cluster with accounting: Debian's slurmctld over our nodes, and flurmdbd, which Debian's sacctmgr and sacct ask.

With FLURM_REAL=1 the accounting daemon is Debian's slurmdbd on a MariaDB of its own: the oracle. A test may have flurmctld
in the place of slurmctld, and slurmdbd in that of flurmdbd. Standard library only.
"""

import os
import shutil
import socket
import subprocess
import unittest

import cluster
from cluster import Cluster, wait_for

ORACLE = cluster.REAL
# FLURM_STORE=mysql: flurmdbd, too, keeps its accounting in MariaDB.
ON_MARIADB = ORACLE or os.environ.get("FLURM_STORE") == "mysql"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MariaDb:
    """A private database server in a folder."""

    def __init__(self, folder):
        if not os.path.exists("/usr/sbin/mariadbd") or os.geteuid() != 0:
            raise unittest.SkipTest("needs mariadb-server, and root to start it as its user")
        self.folder, self.port, self.process = folder, free_port(), None
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        self.socket = folder + "/socket"

    def start(self):
        shutil.chown(self.folder, "mysql", "mysql")
        subprocess.run(["/usr/bin/mariadb-install-db", "--user=mysql", f"--datadir={self.folder}/data", "--skip-test-db"], check=True,
                       capture_output=True)
        self.process = subprocess.Popen(
            ["/usr/sbin/mariadbd", "--no-defaults", "--user=mysql", f"--datadir={self.folder}/data", f"--socket={self.socket}",
             f"--pid-file={self.folder}/pid", "--bind-address=127.0.0.1", f"--port={self.port}", "--skip-log-bin",
             "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0", f"--log-error={self.folder}/log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.sql("select 1").returncode == 0, 60, "mariadbd")
        made = self.sql("create database acct; create user 'slurm'@'127.0.0.1' identified by 'slurm';"
                        "create user 'slurm'@'localhost' identified by 'slurm';"
                        "grant all on *.* to 'slurm'@'127.0.0.1'; grant all on *.* to 'slurm'@'localhost';")
        if made.returncode != 0:
            raise AssertionError(made.stderr)

    def sql(self, text):
        return subprocess.run(["/usr/bin/mariadb", "-S", self.socket, "-e", text], capture_output=True, text=True)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class Accounted(Cluster):
    def __init__(self, nodes=2, extra="", enforce="", ours=False, slurmdbd=ORACLE, controllers=1):
        """`ours`: flurmctld, except that FLURM_REAL=1 means Debian's here, too; `slurmdbd`: Debian's, on MariaDB."""
        self.ours, self.slurmdbd = ours and not ORACLE, slurmdbd
        if not os.path.exists("/usr/sbin/slurmctld") or os.geteuid() != 0:
            raise unittest.SkipTest("needs Debian's slurmctld, and root to start it")
        lines = ["JobAcctGatherType=jobacct_gather/linux"]
        if enforce:
            lines.append("AccountingStorageEnforce=" + enforce)
        super().__init__(nodes, "\n".join(lines) + "\n" + extra, real=False, controllers=controllers)
        self.database = MariaDb(self.folder + "/mysql") if ON_MARIADB or slurmdbd else None

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
        if self.database:
            self.database.start()
            os.makedirs(self.dir + "/etc")
            with open(self.dir + "/etc/slurmdbd.extra", "w") as file:
                file.write("DebugLevel=verbose\nStorageType=accounting_storage/mysql\nStorageHost=127.0.0.1\n"
                           f"StoragePort={self.database.port}\nStorageUser=slurm\nStoragePass=slurm\nStorageLoc=acct\n")
        return self.local_up()

    def local_up(self):
        """Also starts what was killed."""
        done = self.local("up", "--dbd", "--slurm-user", "root", "--nodes", str(self.nodes), "--controllers",
                          str(self.controllers), "--conf-extra", self.extra)
        if done.returncode != 0:
            raise AssertionError("flurm local up failed:\n" + done.stdout + done.stderr + self.log("flurmdbd")[-3000:])
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
