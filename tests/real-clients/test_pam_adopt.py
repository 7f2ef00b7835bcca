"""Debian's pam_slurm_adopt: a login to a node goes into the user's job there, and ends with it."""

import os
import signal
import subprocess
import unittest

import cluster
from cluster import Cluster, ClusterTest, main, wait_for

MODULE = "/usr/lib/security/pam_slurm_adopt.so"
USER = "nobody"


@unittest.skipUnless(cluster.is_root() and os.path.exists(MODULE) and os.path.exists("/usr/bin/pamtester") and
                     os.access("/sys/fs/cgroup/memory/cgroup.procs", os.W_OK),
                     "needs root, cgroups of its own, libpam-slurm-adopt and pamtester")
class Login(ClusterTest):
    nodes = 1
    extra = "PrologFlags=contain\nProctrackType=proctrack/cgroup\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = f"flurm-test-{os.getpid()}"
        cls.login = cls.cluster.folder + "/login"
        with open(cls.login, "w") as file:  # what the login does: it says who it is, and stays
            file.write("#!/bin/sh\necho $$ > \"$1\"\nexec sleep 300\n")
        os.chmod(cls.login, 0o755)
        with open("/etc/pam.d/" + cls.service, "w") as file:
            file.write(f"account requisite {MODULE} service=* nodename=n1 action_adopt_failure=deny "
                       "action_generic_failure=deny action_unknown=newest\n"
                       f"account required pam_exec.so {cls.login} {cls.cluster.work}/pid\n")

    @classmethod
    def tearDownClass(cls):
        os.unlink("/etc/pam.d/" + cls.service)
        super().tearDownClass()

    def log_in(self):
        process = subprocess.Popen(["pamtester", self.service, USER, "acct_mgmt"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   env={"SLURM_CONF": self.c.conf, "PATH": "/usr/bin:/bin"}, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def test_nobody_without_a_job_gets_in(self):
        process = self.log_in()
        said = process.communicate(timeout=30)[0]
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("Permission denied", said)

    def test_a_login_is_part_of_the_job(self):
        job = self.c.submit("--wrap", "sleep 300", user=USER)
        self.c.wait_state(job, "RUNNING")
        process = self.log_in()

        def inside():
            try:
                return self.c.read("pid").strip()
            except FileNotFoundError:
                return process.poll() is not None

        login = wait_for(inside, 30, "a login")
        self.assertIsNone(process.poll(), process.stdout.read() if process.poll() is not None else "")
        self.c.run("scancel", job)
        self.c.wait_end(job)
        wait_for(lambda: process.poll() is not None, 30, "the end of the login with its job")
        wait_for(lambda: not os.path.exists(f"/proc/{login}"), 30, "the end of what the login runs")
        left = subprocess.run(["find", "/sys/fs/cgroup", "-maxdepth", "3", "-path", f"*/flurm_*_n1/job_{job}"],
                              capture_output=True, text=True)
        self.assertEqual(left.stdout, "")


if __name__ == "__main__":
    main()
