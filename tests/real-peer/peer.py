"""Clusters of Debian's slurmctld over our flurmnd (Peer), and over Debian's slurmd for comparison (AllReal)."""

import contextlib
import os
import pwd
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../real-clients"))
import cluster
from cluster import Cluster, wait_for


def ordinary_user():
    """One with a login shell where there is one: a login environment is only to be had from such."""
    for entry in pwd.getpwall():
        if 1000 <= entry.pw_uid < 60000 and entry.pw_shell.endswith("sh") and os.path.isdir(entry.pw_dir):
            return entry.pw_name
    return "nobody"


USER = ordinary_user()


class Peer(Cluster):
    """Real controller, our nodes."""

    node_program = None  # flurmnd

    def _programs(self):
        built = os.path.abspath(os.environ.get("FLURM_BIN") or os.path.join(os.path.dirname(__file__), "../../build/dev/bin"))
        folder = self.folder + "/bin"
        os.mkdir(folder)
        for name, target in (("flurm", built + "/flurm"), ("flurmctld", "/usr/sbin/slurmctld"),
                             ("flurmnd", self.node_program or built + "/flurmnd")):
            if name == "flurm":
                cluster.shutil.copy(target, folder)
            else:
                os.symlink(target, f"{folder}/{name}")
        self.built = built
        return folder

    def kill_node(self, name, how=signal.SIGKILL):
        pid = self.pid(name)
        os.kill(pid, how)
        wait_for(lambda: not alive(pid), 10, f"end of {name}")

    def start_missing(self):
        """Starts the daemons that do not run."""
        self.up()

    def supervisors(self, job_id):
        """Process ids of the supervisors of a job."""
        out = subprocess.run(["pgrep", "-f", rf"flurmstepd: \[{job_id}\.batch\]"], capture_output=True, text=True)
        return [int(word) for word in out.stdout.split() if in_cluster(int(word), self.dir)]


class AllReal(Peer):
    node_program = "/usr/sbin/slurmd"

    def __init__(self, *words, **options):
        cluster.need_slurms_nodes()
        super().__init__(*words, **options)


def in_cluster(pid, folder):
    """Whether a supervisor belongs to this cluster: it keeps the job's directory open."""
    with contextlib.suppress(OSError):
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith(folder) for fd in os.listdir(f"/proc/{pid}/fd"))
    return False


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(") ", 1)[1][0] not in "ZX"
    except OSError:
        return False


def normal(text, peer):
    """The text without what must differ between two clusters."""
    text = text.replace(peer.folder, "FOLDER")
    text = re.sub(r"^(SLURM_TASK_PID=)\d+$", r"\1PID", text, flags=re.M)
    text = re.sub(r"^_=.*$", "_=", text, flags=re.M)  # the last program of the login shell
    text = re.sub(r"slurmstepd-n\d+:", "slurmstepd:", text)  # Debian's slurmd names its node
    text = re.sub(r"AT \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "AT TIME", text)
    return re.sub(r"(SLURM_WORKING_CLUSTER=[^:]*:[^:]*:)\d+:", r"\1PORT:", text)
