"""A cluster for one test, driven by Debian's Slurm clients. Standard library only.

FLURM_BIN names the folder with flurm, flurmctld and flurmnd (ctest sets it). With FLURM_REAL=1 the daemons are
Debian's slurmctld and slurmd instead: a test that fails there expects something Slurm does not do. FLURM_REAL=nodes
puts our controller over Debian's slurmd, FLURM_REAL=controller Debian's slurmctld over our nodes.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

REAL = os.environ.get("FLURM_REAL") == "1"
REAL_NODES = os.environ.get("FLURM_REAL") == "nodes"
REAL_CONTROLLER = os.environ.get("FLURM_REAL") == "controller"
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE", "BOOT_FAIL"}


def wait_for(condition, seconds=20, what="condition"):
    """Calls condition() until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds} s; last value: {value!r}")
        time.sleep(0.05)


def kill(pid):
    """SIGKILL, and waits until the process is gone (or a zombie that holds nothing)."""

    def gone():
        try:
            with open(f"/proc/{pid}/stat") as file:
                # Of several threads the first may be one while others still hold its ports.
                return file.read().rsplit(")", 1)[1].split()[0] == "Z" and len(os.listdir(f"/proc/{pid}/task")) == 1
        except OSError:
            return True

    os.kill(pid, signal.SIGKILL)
    wait_for(gone, 10, "the end of the killed process")


def need_slurms_nodes():
    """Skips the test where Debian's slurmd cannot start: it is not here, or it finds no cgroups (in a bare chroot)."""
    if not os.path.exists("/usr/sbin/slurmd"):
        raise unittest.SkipTest("needs Debian's slurmd")
    if not (os.path.isdir("/sys/fs/cgroup") and os.listdir("/sys/fs/cgroup")):
        raise unittest.SkipTest("Debian's slurmd does not start where no cgroups are mounted")


class Cluster:
    """One local cluster. Use as a context manager; its folder goes away at the end. `real`: of Debian's daemons."""

    parent = "/tmp"  # of its folder

    def __init__(self, nodes=3, extra="", real=REAL, controllers=1):
        if real or REAL_NODES:
            need_slurms_nodes()
        self.nodes = nodes
        self.controllers = controllers
        self.real = real
        self.folder = tempfile.mkdtemp(prefix="flurm-", dir=self.parent)
        os.chmod(self.folder, 0o755)
        self.dir = self.folder + "/c"
        self.work = self.folder + "/work"
        os.mkdir(self.work)
        os.chmod(self.work, 0o1777)
        self.bin = self._programs()
        self.extra = self.folder + "/extra.conf"
        with open(self.extra, "w") as file:
            file.write(extra)

    def _programs(self):
        built = os.environ.get("FLURM_BIN") or os.path.join(os.path.dirname(__file__), "../../build/dev/bin")
        if not (self.real or REAL_NODES or REAL_CONTROLLER):
            return built
        folder = self.folder + "/bin"
        os.mkdir(folder)
        shutil.copy(built + "/flurm", folder)
        slurms_controller, slurms_nodes = self.real or REAL_CONTROLLER, self.real or REAL_NODES
        os.symlink("/usr/sbin/slurmctld" if slurms_controller else built + "/flurmctld", folder + "/flurmctld")
        os.symlink("/usr/sbin/slurmd" if slurms_nodes else built + "/flurmnd", folder + "/flurmnd")
        return folder

    def local(self, *words):
        """Runs a `flurm local` command for this cluster."""
        return subprocess.run(
            [self.bin + "/flurm", "local", *words, "--dir", self.dir], capture_output=True, text=True, timeout=240)

    def up(self):
        done = self.local("up", "--nodes", str(self.nodes), "--controllers", str(self.controllers), "--conf-extra",
                          self.extra)
        if done.returncode != 0:
            raise AssertionError("flurm local up failed:\n" + done.stdout + done.stderr)
        return self

    def down(self):
        done = self.local("down")
        if done.returncode != 0:
            raise AssertionError("flurm local down failed:\n" + done.stdout + done.stderr)

    def __enter__(self):
        try:
            return self.up()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def conf(self):
        return self.dir + "/etc/slurm.conf"

    def pid(self, name):
        """Process id of a daemon: flurmctld (of several controllers: ctl1, …), n1, …"""
        with open(f"{self.dir}/run/{name}.process") as file:
            return int(file.read().split()[0])

    def log(self, name):
        for path in (f"{self.dir}/log/{name}.log", f"{self.dir}/log/{name}.out"):
            with contextlib.suppress(OSError):
                with open(path) as file:
                    return file.read()
        return ""

    # Clients.

    def try_run(self, *argv, user=None, stdin=None, env=None, cwd=None, timeout=60):
        """Runs a client; returns what subprocess.run returns."""
        full = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_", "SQUEUE_", "SINFO_"))}
        full["SLURM_CONF"] = self.conf
        full.update(env or {})
        extra = {}
        if user:
            who = pwd.getpwnam(user)
            extra = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        return subprocess.run([str(word) for word in argv], capture_output=True, text=True, input=stdin or "", env=full,
                              cwd=cwd or self.work, timeout=timeout, **extra)

    def run(self, *argv, **options):
        """Runs a client that must succeed; returns its standard output."""
        done = self.try_run(*argv, **options)
        if done.returncode != 0:
            raise AssertionError(f"{argv} gave {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def refused(self, *argv, **options):
        """Runs a client that must fail; returns what it wrote to standard error."""
        done = self.try_run(*argv, **options)
        if done.returncode == 0:
            raise AssertionError(f"{argv} was accepted:\n{done.stdout}{done.stderr}")
        return done.stderr

    def submit(self, *options, script=None, **more):
        """sbatch; returns the job id. Without a script the job is `true`."""
        if script is None and not any(str(option).startswith("--wrap") for option in options):
            options += ("--wrap", "true")
        argv = ("sbatch", "--parsable") + options
        text = None if script is None else "#!/bin/sh\n" + script + "\n"
        return self.run(*argv, stdin=text, **more).strip().split(";")[0]

    def job(self, job_id):
        """`scontrol show job`: a dict of the first record, or None when the job is forgotten."""
        done = self.try_run("scontrol", "-o", "show", "job", job_id)
        if done.returncode != 0:
            return None
        return fields(done.stdout.splitlines()[0])

    def node(self, name):
        return fields(self.run("scontrol", "-o", "show", "node", name))

    def partition(self, name):
        return fields(self.run("scontrol", "-o", "show", "partition", name))

    def state(self, job_id):
        record = self.job(job_id)
        return record["JobState"] if record else None

    def wait_state(self, job_id, *states, seconds=20):
        """Waits until the job is in one of the states; returns its record."""
        last = []

        def reached():
            record = self.job(job_id)
            last[:] = [record and record["JobState"]]
            return record if record and record["JobState"] in states else None

        try:
            return wait_for(reached, seconds, f"job {job_id} in {states}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {last[0]}\n{self.job(job_id)}\n{self.log('flurmctld')[-3000:]}") from None

    def wait_end(self, job_id, seconds=30):
        return self.wait_state(job_id, *ENDED, seconds=seconds)

    def wait_reason(self, job_id, reason, seconds=20):
        wait_for(lambda: (self.job(job_id) or {}).get("Reason") == reason, seconds, f"reason {reason} of job {job_id}")

    def start_now(self, job_id):
        """A job that starts over need not wait for its time any more."""
        self.run("scontrol", "update", f"jobid={job_id}", "starttime=now")

    def squeue(self, form, *options):
        """Lines of squeue, each as a list of the fields of `form` ("%i %t")."""
        out = self.run("squeue", "-h", "-o", form.replace(" ", "\x1f"), *options)
        return [[field.strip() for field in line.split("\x1f")] for line in out.splitlines()]

    def read(self, name):
        with open(os.path.join(self.work, name)) as file:
            return file.read()

    def wait_text(self, name, text, seconds=20):
        """Waits until the file in the work folder holds the text."""

        def there():
            with contextlib.suppress(OSError):
                return text in self.read(name)
            return False

        wait_for(there, seconds, f"{text!r} in {name}")


def fields(line):
    """Key=Value words of a line of `scontrol -o`; values may hold blanks (Command=, Reason=, WorkDir=)."""
    out = {}
    parts = re.split(r"(?:^| )([A-Za-z:/_]+)=", line.strip())
    for key, value in zip(parts[1::2], parts[2::2]):
        out.setdefault(key, value.strip())
    return out


class ClusterTest(unittest.TestCase):
    """Tests that share one cluster per class. `nodes`, `extra` and `cluster_type` may be set in the class."""

    nodes = 3
    extra = ""
    cluster_type = Cluster
    cluster = None

    @classmethod
    def setUpClass(cls):
        for program in ("sbatch", "munged"):
            if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin"):
                raise AssertionError(f"{program} is missing: apt-get install slurm-client munge")
        cls.cluster = cls.cluster_type(cls.nodes, cls.extra).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__()

    def setUp(self):
        self.c = self.cluster

    def tearDown(self):
        """Leaves nothing running behind for the next test; shows the log of a failed one."""
        jobs = [line[0] for line in self.c.squeue("%A")]
        if jobs:
            self.c.try_run("scancel", *sorted(set(jobs)))
        wait_for(lambda: not self.c.squeue("%i"), 20, "empty queue")


def me():
    return pwd.getpwuid(os.geteuid()).pw_name


def is_root():
    return os.geteuid() == 0


def main():
    if (REAL or REAL_NODES or REAL_CONTROLLER) and not is_root():
        print("Not run: Slurm's own daemons need root here.", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2, argv=[sys.argv[0], *sys.argv[1:]])
