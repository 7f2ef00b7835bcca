"""Nodes and partitions as administrators see and change them; reconfigure; daemons that go away and come back."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from cluster import Cluster, ClusterTest, is_root, kill, main, me, wait_for


class Nodes(ClusterTest):
    extra = ("NodeName=DEFAULT Feature=fast,big Weight=7\n"
             "PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"
             "PartitionName=short Nodes=n[1-2] MaxTime=30 DefaultTime=10 PriorityTier=5\n"
             "PartitionName=shut Nodes=n3 State=DOWN\n")

    def test_sinfo(self):
        want = ["debug*|up|infinite|3|idle|n[1-3]", "short|up|30:00|2|idle|n[1-2]", "shut|down|infinite|1|idle|n3"]
        wait_for(lambda: self.c.run("sinfo", "-h", "-o", "%P|%a|%l|%D|%T|%N").splitlines() == want, 10, "all nodes idle in sinfo")
        self.assertEqual(self.c.run("sinfo", "-hN", "-p", "debug", "-o", "%N %c %m %f %w").splitlines(),
                         [f"n{i} 4 4096 fast,big 7" for i in (1, 2, 3)])

    def test_show_node(self):
        node = self.c.node("n2")
        self.assertEqual(node["NodeName"], "n2")
        self.assertTrue(node["State"].startswith("IDLE"))
        self.assertEqual((node["CPUTot"], node["CoresPerSocket"], node["Sockets"], node["ThreadsPerCore"]), ("4", "4", "1", "1"))
        self.assertEqual((node["RealMemory"], node["Weight"], node["AvailableFeatures"]), ("4096", "7", "fast,big"))
        self.assertEqual(node["Partitions"], "debug,short")
        self.assertEqual(self.c.refused("scontrol", "show", "node", "n9"), "")

    def test_show_partition(self):
        part = self.c.partition("short")
        self.assertEqual((part["MaxTime"], part["DefaultTime"], part["PriorityTier"]), ("00:30:00", "00:10:00", "5"))
        self.assertEqual((part["Nodes"], part["TotalNodes"], part["TotalCPUs"], part["State"]), ("n[1-2]", "2", "8", "UP"))

    def test_drain_and_resume(self):
        self.c.run("scontrol", "update", "nodename=n1", "state=drain", "reason=broken fan")
        node = self.c.node("n1")
        self.assertEqual(node["State"], "IDLE+DRAIN")
        self.assertTrue(node["Reason"].startswith("broken fan ["), node["Reason"])
        job = self.c.submit("-w", "n1")
        wait_for(lambda: "not available" in self.c.job(job)["Reason"] or self.c.job(job)["Reason"].startswith("ReqNodeNotAvail"),
                 10, "ReqNodeNotAvail")
        self.c.run("scontrol", "update", "nodename=n1", "state=resume")
        self.c.wait_state(job, "COMPLETED", seconds=40)
        self.assertEqual(self.c.node("n1")["State"], "IDLE")

    def test_drain_of_a_busy_node(self):
        job = self.c.submit("-w", "n2", "--wrap", "sleep 1.5")
        self.c.wait_state(job, "RUNNING")
        self.c.run("scontrol", "update", "nodename=n2", "state=drain", "reason=x")
        self.assertEqual(self.c.node("n2")["State"], "MIXED+DRAIN")
        self.c.wait_state(job, "COMPLETED")
        wait_for(lambda: self.c.node("n2")["State"] == "IDLE+DRAIN", 20, "IDLE+DRAIN")
        self.c.run("scontrol", "update", "nodename=n2", "state=resume")

    def test_down_node_loses_its_job(self):
        job = self.c.submit("-w", "n3", "--no-requeue", "--wrap", "sleep 1000")
        self.c.wait_state(job, "RUNNING")
        self.c.run("scontrol", "update", "nodename=n3", "state=down", "reason=x")
        self.c.wait_state(job, "NODE_FAIL")
        self.c.run("scontrol", "update", "nodename=n3", "state=resume")
        wait_for(lambda: self.c.node("n3")["State"] == "IDLE", 30, "IDLE")

    def test_update_features_and_weight(self):
        self.c.run("scontrol", "update", "nodename=n1", "weight=99", "availablefeatures=fast,new", "activefeatures=fast,new")
        node = self.c.node("n1")
        self.assertEqual((node["Weight"], node["AvailableFeatures"]), ("99", "fast,new"))
        self.assertEqual(self.c.wait_end(self.c.submit("-C", "new"))["NodeList"], "n1")

    def test_partitions_take_jobs_from_their_nodes_only(self):
        here = self.c.job(self.c.submit("--hold"))["AllocNode:Sid"].split(":")[0]
        try:
            self.c.run("scontrol", "update", "partitionname=short", "allocnodes=elsewhere[1-3]")
            self.assertIn("Access/permission denied", self.c.refused("sbatch", "-p", "short", "--wrap", "true"))
            self.c.run("scontrol", "update", "partitionname=short", f"allocnodes=elsewhere,{here}")
            self.c.wait_end(self.c.submit("-p", "short"))
        finally:
            self.c.run("scontrol", "update", "partitionname=short", "allocnodes=ALL")
        self.assertEqual(self.c.partition("short")["AllocNodes"], "ALL")

    def test_update_partition(self):
        self.c.run("scontrol", "update", "partitionname=short", "maxtime=60", "state=drain")
        part = self.c.partition("short")
        self.assertEqual((part["MaxTime"], part["State"]), ("01:00:00", "DRAIN"))
        self.c.run("scontrol", "update", "partitionname=short", "state=up", "maxtime=30")

    def test_partition_that_is_down_keeps_jobs_waiting(self):
        job = self.c.submit("-p", "shut")
        self.c.wait_reason(job, "PartitionDown")
        self.c.run("scancel", job)

    def test_choice_of_nodes(self):
        self.assertEqual(self.c.wait_end(self.c.submit("-w", "n2"))["NodeList"], "n2")
        self.assertEqual(self.c.wait_end(self.c.submit("-x", "n[1-2]"))["NodeList"], "n3")
        self.assertEqual(self.c.wait_end(self.c.submit("-p", "short", "-N2"))["NodeList"], "n[1-2]")
        self.assertEqual(self.c.job(self.c.submit("-p", "short", "--hold"))["TimeLimit"], "00:10:00")

    def test_cpus_and_memory_are_counted(self):
        jobs = [self.c.submit("-w", "n1", "-c2", "--mem=100", "--wrap", "sleep 100") for _ in range(3)]
        self.c.wait_state(jobs[0], "RUNNING")
        self.c.wait_state(jobs[1], "RUNNING")
        self.c.wait_reason(jobs[2], "Resources")
        wait_for(lambda: self.c.node("n1")["CPUAlloc"] == "4", 10, "CPUAlloc=4 of n1")
        big = self.c.submit("-w", "n2", "--mem=3000", "--wrap", "sleep 100")
        small = self.c.submit("-w", "n2", "--mem=2000", "--wrap", "true")
        self.c.wait_state(big, "RUNNING")
        wait_for(lambda: self.c.job(small)["Reason"] in ("Resources", "Priority"), 10, "waiting for memory")
        wait_for(lambda: self.c.node("n2")["AllocMem"] == "3000", 10, "AllocMem=3000 of n2")


class Reconfigure(ClusterTest):
    def test_changed_partition_and_key(self):
        with open(self.c.conf, "a") as file:
            file.write("PartitionName=added Nodes=n1 MaxTime=5\n")
        job = self.c.submit("--wrap", "sleep 1.5")
        self.c.wait_state(job, "RUNNING")
        self.c.run("scontrol", "reconfigure")
        wait_for(lambda: "added" in self.c.run("sinfo", "-h", "-o", "%P"), 10, "partition added")
        self.c.wait_state(job, "COMPLETED")
        self.assertEqual(self.c.wait_end(self.c.submit("-p", "added"))["NodeList"], "n1")

    def test_ping_and_config(self):
        self.assertIn("is UP", self.c.run("scontrol", "ping"))
        config = dict(line.split("=", 1) for line in self.c.run("scontrol", "show", "config").splitlines() if "=" in line)
        config = {key.strip(): value.strip() for key, value in config.items()}
        self.assertEqual(config["ClusterName"], "local")
        self.assertEqual(config["SelectTypeParameters"], "CR_CORE_MEMORY")
        self.assertEqual(config["KillWait"], "5 sec")
        self.assertEqual(config["SLURM_CONF"], self.c.conf)
        self.assertTrue(self.c.run("sdiag").startswith("*****"))


class Restart(ClusterTest):
    nodes = 2
    extra = "BatchStartTimeout=2\n"

    def stop(self, name, how=signal.SIGTERM):
        pid = self.c.pid(name)
        os.kill(pid, how)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}/exe") or open(f"/proc/{pid}/stat").read().split(") ")[1][0] == "Z",
                 15, f"end of {name}")

    def test_job_outlives_the_node_daemon(self):
        job = self.c.submit("-o", "out.%j", "--wrap", "echo begin; sleep 2; echo end")
        node = self.c.wait_state(job, "RUNNING")["NodeList"]
        self.c.wait_text("out." + job, "begin")
        self.stop(node, signal.SIGKILL)
        self.assertEqual(self.c.local("up").returncode, 0)
        self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED")
        self.assertEqual(self.c.read("out." + job), "begin\nend\n")

    def test_job_ends_while_the_node_daemon_is_away(self):
        job = self.c.submit("--wrap", "sleep 1; exit 3")
        node = self.c.wait_state(job, "RUNNING")["NodeList"]
        self.stop(node, signal.SIGKILL)
        self.c.run("sleep", "1.5")
        self.assertEqual(self.c.local("up").returncode, 0)
        self.assertEqual(self.c.wait_end(job)["ExitCode"], "3:0")

    @unittest.skipIf(os.environ.get("FLURM_REAL"), "Slurm starts nothing on a node that was down before it has answered")
    def test_node_returns_with_the_run_that_was_given_up(self):
        """A run that ends while its node is taken for dead says nothing of the run after it, on the same node."""
        job = self.c.submit("-w", "n1", "-o", "/dev/null", script="""
            run=${SLURM_RESTART_COUNT:-0}
            echo begin $run >> given_up
            while [ ! -e let_$run ]; do sleep 0.05; done
            echo end $run >> given_up
            [ $run = 1 ]""")
        self.c.wait_text("given_up", "begin 0")
        os.kill(self.c.pid("n1"), signal.SIGSTOP)
        try:
            self.c.run("scontrol", "update", "nodename=n1", "state=down", "reason=x")
            self.c.run("scontrol", "update", "jobid=" + job, "starttime=now")
            self.c.run("scontrol", "update", "nodename=n1", "state=resume")
            self.c.wait_state(job, "RUNNING", seconds=30)
            open(self.c.work + "/let_0", "w").close()
            self.c.wait_text("given_up", "end 0")
        finally:
            os.kill(self.c.pid("n1"), signal.SIGCONT)
        self.c.wait_text("given_up", "begin 1", seconds=60)
        self.assertEqual(self.c.state(job), "RUNNING")
        open(self.c.work + "/let_1", "w").close()
        self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED")
        self.assertEqual(self.c.read("given_up").split("\n")[:-1], ["begin 0", "end 0", "begin 1", "end 1"])

    def test_job_that_its_node_knows_nothing_of(self):
        """The node lost all it knew of a job: the controller sees that when the node registers."""
        again = self.c.work + "/again"
        job = self.c.submit("-w", "n2", "-o", "/dev/null", script=f"""
            echo $PPID $$ >> forgotten
            [ -e {again} ] || exec sleep 1000""")
        self.c.wait_state(job, "RUNNING")
        self.c.wait_text("forgotten", "\n")
        open(again, "w").close()
        self.stop("n2", signal.SIGKILL)
        for pid in self.c.read("forgotten").split():
            os.kill(int(pid), signal.SIGKILL)
        shutil.rmtree(self.c.dir + "/spool/n2")
        self.assertEqual(self.c.local("up").returncode, 0)
        self.c.wait_reason(job, "BeginTime", seconds=60)
        self.c.start_now(job)
        record = self.c.wait_end(job, seconds=60)
        self.assertEqual((record["JobState"], record["Restarts"]), ("COMPLETED", "1"))
        self.assertEqual(self.c.read("forgotten").count("\n"), 2)

    def test_controller_keeps_jobs_over_a_stop(self):
        waiting = self.c.submit("--begin=now+1hour", "-J", "later")
        running = self.c.submit("--wrap", "sleep 2")
        self.c.wait_state(running, "RUNNING")
        self.stop("flurmctld")
        self.assertEqual(self.c.local("up").returncode, 0)
        self.assertEqual(self.c.job(waiting)["JobName"], "later")
        self.c.wait_state(running, "COMPLETED")
        self.c.run("scancel", waiting)


class Reboot(ClusterTest):
    """scontrol reboot: a daemon that is started anew with -b stands for a machine that booted."""

    nodes = 2

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(dir="/tmp")
        os.chmod(folder, 0o777)
        cls.folder = folder
        with open(folder + "/reboot", "w") as file:
            file.write(f"#!/bin/sh\necho $SLURM_CONF $@ >> {folder}/asked\n")
        os.chmod(folder + "/reboot", 0o755)
        cls.extra = f"RebootProgram={folder}/reboot\nResumeTimeout=30\n"
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def asked(self):
        try:
            with open(self.folder + "/asked") as file:
                return len(file.readlines())
        except OSError:
            return 0

    def test_when_its_job_has_ended(self):
        job = self.c.submit("-w", "n1", "--wrap", "while [ ! -e let_go ]; do sleep 0.1; done")
        self.c.wait_state(job, "RUNNING")
        self.c.run("scontrol", "reboot", "asap", "reason=new kernel", "n1")
        record = self.c.node("n1")
        self.assertIn("DRAIN", record["State"])
        self.assertIn("REBOOT_REQUESTED", record["State"])
        self.assertTrue(record["Reason"].startswith("new kernel"), record["Reason"])
        self.c.run("scontrol", "cancel_reboot", "n1")
        self.assertEqual(self.c.node("n1")["State"], "MIXED")
        self.c.run("scontrol", "reboot", "asap", "nextstate=resume", "n1")
        waits = self.c.submit("-w", "n1")
        before = self.asked()
        open(self.c.work + "/let_go", "w").close()
        wait_for(lambda: self.asked() == before + 1, 40, "the reboot")
        self.assertIn("REBOOT_ISSUED", self.c.node("n1")["State"])
        self.assertIn("in progress", self.c.refused("scontrol", "cancel_reboot", "n1").lower())
        with self.booted("n1"):
            self.assertEqual(self.c.wait_end(waits, seconds=60)["JobState"], "COMPLETED")
            self.assertEqual(self.c.node("n1")["State"], "IDLE")

    @contextlib.contextmanager
    def booted(self, node):
        """Another daemon in the place of the node's, as after a reboot."""
        kill(self.c.pid(node))
        daemon = subprocess.Popen([self.c.bin + "/flurmnd", "-D", "-f", self.c.conf, "-N", node, "-b"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            kill(daemon.pid)
            daemon.wait()
            self.c.local("up")

    def test_for_a_job_that_asks_for_it(self):
        self.assertIn("ermission denied", self.c.refused("sbatch", "--reboot", "--wrap", "true", user="nobody"))
        before = self.asked()
        job = self.c.submit("-w", "n2", "--reboot", "--wrap", "true")
        self.c.wait_state(job, "CONFIGURING")
        wait_for(lambda: self.asked() == before + 1, 40, "the reboot")
        with self.booted("n2"):
            self.assertEqual(self.c.wait_end(job, seconds=60)["JobState"], "COMPLETED")
        record = self.c.job(job)
        self.assertEqual((record["Reboot"], record["OverSubscribe"]), ("1", "NO"))

    def test_refusals(self):
        self.assertIn("Invalid node name", self.c.refused("scontrol", "reboot", "nowhere"))
        if is_root():
            self.assertIn("ermission denied", self.c.refused("scontrol", "reboot", "n2", user="nobody"))


class Users(ClusterTest):
    """What one user may do to another's jobs. Needs root, to become someone else."""

    @classmethod
    def setUpClass(cls):
        if not is_root():
            raise cls.skipTest(cls, "needs root")
        super().setUpClass()

    def test_jobs_run_as_their_owner(self):
        job = self.c.submit("-o", "who.%j", "--wrap", "id -un; umask", user="nobody")
        self.assertTrue(self.c.wait_end(job)["UserId"].startswith("nobody("))
        self.assertTrue(self.c.read("who." + job).startswith("nobody\n"))

    def test_others_jobs_are_out_of_reach(self):
        job = self.c.submit("--hold")
        self.assertIn("Access/permission denied", self.c.refused("scancel", job, user="nobody"))
        self.assertIn("Invalid user id", self.c.refused("scontrol", "update", f"jobid={job}", "name=x", user="nobody"))
        self.assertIn("Invalid user id", self.c.refused("scontrol", "release", job, user="nobody"))

    def test_administration_is_for_administrators(self):
        for words in (["update", "nodename=n1", "state=drain", "reason=x"], ["update", "partitionname=debug", "state=down"],
                      ["reconfigure"], ["shutdown"]):
            refusal = self.c.refused("scontrol", *words, user="nobody")
            self.assertRegex(refusal, "Access/permission denied|Invalid user id")

    def test_root_may_cancel_anything(self):
        job = self.c.submit("--hold", user="nobody")
        self.c.run("scancel", job)
        self.c.wait_state(job, "CANCELLED")

    def test_a_user_may_not_raise_priority(self):
        job = self.c.submit("--begin=now+1hour", "--nice=50", user="nobody")
        self.c.run("scontrol", "update", f"jobid={job}", "nice=60", user="nobody")
        self.assertIn("Access/permission denied",
                      self.c.refused("scontrol", "update", f"jobid={job}", "nice=-60", user="nobody"))
        self.c.run("scancel", job)


class LocalTool(ClusterTest):
    """`flurm local` itself."""

    nodes = 1

    def test_status_env_and_side_by_side(self):
        with Cluster(nodes=1) as other:
            self.assertEqual(self.c.local("status").returncode, 0)
            self.assertEqual(self.c.local("env").stdout, f"export SLURM_CONF={self.c.conf}\n")
            self.assertEqual(other.state(other.submit("--hold")), "PENDING")
            self.assertEqual(self.c.squeue("%i"), [])
            other.run("scancel", "--user", me())

    def test_up_is_repeatable_and_down_leaves_nothing(self):
        with Cluster(nodes=2) as other:
            self.assertIn("running already", other.local("up").stdout)
            job = other.submit("-o", "x", "--wrap", "setsid sleep 4321 & echo here; sleep 4321")
            other.wait_text("x", "here")
            other.down()
            self.assertEqual(other.local("status").returncode, 3)
            mine = [pid for pid in os.listdir("/proc") if pid.isdigit() and b"4321" in cmdline(pid)]
            self.assertEqual(mine, [])
            other.up()
            self.assertIsNotNone(other.job(job))

    def test_bad_configuration_is_said(self):
        broken = Cluster(nodes=1, extra="KillWait=soon\n")
        done = broken.local("up", "--conf-extra", broken.extra)
        self.assertEqual(done.returncode, 1)
        self.assertIn("KillWait: 'soon' is not allowed; allowed: 0 to 65533", done.stderr)
        broken.__exit__()


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


if __name__ == "__main__":
    main()
