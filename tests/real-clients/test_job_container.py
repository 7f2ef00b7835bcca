"""job_container/tmpfs: each job has /tmp and /dev/shm for itself. With FLURM_REAL=1 on Slurm's own slurmd."""

import os
import subprocess
import tempfile
import unittest

import cluster
from cluster import Cluster, ClusterTest, kill, main, wait_for

USER = "nobody"


class OwnDirectories(Cluster):
    """job_container.conf stands beside slurm.conf before the nodes start. Nothing of the cluster is below /tmp, which
    jobs do not see."""

    parent = "/var/tmp"

    def up(self):
        os.makedirs(self.dir + "/etc")
        with open(self.folder + "/init", "w") as file:
            file.write(f'#!/bin/sh\necho "$SLURM_JOB_ID $SLURMD_NODENAME $SLURM_JOB_MOUNTPOINT_SRC" >> {self.folder}/inits\n')
        os.chmod(self.folder + "/init", 0o755)
        with open(self.dir + "/etc/job_container.conf", "w") as file:
            file.write("AutoBasePath=true\n")
            for node in ("n1", "n2"):
                file.write(f"NodeName={node} BasePath={self.folder}/own_{node} InitScript={self.folder}/init\n")
        return super().up()

    def spaces(self, node):
        try:
            return [name for name in os.listdir(f"{self.folder}/own_{node}") if name.isdigit()]
        except FileNotFoundError:
            return []


def namespaces_work():
    return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


@unittest.skipUnless(cluster.is_root() and namespaces_work(), "needs root and mount namespaces")
class JobContainer(ClusterTest):
    nodes = 2
    extra = "PrologFlags=contain\nJobContainerType=job_container/tmpfs\n"
    cluster_type = OwnDirectories

    def wait_gone(self):
        wait_for(lambda: not self.c.spaces("n1") and not self.c.spaces("n2"), 20, "the end of the jobs' directories")

    def test_steps_of_a_job_share_what_others_do_not_see(self):
        job = self.c.submit("-N2", "-o", "out", user=USER, script="""
            echo mine > /tmp/flurm-own; echo shm > /dev/shm/flurm-own; stat -c %U:%a /tmp
            srun -N1 -n1 -w $SLURMD_NODENAME cat /tmp/flurm-own /dev/shm/flurm-own
            srun -N2 -n2 --label sh -c 'cat /tmp/flurm-own 2>&1 | wc -l'
            ls -A /tmp""")
        self.assertEqual(self.c.wait_end(job, 40)["JobState"], "COMPLETED")
        self.assertEqual(sorted(self.c.read("out").splitlines()),
                         sorted(["nobody:700", "mine", "shm", "0: 1", "1: 1", "flurm-own"]))
        self.assertFalse(os.path.exists("/tmp/flurm-own"))
        self.assertFalse(os.path.exists("/dev/shm/flurm-own"))
        self.wait_gone()
        with open(self.c.folder + "/inits") as file:
            inits = [line.split() for line in file]
        mine = sorted(line for line in inits if line[0] == job)
        self.assertEqual([line[:2] for line in mine], [[job, "n1"], [job, "n2"]])
        for _, node, place in mine:  # several slurmd on one machine add their names
            self.assertRegex(place, rf"^{self.c.folder}/own_{node}(/{node})?/{job}/\.{job}$")

    def test_output_files_are_outside(self):
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            os.chmod(folder, 0o777)
            job = self.c.submit("-o", folder + "/out", script="echo outside; ls -A /tmp", user=USER)
            self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED")
            with open(folder + "/out") as file:
                self.assertEqual(file.read(), "outside\n")
        self.wait_gone()

    @unittest.skipIf(cluster.REAL or cluster.REAL_NODES, "starts flurmnd")
    def test_daemon_that_was_away(self):
        here = self.c.submit("-w", "n1", "--wrap", "echo kept > /tmp/note; while [ ! -e go ]; do sleep 0.1; done; "
                             "srun --overlap cat /tmp/note", "-o", "kept", user=USER)
        gone = self.c.submit("-w", "n1", "--wrap", "sleep 300", user=USER)
        for job in (here, gone):
            self.c.wait_state(job, "RUNNING")
        wait_for(lambda: sorted(self.c.spaces("n1")) == sorted([here, gone]), 20, "two jobs' directories")
        kill(self.c.pid("n1"))
        os.makedirs(f"{self.c.folder}/own_n1/999999/.999999")  # of a job that nobody knows any more
        self.assertEqual(self.c.local("up").returncode, 0)
        wait_for(lambda: "999999" not in self.c.spaces("n1"), 20, "the end of an unknown job's directory")
        with open(self.c.work + "/go", "w"):
            pass
        self.assertEqual(self.c.wait_end(here)["JobState"], "COMPLETED")
        self.assertEqual(self.c.read("kept"), "kept\n")
        self.c.run("scancel", gone)
        self.wait_gone()


if __name__ == "__main__":
    main()
