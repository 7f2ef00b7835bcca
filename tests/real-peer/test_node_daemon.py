"""flurmnd under Debian's slurmctld: prolog and epilog, restarts of either side, suspension, configless start."""

import os
import re
import signal
import subprocess
import time
import unittest

from peer import Peer, USER, alive
from cluster import ClusterTest, main, wait_for


def has_memory_cgroup():
    if os.access("/sys/fs/cgroup/memory/memory.limit_in_bytes", os.W_OK):
        return True
    try:
        with open("/sys/fs/cgroup/cgroup.controllers") as file:
            return "memory" in file.read().split()
    except OSError:
        return False


class PeerTest(ClusterTest):
    cluster_type = Peer
    nodes = 2


class Restarts(PeerTest):
    WAITS = "until [ -e go.$SLURM_JOB_ID ]; do sleep 0.1; done; "

    def start_job(self, script, **options):
        job = self.c.submit("-w", "n1", "-o", f"{self.c.work}/%j", script="echo up >> runs.$SLURM_JOB_ID; echo up; " + script,
                            **options)
        self.c.wait_state(job, "RUNNING")
        self.c.wait_text(job, "up")
        return job

    def let_go(self, job):
        """Ends a job whose script is WAITS."""
        with open(f"{self.c.work}/go.{job}", "w"):
            pass

    def ran_once(self, job):
        self.assertEqual(self.c.read("runs." + job), "up\n")
        wait_for(lambda: not self.c.supervisors(job), 10, "supervisor gone")
        self.assertFalse(os.path.exists(f"{self.c.dir}/spool/n1/job{int(job):05}"))

    def test_job_outlives_a_killed_daemon(self):
        job = self.start_job(self.WAITS + "exit 4")
        self.c.kill_node("n1")
        self.c.start_missing()
        self.let_go(job)
        self.assertEqual(self.c.wait_end(job)["ExitCode"], "4:0")
        self.ran_once(job)

    def test_end_while_the_daemon_is_away(self):
        job = self.start_job(self.WAITS + "exit 5")
        self.c.kill_node("n1")
        self.assertTrue(self.c.supervisors(job))
        self.let_go(job)
        wait_for(lambda: "step_batch.state" in os.listdir(f"{self.c.dir}/spool/n1/job{int(job):05}")
                 and not os.path.exists(f"{self.c.dir}/spool/n1/job{int(job):05}/slurm_script"), 10, "end of the script")
        self.c.start_missing()
        self.assertEqual(self.c.wait_end(job)["ExitCode"], "5:0")
        self.ran_once(job)

    def test_end_while_the_controller_is_away(self):
        job = self.start_job(self.WAITS + "exit 6")
        self.c.kill_node("flurmctld")
        self.let_go(job)
        wait_for(lambda: not os.path.exists(f"{self.c.dir}/spool/n1/job{int(job):05}/slurm_script"), 10, "end of the script")
        self.c.start_missing()
        self.assertEqual(self.c.wait_end(job, seconds=60)["ExitCode"], "6:0")
        self.ran_once(job)

    def test_many_kills_while_jobs_run(self):
        jobs = [self.c.submit("-w", "n1", "--mem=1", "-o", "/dev/null", script=f"echo up >> runs.$SLURM_JOB_ID; sleep {i % 4 / 2}")
                for i in range(16)]
        for _ in range(6):
            self.c.kill_node("n1")
            self.c.start_missing()
        for job in jobs:
            self.assertEqual(self.c.wait_end(job, seconds=60)["JobState"], "COMPLETED")
            self.ran_once(job)

    def test_killed_supervisor(self):
        job = self.start_job("exec sleep 300")
        (supervisor,) = self.c.supervisors(job)
        os.kill(supervisor, signal.SIGKILL)
        record = self.c.wait_end(job)
        self.assertEqual((record["JobState"], record["ExitCode"]), ("FAILED", "0:9"))
        self.ran_once(job)

    def test_shutdown_leaves_jobs_alone(self):
        job = self.start_job(self.WAITS + "exit 7")
        self.c.kill_node("n1", signal.SIGTERM)
        self.assertTrue(self.c.supervisors(job))
        self.let_go(job)
        self.c.start_missing()
        self.assertEqual(self.c.wait_end(job)["ExitCode"], "7:0")

    def test_reconfigure(self):
        self.c.run("scontrol", "reconfigure")
        wait_for(lambda: "noded.reconfigured" in self.c.log("n1"), 10, "reconfigured")
        self.c.wait_state(self.c.submit("-w", "n1"), "COMPLETED")


class Anew(PeerTest):
    """A cluster of its own: Slurm writes its state some seconds late, which the next test would notice."""

    def test_controller_that_knows_nothing_of_its_nodes(self):
        """It asks them to register in the oldest protocol it knows, two releases before its own."""
        self.c.kill_node("flurmctld")
        with open(self.c.conf) as file:
            where = re.search(r"^StateSaveLocation=(.*)$", file.read(), re.M).group(1)
        for name in os.listdir(where):
            os.unlink(f"{where}/{name}")
        self.c.start_missing()
        states = lambda: self.c.run("sinfo", "-hN", "-o", "%T").split()
        wait_for(lambda: states() == ["idle"] * self.nodes, 20, "idle nodes")
        self.assertEqual(self.c.wait_end(self.c.submit("-o", "/dev/null"))["JobState"], "COMPLETED")


class PrologAndEpilog(PeerTest):
    @classmethod
    def setUpClass(cls):
        cls.extra = "\n".join(f"{key}=/tmp/flurm-peer-{os.getpid()}-{key}" for key in ("Prolog", "Epilog", "TaskProlog", "TaskEpilog"))
        for key in ("Prolog", "Epilog"):
            cls.script(key, 'env | sort > "$SLURM_JOB_WORK_DIR/%s.$SLURM_JOB_ID"; '
                            'grep -qx "$SLURM_JOB_ID" "$SLURM_JOB_WORK_DIR/fail" 2>/dev/null && exit 1; exit 0' % key.lower())
        cls.script("TaskProlog", "echo export FROM_PROLOG=yes; echo print printed")
        cls.script("TaskEpilog", "id -un > taskepilog.$SLURM_JOB_ID")
        super().setUpClass()

    @classmethod
    def script(cls, key, text):
        path = f"/tmp/flurm-peer-{os.getpid()}-{key}"
        with open(path, "w") as file:
            file.write("#!/bin/bash\n" + text + "\n")
        os.chmod(path, 0o755)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for line in cls.extra.split():
            os.unlink(line.split("=")[1])

    def test_order_and_environment(self):
        job = self.c.submit("-o", f"{self.c.work}/%j", script="test -e prolog.$SLURM_JOB_ID && echo after prolog $FROM_PROLOG; exit 3",
                            user=USER)
        self.c.wait_state(job, "FAILED")
        self.assertEqual(self.c.read(job), "printed\nafter prolog yes\n")
        self.assertEqual(self.c.read("taskepilog." + job), USER + "\n")
        prolog = dict(line.split("=", 1) for line in self.c.read("prolog." + job).splitlines())
        self.assertEqual((prolog["SLURM_JOB_USER"], prolog["SLURM_SCRIPT_CONTEXT"], prolog["SLURM_CLUSTER_NAME"]),
                         (USER, "prolog_slurmd", "local"))
        epilog = wait_for(lambda: os.path.exists(f"{self.c.work}/epilog.{job}") and self.c.read("epilog." + job), 10, "epilog")
        self.assertIn("SLURM_JOB_EXIT_CODE2=3:0\n", epilog)
        wait_for(lambda: self.c.node("n1")["State"] == "IDLE", 10, "idle node")

    def test_failing_prolog(self):
        first = int(self.c.submit("-H"))
        self.c.run("scancel", first)
        with open(self.c.work + "/fail", "w") as file:
            file.write(f"{first + 1}\n")
        job = self.c.submit("-w", "n2", "-o", "/dev/null")
        self.assertEqual(job, str(first + 1))
        self.c.wait_reason(job, "launch_failed_requeued_held")
        node = wait_for(lambda: (lambda n: "DRAIN" in n["State"] and n)(self.c.node("n2")), 20, "drained node")
        self.assertTrue(node["Reason"].startswith("Prolog error"), node["Reason"])
        self.c.run("scancel", job)
        os.unlink(self.c.work + "/fail")
        self.c.run("scontrol", "update", "nodename=n2", "state=resume")


class PrologByAllocation(PrologAndEpilog):
    @classmethod
    def script(cls, key, text):
        super().script(key, text)
        if "PrologFlags" not in cls.extra:
            cls.extra += "\nPrologFlags=Alloc"

    @classmethod
    def tearDownClass(cls):
        cls.extra = cls.extra.replace("\nPrologFlags=Alloc", "")
        super().tearDownClass()


class Control(PeerTest):
    def test_suspend_and_resume(self):
        job = self.c.submit("-o", f"{self.c.work}/%j", script="echo up; while :; do echo x >> ticks; sleep 0.1; done")
        self.c.wait_state(job, "RUNNING")
        self.c.wait_text(job, "up")
        size = lambda: os.path.getsize(self.c.work + "/ticks")
        self.c.run("scontrol", "suspend", job)
        self.c.wait_state(job, "SUSPENDED")
        wait_for(lambda: self.stands_still(size), 10, "stopped")
        self.c.run("scontrol", "resume", job)
        before = size()
        wait_for(lambda: size() > before, 10, "running again")
        self.c.run("scancel", job)
        self.assertEqual(self.c.wait_end(job)["JobState"], "CANCELLED")

    @staticmethod
    def stands_still(size):
        before = size()
        time.sleep(0.5)
        return size() == before

    def test_term_is_followed_by_kill(self):
        job = self.c.submit("-o", f"{self.c.work}/%j", script="trap 'echo term' TERM; echo up; while :; do sleep 0.1; done")
        self.c.wait_text(job, "up")
        self.c.run("scancel", job)
        record = self.c.wait_end(job, seconds=40)
        self.assertEqual(record["JobState"], "CANCELLED")
        wait_for(lambda: not self.c.supervisors(job), 20, "end of all processes")
        self.assertIn("term\n", self.c.read(job))

    def test_ping_of_the_daemon(self):
        out = self.c.run("scontrol", "show", "slurmd", "n1", env={"SLURMD_NODENAME": "n1"})
        self.assertIn("Slurmd PID", out)


@unittest.skipUnless(has_memory_cgroup(), "no cgroup memory controller")
class Cgroups(PeerTest):
    extra = "ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(cls.cluster.dir + "/etc/cgroup.conf", "w") as file:
            file.write("CgroupAutomount=no\nConstrainRAMSpace=yes\n")
        cls.cluster.run("scontrol", "reconfigure")
        wait_for(lambda: "noded.reconfigured" in cls.cluster.log("n1"), 10, "reconfigured")

    def test_too_much_memory(self):
        job = self.c.submit("-w", "n1", "--mem=40", "-o", f"{self.c.work}/%j", script="x=$(head -c 150000000 /dev/zero | tr '\\0' a); echo alive")
        self.assertEqual(self.c.wait_end(job)["JobState"], "OUT_OF_MEMORY")
        self.assertIn("out-of-memory", self.c.read(job))

    def test_everything_is_cleaned_up(self):
        job = self.c.submit("-w", "n1", "--mem=40", "-o", f"{self.c.work}/%j", script="setsid sleep 300 & echo $!; cat /proc/self/cgroup")
        self.c.wait_state(job, "COMPLETED")
        sleeper, groups = self.c.read(job).split("\n", 1)
        self.assertRegex(groups, rf"/flurm_.+_n1/job_{job}/step_batch\n")
        self.assertFalse(os.path.exists(f"/proc/{sleeper}"))
        self.assertEqual(self.groups(job), "")

    def test_what_a_killed_supervisor_leaves_behind(self):
        """Also what knows nothing of its job any more."""
        job = self.c.submit("-w", "n1", "--mem=40", "--no-requeue", "-o", f"{self.c.work}/%j",
                            script="env -i setsid sleep 300 & echo $!; wait")
        self.c.wait_text(job, "\n")
        sleeper = self.c.read(job).strip()
        self.assertIn(f"job_{job}", self.groups(job))
        for pid in self.c.supervisors(job):
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.c.wait_end(job)["JobState"], "FAILED")
        self.assertFalse(alive(sleeper))
        self.assertEqual(self.groups(job), "")

    @staticmethod
    def groups(job):
        found = subprocess.run(["find", "/sys/fs/cgroup", "-maxdepth", "3", "-path", f"*/flurm_*_n1/job_{job}"],
                               capture_output=True, text=True)
        return found.stdout


class Configless(unittest.TestCase):
    def setUp(self):
        # A node without files knows only the system's munged.
        if subprocess.run(["munge", "-n"], capture_output=True).returncode != 0:
            self.skipTest("no munged on the system's socket")

    def test_start_without_files(self):
        with Peer(1, "SlurmctldParameters=enable_configless\nAuthInfo=\n") as c:
            c.kill_node("n1", signal.SIGTERM)
            with open(c.conf) as file:
                port = next(line.split("=")[1].strip() for line in file if line.startswith("SlurmctldPort="))
            env = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
            with open(c.folder + "/configless.log", "w") as log:
                node = subprocess.Popen([c.built + "/flurmnd", "-D", "-N", "n1", "--conf-server", f"127.0.0.1:{port}"],
                                        env=env, stdout=log, stderr=log)
            try:
                cache = f"{c.dir}/spool/n1/conf-cache/slurm.conf"
                wait_for(lambda: node.poll() is not None or os.path.exists(cache), 10, "configuration")
                self.assertIsNone(node.poll(), c.folder + "/configless.log")
                job = c.submit("-o", c.work + "/%j", script="echo $SLURM_CONF")
                c.wait_state(job, "COMPLETED")
                self.assertEqual(c.read(job), cache + "\n")
            finally:
                node.terminate()
                node.wait(10)


if __name__ == "__main__":
    main()
