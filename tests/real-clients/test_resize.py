"""Running jobs that change their size: scontrol update NumNodes= and ReqNodeList=, and --dependency=expand.

Without accounting slurmctld changes the size of a job once only; no test does it twice to the same job.
"""

import os
import time
import unittest

from cluster import REAL, REAL_CONTROLLER, is_root, main, wait_for
from steps import StepTest

INVALID_COUNT = "Node count specification invalid"
INVALID_NAME = "Invalid node name specified"
NOT_PENDING = "Job is no longer pending execution"
NOT_SUPPORTED = "Requested operation not supported on this system"
SLURMCTLD = REAL or REAL_CONTROLLER
FIRST = "echo $SLURMD_NODENAME; sleep 60"


class ResizeTest(StepTest):
    nodes = 4
    extra = "SchedulerParameters=permit_job_expansion\nLicenses=lic:4\n"

    def setUp(self):
        super().setUp()
        for name in os.listdir(self.c.work):
            if os.path.isfile(f"{self.c.work}/{name}"):
                os.unlink(f"{self.c.work}/{name}")

    def update(self, job, *what, **options):
        return self.c.run("scontrol", "update", "jobid=" + job, *what, **options)

    def refused(self, job, *what):
        return self.c.refused("scontrol", "update", "jobid=" + job, *what)

    def show(self, job):
        return self.c.job(job)

    def allocate(self, name, *options):
        """A salloc that waits for a file; returns it, its job and its environment."""
        salloc = self.start("salloc", "-J", name, *options, "sh", "-c",
                            f"env > env.{name}.new; mv env.{name}.new env.{name}; while [ ! -e end.{name} ]; do sleep 0.1; done")
        self.addCleanup(self.release, name)  # killed, it would leave its shell behind
        text = wait_for(lambda: os.path.exists(f"{self.c.work}/env.{name}") and self.c.read(f"env.{name}"), 30, "salloc")
        environment = dict(line.split("=", 1) for line in text.splitlines() if line.startswith("SLURM_"))
        return salloc, environment["SLURM_JOB_ID"], environment

    def release(self, name):
        with open(f"{self.c.work}/end.{name}", "w"):
            pass

    def idle(self, *nodes):
        return all(self.c.node(node)["State"] == "IDLE" for node in nodes)


class Shrink(ResizeTest):
    def test_a_job_of_sbatch_gives_up_a_node(self):
        job = self.c.submit("-N3", "-n6", "-L", "lic:1", "-t10", "-o", "job.out",
                            script="srun -l sh -c 'echo on $SLURMD_NODENAME; sleep 8; echo over'; echo code $?; exit 0")
        self.c.wait_text("job.out", "5: on n3")
        before = self.show(job)
        self.assertIn(INVALID_COUNT, self.refused(job, "NumNodes=4"))
        self.assertIn(INVALID_COUNT, self.refused(job, "NumNodes=0"))
        self.assertIn(NOT_PENDING, self.refused(job, "NumNodes=2-2"))
        self.assertIn(NOT_PENDING, self.refused(job, "NumTasks=2"))
        self.assertIn(INVALID_NAME, self.refused(job, "NodeList=n[2-3]"))  # without the node of the script
        self.assertIn(INVALID_NAME, self.refused(job, "ReqNodeList=n[1,4]"))
        self.assertIn(INVALID_NAME, self.refused(job, "ReqNodeList=n9"))
        self.update(job, "NumNodes=3")
        self.update(job, "NumNodes=ALL")
        self.assertNotIn("ResizeTime", self.show(job))
        self.update(job, "NumNodes=2")
        after = self.show(job)
        self.assertEqual({name for name in before if before[name] != after.get(name)} - {"RunTime", "LastSchedEval"},
                         {"NodeList", "NumNodes", "NumCPUs", "TRES"})
        self.assertEqual(set(after) - set(before), {"ResizeTime"} | ({"DerivedExitCode"} & set(after)))
        self.assertEqual((after["NodeList"], after["NumNodes"], after["NumCPUs"], after["TRES"]),
                         ("n[1-2]", "2", "5", "cpu=5,mem=1280M,node=2,billing=5"))
        self.assertTrue(self.idle("n3"))
        self.assertEqual(self.c.squeue("%N %D %C"), [["n[1-2]", "2", "5"]])
        # All of the node is there for others.
        self.assertIn("n3", self.srun("--exclusive", "-w", "n3", "-n4", "sh", "-c", "echo $SLURMD_NODENAME"))
        self.c.wait_text("job.out", "n3: task 5: Killed")
        self.c.wait_end(job)
        out = self.c.read("job.out")
        for task in range(5):
            self.assertIn(f"{task}: over", out)
        self.assertNotIn("5: over", out)
        self.assertIn("code 137", out)
        self.assertEqual(self.show(job)["JobState"], "COMPLETED")
        wait_for(lambda: self.idle("n1", "n2", "n3"), 20, "idle nodes")

    def test_nodes_are_named(self):
        salloc, job, _ = self.allocate("first", "-N3")
        self.update(job, "ReqNodeList=n[1,3]")
        self.assertEqual(self.show(job)["NodeList"], "n[1,3]")
        self.assertTrue(self.idle("n2"))
        self.assertEqual(sorted(self.srun(f"--jobid={job}", "sh", "-c", "echo $SLURMD_NODENAME").split()), ["n1", "n3"])
        self.assertIn("Only allocated 2 nodes asked for 3", self.c.refused("srun", f"--jobid={job}", "-N3", "true"))
        self.release("first")
        self.output_of(salloc)
        self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED")

    def test_the_environment_is_told_anew(self):
        salloc, job, environment = self.allocate("first", "-N3", "-n6")
        said = self.update(job, "NumNodes=2", env=environment)
        self.assertIn(f"For bash or sh shells:  . ./slurm_job_{job}_resize.sh", said)
        self.assertEqual(self.c.read(f"slurm_job_{job}_resize.sh").splitlines(), [
            'export SLURM_NODELIST="n[1-2]"', 'export SLURM_JOB_NODELIST="n[1-2]"', "export SLURM_NNODES=2",
            "export SLURM_JOB_NUM_NODES=2", 'export SLURM_JOB_CPUS_PER_NODE="4,1"', "unset SLURM_NPROCS",
            "unset SLURM_NTASKS", "unset SLURM_TASKS_PER_NODE"])
        self.release("first")
        self.output_of(salloc)

    def test_a_suspended_job_gives_up_nodes(self):
        if not is_root():
            self.skipTest("operators suspend")
        job = self.c.submit("-N2", "-o", "ticks", script="srun sh -c 'while sleep 0.1; do echo $SLURMD_NODENAME; done'")
        self.c.wait_text("ticks", "n2")
        self.c.run("scontrol", "suspend", job)
        self.c.wait_state(job, "SUSPENDED")
        self.update(job, "NumNodes=1")
        self.assertEqual(self.c.squeue("%t %N"), [["S", "n1"]])
        wait_for(lambda: self.idle("n2"), 10, "the node")
        self.c.run("scontrol", "resume", job)
        count = self.c.read("ticks").count("n1")
        wait_for(lambda: self.c.read("ticks").count("n1") > count, 20, "what goes on")
        self.c.run("scancel", job)
        self.c.wait_end(job)

    def test_only_its_owner_changes_it(self):
        if not is_root():
            self.skipTest("needs users")
        job = self.c.submit("-N2", "-o", "/dev/null", "--wrap", "sleep 60", user="daemon")
        self.c.wait_state(job, "RUNNING")
        self.assertIn("Invalid user id", self.c.refused("scontrol", "update", f"jobid={job}", "NumNodes=1", user="nobody"))
        self.c.run("scontrol", "update", f"jobid={job}", "NumNodes=1", user="daemon")
        self.assertEqual(self.show(job)["NumNodes"], "1")
        self.c.run("scancel", job)
        self.c.wait_end(job)

    def test_a_job_that_starts_over_wants_what_it_asked_for(self):
        job = self.c.submit("-N2", "--requeue", "-o", "/dev/null", "--wrap", "sleep 60")
        self.c.wait_state(job, "RUNNING")
        self.update(job, "NumNodes=1")
        self.c.run("scontrol", "requeue", job)
        wait_for(lambda: self.c.state(job) == "PENDING" and self.show(job)["RunTime"] == "00:00:00", 20, "the next run")
        if not SLURMCTLD:
            self.update(job, "StartTime=now")
            self.c.wait_state(job, "RUNNING", seconds=30)
            self.assertNotIn("ResizeTime", self.show(job))
            self.assertEqual(self.show(job)["NumNodes"], "2")
        self.c.run("scancel", job)
        self.c.wait_end(job)


class Expand(ResizeTest):
    def test_a_job_gets_the_nodes_of_another_one(self):
        salloc, job, environment = self.allocate("first", "-N1", "-n2", "-L", "lic:1", "-t10")
        step = self.start("srun", f"--jobid={job}", "-N1", "-n1", "--overlap", "sh", "-c", FIRST)
        wait_for(lambda: len(self.step_ids()) == 1, 20, "a step")
        more, second, its = self.allocate("second", "-N2", "-L", "lic:2", f"--dependency=expand:{job}")
        record = self.show(second)
        self.assertEqual((record["JobState"], record["Dependency"]), ("RUNNING", "(null)"))
        self.assertIn(record["TimeLimit"], ("00:09:00", "00:10:00"))  # whole minutes of what the first one has left
        self.assertIn(INVALID_COUNT, self.refused(second, "NumNodes=1"))
        self.assertIn(INVALID_NAME, self.refused(second, "NodeList=n1"))
        said = self.update(second, "NumNodes=0", env=its)
        self.assertIn(f"slurm_job_{second}_resize.sh", said)
        self.assertIn('export SLURM_NODELIST=""\n', self.c.read(f"slurm_job_{second}_resize.sh"))
        self.assertIn("export SLURM_JOB_NUM_NODES=0\n", self.c.read(f"slurm_job_{second}_resize.sh"))
        self.assertEqual(self.c.state(second), "COMPLETED")
        record = self.show(job)
        self.assertEqual((record["NodeList"], record["NumNodes"], record["NumCPUs"], record["TRES"], record["Licenses"]),
                         ("n[1-2]", "2", "4", "cpu=4,mem=1G,node=2,billing=4", "lic:3"))
        self.assertEqual(self.show(second)["Licenses"], "(null)")
        self.assertIn("Used=3 ", self.c.run("scontrol", "show", "licenses", "lic"))
        if not SLURMCTLD:  # it changes nothing any more of what was resized
            self.assertIn("Job has already finished", self.refused(second, "NumNodes=0"))
            self.update(job, "NumNodes=ALL", env=environment)
            self.assertIn('export SLURM_JOB_CPUS_PER_NODE="3,1"\n', self.c.read(f"slurm_job_{job}_resize.sh"))
        self.release("second")
        self.assertIn(f"Relinquishing job allocation {second}", self.output_of(more))
        self.assertEqual(more.returncode, 0)
        # Its step is where it was, and others have all nodes.
        self.assertEqual(len(self.step_ids()), 1)
        self.assertEqual(sorted(self.srun(f"--jobid={job}", "--overlap", "-N2", "sh", "-c", "echo $SLURMD_NODENAME").split()),
                         ["n1", "n2"])
        self.release("first")
        self.output_of(salloc)
        self.output_of(step)
        self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED")
        wait_for(lambda: self.idle("n1", "n2"), 20, "idle nodes")
        self.assertIn("Used=0 ", self.c.run("scontrol", "show", "licenses", "lic"))

    def test_what_cannot_be_given(self):
        salloc, job, _ = self.allocate("first", "-N1")
        script = self.c.submit("-N1", f"--dependency=expand:{job}", "-o", "/dev/null", "--wrap", "sleep 60")
        self.c.wait_state(script, "RUNNING")
        time.sleep(1)  # its batch step
        self.assertIn("Job step already exists", self.refused(script, "NumNodes=0"))
        self.c.run("scancel", script)
        more, second, _ = self.allocate("second", "-N1", f"--dependency=expand:{job}")
        if is_root():
            self.c.run("scontrol", "suspend", job)
            self.assertIn("Job is current suspended", self.refused(second, "NumNodes=0"))
            self.c.run("scontrol", "resume", job)
        for name in ("second", "first"):
            self.release(name)
        self.output_of(more)
        self.output_of(salloc)
        self.c.wait_end(job)

    def test_what_cannot_be_expanded(self):
        for what in ("expand:999999", "expand:0", "expand"):
            self.assertIn("Job dependency problem", self.c.refused("sbatch", "-d", what, "--wrap", "true"))
        held = self.c.submit("--hold")
        self.assertIn("Job dependency problem", self.c.refused("sbatch", f"-dexpand:{held}", "--wrap", "true"))
        self.c.run("scancel", held)
        job = self.c.submit("-N1", "-o", "/dev/null", "--wrap", "sleep 60")
        self.c.wait_state(job, "RUNNING")
        self.assertIn("Job dependency problem", self.c.refused("sbatch", f"-dexpand:{job}:{job}", "--wrap", "true"))
        waits = self.c.submit(f"-dexpand:{job},afterok:{job}")
        self.assertEqual(self.c.squeue("%E", "-j", waits), [[f"afterok:{job}(unfulfilled)"]])
        self.c.run("scancel", waits, job)
        self.c.wait_end(job)

    def test_a_node_that_was_given_up_comes_back(self):
        salloc, job, _ = self.allocate("first", "-N2")
        self.srun(f"--jobid={job}", "true")
        self.update(job, "NumNodes=1")
        if SLURMCTLD:
            self.release("first")
            self.output_of(salloc)
            self.skipTest("slurmctld without accounting")
        time.sleep(1)  # times of orders and credentials are whole seconds
        more, second, _ = self.allocate("second", "-w", "n2", f"--dependency=expand:{job}")
        self.update(second, "NumNodes=0")
        self.assertEqual(self.show(job)["NodeList"], "n[1-2]")
        self.assertEqual(sorted(self.srun(f"--jobid={job}", "-N2", "sh", "-c", "echo $SLURMD_NODENAME").split()), ["n1", "n2"])
        for name in ("second", "first"):
            self.release(name)
        self.output_of(more)
        self.output_of(salloc)


class Refused(StepTest):
    """Where the configuration has no such jobs."""

    nodes = 2
    extra = "SchedulerParameters=disable_job_shrink\n"

    def test_both(self):
        job = self.c.submit("-N2", "-o", "/dev/null", "--wrap", "sleep 60")
        self.c.wait_state(job, "RUNNING")
        for what in ("NumNodes=1", "NumNodes=3", "ReqNodeList=n1"):
            self.assertIn(NOT_SUPPORTED, self.c.refused("scontrol", "update", "jobid=" + job, what))
        self.assertIn(INVALID_COUNT, self.c.refused("scontrol", "update", "jobid=" + job, "NumNodes=0"))
        self.assertIn(NOT_SUPPORTED, self.c.refused("sbatch", f"-dexpand:{job}", "--wrap", "true"))
        self.c.run("scancel", job)
        self.c.wait_end(job)


if __name__ == "__main__":
    main()
