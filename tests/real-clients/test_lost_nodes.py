"""Nodes, daemons and supervisors that are lost while steps run: what srun, salloc and sbatch tell, how steps and jobs end."""

import contextlib
import glob
import os
import shutil
import signal
import time
import unittest

from cluster import REAL, REAL_CONTROLLER, REAL_NODES, is_root, kill, main, wait_for
from steps import StepTest

# srun -v: the step runs on n2. A slurmd that is told to kill a step before that may let its tasks live.
STARTED = "Node n2, 1 tasks started"
RUN = "echo $SLURMD_NODENAME $PPID $$ > where.$SLURM_PROCID; exec sleep 100"


def is_alive(pid):
    """A zombie is dead; whoever inherited it may take its time."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    return False


class LostTest(StepTest):
    nodes = 3
    extra = "SlurmdTimeout=5\nMessageTimeout=5\nKillWait=2\nReturnToService=2\n"

    def setUp(self):
        super().setUp()
        for path in glob.glob(self.c.work + "/where.*"):
            os.unlink(path)

    def tearDown(self):
        for n in range(1, self.nodes + 1):
            self.c.try_run("scontrol", "update", f"nodename=n{n}", "state=resume")
        super().tearDown()
        wait_for(lambda: {line for line in self.c.run("sinfo", "-hN", "-o", "%T").split()} == {"idle"}, 30, "idle nodes")

    def begun(self, tasks):
        """Waits until the tasks of RUN run; gives of each its node, its supervisor, itself."""

        def all_there():
            with contextlib.suppress(OSError, ValueError):
                rows = [self.c.read(f"where.{task}").split() for task in range(tasks)]
                return [(node, int(parent), int(me)) for node, parent, me in rows]

        return wait_for(all_there, 20, "the tasks")

    def lose(self, node):
        self.c.run("scontrol", "update", "nodename=" + node, "state=down", "reason=test")

    def last_job(self):
        return max((int(line[0]) for line in self.c.squeue("%A", "-t", "all")), default=0)


class Down(LostTest):
    """The administrator, or the controller, sets a node down."""

    def test_srun_ends_with_its_job(self):
        srun = self.start("srun", "-w", "n[1-2]", "-l", "sh", "-c", RUN)
        self.begun(2)
        self.lose("n2")
        out = self.output_of(srun)
        self.assertIn("srun: error: Node failure on n2", out)
        self.assertIn("Job step aborted", out)
        self.assertRegex(out, r"STEP \d+\.0 ON n1 CANCELLED AT \S+ DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS")
        self.assertEqual(srun.returncode, 143, out)
        record = self.c.wait_end(self.last_job())
        self.assertEqual((record["JobState"], record["Reason"], record["ExitCode"]), ("NODE_FAIL", "NodeDown", "0:15"))

    def test_srun_goes_on_with_no_kill(self):
        srun = self.start("sh", "-c", """exec srun -v --no-kill -w n[1-2] -l sh -c '
            echo $SLURMD_NODENAME $PPID $$ > where.$SLURM_PROCID; while [ ! -e nokill.go ]; do sleep 0.1; done; echo end
            ' > nokill.out 2>&1""")
        self.begun(2)
        self.c.wait_text("nokill.out", STARTED)
        self.lose("n2")
        wait_for(lambda: self.c.squeue("%t %D %N") == [["R", "1", "n1"]], 10, "a job of one node")
        self.assertEqual(len(self.step_ids()), 1)
        self.c.wait_text("nokill.out", "srun: error: n2: task 1: Killed")
        open(self.c.work + "/nokill.go", "w").close()
        self.output_of(srun)
        out = self.c.read("nokill.out")
        self.assertIn("srun: error: Node failure on n2", out)
        self.assertIn("0: end", out)
        self.assertNotIn("1: end", out)
        self.assertEqual(srun.returncode, 137, out)
        record = self.c.wait_end(self.last_job())
        self.assertEqual((record["JobState"], record["ExitCode"], record["NodeList"]), ("FAILED", "0:9", "n1"))

    def test_salloc_ends(self):
        salloc = self.start("salloc", "-w", "n[1-2]", "sh", "-c", f"srun -l sh -c '{RUN}'; echo code $?")
        self.begun(2)
        self.lose("n2")
        out = self.output_of(salloc)
        self.assertIn("salloc: error: Node failure on n2", out)
        self.assertIn("srun: error: Node failure on n2", out)
        self.assertIn("has been revoked", out)
        self.assertEqual(self.c.wait_end(self.last_job())["JobState"], "NODE_FAIL")

    def test_salloc_goes_on_with_no_kill_and_its_step_does_not(self):
        salloc = self.start("salloc", "--no-kill", "-w", "n[1-2]", "sh", "-c",
                            f"srun -l sh -c '{RUN}'; echo code $?; srun -N1 sh -c 'echo then $SLURMD_NODENAME'; echo code $?")
        self.begun(2)
        self.lose("n2")
        out = self.output_of(salloc)
        self.assertIn("salloc: error: Node failure on n2", out)
        self.assertIn("srun: error: n1: task 0: Killed", out)
        self.assertIn("code 137", out)
        self.assertIn("then n1\ncode 0", out)
        self.assertEqual(salloc.returncode, 0, out)
        record = self.c.wait_end(self.last_job())
        self.assertEqual((record["JobState"], record["NodeList"]), ("COMPLETED", "n1"))

    def test_a_step_of_sbatch_goes_on_with_no_kill(self):
        job = self.c.submit("--no-kill", "--no-requeue", "-w", "n[1-2]", "-o", "batch.out", script="""
            srun -v -k -l sh -c 'echo $SLURMD_NODENAME $PPID $$ > where.$SLURM_PROCID; while [ ! -e batch.go ]; do sleep 0.1; done; echo end'
            echo code $?""")
        self.begun(2)
        self.c.wait_text("batch.out", STARTED)
        self.lose("n2")
        self.c.wait_text("batch.out", "srun: error: n2: task 1: Killed")
        open(self.c.work + "/batch.go", "w").close()
        record = self.c.wait_end(job)
        self.assertEqual((record["JobState"], record["NodeList"], record["ExitCode"]), ("COMPLETED", "n1", "0:0"))
        out = self.c.read("batch.out")
        self.assertIn("srun: error: Node failure on n2", out)
        self.assertIn("0: end", out)
        self.assertIn("code 137", out)

    def test_sbatch_ends(self):
        job = self.c.submit("--no-requeue", "-w", "n[1-2]", "-o", "batch.out", script=f"srun -l sh -c '{RUN}'")
        self.begun(2)
        self.lose("n2")
        record = self.c.wait_end(job)
        self.assertEqual(record["JobState"], "NODE_FAIL")
        self.assertIn(record["ExitCode"], ("0:15", "143:0"))  # of the shell, or of its srun
        self.assertRegex(self.c.read("batch.out"), r"JOB \d+ ON n1 CANCELLED AT \S+ DUE TO NODE FAILURE")

    def test_sbatch_starts_over(self):
        job = self.c.submit("--requeue", "-w", "n[1-2]", "-o", "over.out", script=f"srun -l sh -c '{RUN}'")
        self.begun(2)
        self.lose("n2")
        self.c.wait_reason(job, "BeginTime")
        self.assertEqual(self.c.job(job)["Restarts"], "1")
        wait_for(lambda: "DUE TO NODE FAILURE" in self.c.read("over.out"), 10, "the reason")


@unittest.skipIf(not is_root(), "needs root")
class Silent(LostTest):
    """Daemons and supervisors are killed."""

    def crash(self, node, row):
        """As when the machine loses its power."""
        for pid in (self.c.pid(node), *row[1:]):
            kill(pid)

    def restart(self):
        self.assertEqual(self.c.local("up").returncode, 0)

    def test_a_node_without_power_is_given_up_after_its_time(self):
        srun = self.start("srun", "-w", "n[1-2]", "-l", "sh", "-c", RUN)
        rows = self.begun(2)
        self.crash("n2", rows[1])
        out = self.output_of(srun, 60)
        self.assertNotEqual(srun.returncode, 0, out)
        self.c.wait_end(self.last_job())
        self.restart()

    @unittest.skipIf(REAL or REAL_NODES, "under slurmd srun waits on, and the step stays")
    def test_a_supervisor_that_is_killed_ends_its_tasks(self):
        for with_daemon in (True, False):
            salloc = self.start("salloc", "-w", "n[1-2]", "sh", "-c", f"""
                srun -K0 -l --input=none sh -c '{RUN.replace("100", "4")}'; echo code $?
                sleep 1; squeue -hs -o 'left %i'; srun -l sh -c 'echo then $SLURMD_NODENAME'; echo code $?""")
            rows = self.begun(2)
            if with_daemon:
                time.sleep(1)  # it has told srun that the tasks run
                for pid in (self.c.pid("n2"), rows[1][1]):  # in one moment: the daemon tells nothing any more
                    os.kill(pid, signal.SIGSTOP)
                kill(self.c.pid("n2"))
            kill(rows[1][1])
            if with_daemon:
                self.restart()
            out = self.output_of(salloc, 60)
            self.assertIn("srun: error: n2: task 1: Killed", out)
            self.assertIn("code 137", out)
            self.assertNotIn("left", out)
            self.assertIn("1: then n2\n", out)
            wait_for(lambda: not is_alive(rows[1][2]), 5, "the end of the task")
            for task in range(2):
                os.unlink(f"{self.c.work}/where.{task}")

    def test_a_step_that_its_node_has_forgotten_is_told_to_srun(self):
        salloc = self.start("salloc", "-w", "n[1-2]", "sh", "-c", f"srun -l sh -c '{RUN}'; echo code $?")
        rows = self.begun(2)
        time.sleep(1.1)  # a step of this very second is not missed
        os.kill(rows[1][1], signal.SIGSTOP)
        try:
            kill(self.c.pid("n2"))
            shutil.rmtree(self.c.dir + "/spool/n2")
            self.restart()
            out = self.output_of(salloc, 90)
        finally:
            for pid in rows[1][1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.assertIn("srun: error: Cannot communicate with node 1.  Aborting job.", out)
        self.assertIn("srun: error: n1: task 0: Killed", out)
        self.assertIn("code 137", out)


class Tree(LostTest):
    """A node in the middle of the tree is gone when a step is launched."""

    nodes = 8
    extra = LostTest.extra.replace("SlurmdTimeout=5", "SlurmdTimeout=300") + "TreeWidth=2\n"

    def test_a_dead_daemon(self):
        salloc = self.start("salloc", "-N8", "--ntasks-per-node=1", "sh", "-c", """
            echo held > held; while [ ! -e go ]; do sleep 0.1; done
            srun -l --kill-on-bad-exit=0 sh -c 'echo $SLURMD_NODENAME; sleep 1'; echo code $?
            srun -l -n7 -N7 -x n3 --overlap sh -c 'echo then $SLURMD_NODENAME'; echo code $?""")
        self.c.wait_text("held", "held")
        kill(self.c.pid("n3"))
        open(self.c.work + "/go", "w").close()
        out = self.output_of(salloc, 120)
        self.c.local("up")
        self.assertIn("failed on node n3: Communication connection failure", out)
        self.assertIn("srun: error: Application launch failed: Communication connection failure", out)
        for node in "n1 n2 n4 n5 n6 n7 n8".split():
            self.assertRegex(out, rf"srun: error: {node}: task \d: (Killed|Exited with exit code 137)")
        self.assertIn("code 233", out)
        self.assertRegex(out, r"\d: then n8\n")
        self.assertTrue("code 0" in out, out)


if __name__ == "__main__":
    main()
