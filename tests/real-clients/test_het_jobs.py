"""Heterogeneous jobs: components that wait for one another, start together, and are handled as one."""

import re

from cluster import ClusterTest, main, wait_for

SCRIPT = """#!/bin/sh
#SBATCH -N1 -n2 -J first
#SBATCH hetjob
#SBATCH -N2 -n2 -J second
"""


class HetJobs(ClusterTest):
    """Two components with a node each, unless a test wants others."""

    def het(self, *components, script="sleep 1000", options=()):
        """sbatch of these components; returns the first one's number."""
        words = []
        for component in components or (["-w", "n1"], ["-w", "n2"]):
            words += ([":"] if words else []) + list(component)
        out = self.c.run("sbatch", "--parsable", *options, *words, stdin="#!/bin/sh\n" + script + "\n")
        return out.strip()

    def wait_all(self, job, state, count=2):
        wait_for(lambda: [line[1] for line in self.c.squeue("%i %T", "-j", job)] == [state] * count, 30,
                 f"{count} components {state}")

    def test_what_the_script_is_told(self):
        job = self.c.run("sbatch", "--parsable", "-o", "out", stdin=SCRIPT + "env | sort | grep -E 'HET|PACK'\n").strip()
        self.c.wait_end(job)
        first, second = int(job), int(job) + 1
        told = dict(line.split("=", 1) for line in self.c.read("out").splitlines())
        self.assertEqual(told["SLURM_HET_SIZE"], "2")
        self.assertEqual(told["SLURM_JOB_ID_HET_GROUP_0"], str(first))
        self.assertEqual(told["SLURM_JOB_ID_HET_GROUP_1"], str(second))
        self.assertEqual(told["SLURM_JOB_NAME_HET_GROUP_1"], "second")
        self.assertEqual(told["SLURM_JOB_NUM_NODES_HET_GROUP_0"], "1")
        self.assertEqual(told["SLURM_JOB_NUM_NODES_HET_GROUP_1"], "2")
        self.assertEqual(told["SLURM_TASKS_PER_NODE_HET_GROUP_0"], "2")
        self.assertEqual(told["SLURM_TASKS_PER_NODE_HET_GROUP_1"], "1(x2)")
        self.assertEqual(told["SLURM_JOB_NODELIST_PACK_GROUP_0"], told["SLURM_JOB_NODELIST_HET_GROUP_0"])
        self.assertEqual(told["SLURM_PACK_SIZE"], "2")

    def test_how_they_are_shown(self):
        job = self.het()
        self.wait_all(job, "RUNNING")
        self.assertEqual(self.c.squeue("%i %A %N", "-j", job),
                         [[f"{job}+0", job, "n1"], [f"{job}+1", str(int(job) + 1), "n2"]])
        lines = self.c.run("scontrol", "-o", "show", "job", job).splitlines()
        self.assertEqual([re.search(r"HetJobId=(\d+) HetJobOffset=(\d)", line).groups() for line in lines],
                         [(job, "0"), (job, "1")])
        self.assertIn(f"HetJobIdSet={job}-{int(job) + 1} ", lines[0])
        self.assertIn("BatchFlag=1", lines[1])
        self.assertIn("NodeList=n2", self.c.run("scontrol", "show", "job", f"{job}+1"))

    def test_all_or_nothing(self):
        running = self.c.submit("-w", "n2", "--exclusive", "--wrap", "sleep 1000")
        self.c.wait_state(running, "RUNNING")
        job = self.het(["-w", "n1", "--exclusive"], ["-w", "n2"])
        self.wait_all(job, "PENDING")
        wait_for(lambda: self.c.job(job)["Reason"] in ("Resources", "Priority"), 40, "a reason")
        self.assertEqual(self.c.state(job), "PENDING", "n1 is free, but n2 is not")
        self.c.run("scancel", running)
        wait_for(lambda: [line[0] for line in self.c.squeue("%T", "-j", job)] == ["RUNNING"] * 2, 60, "both running")

    def test_end_of_the_script_ends_all(self):
        job = self.het(script="exit 3")
        record = self.c.wait_end(job)
        self.assertEqual((record["JobState"], record["ExitCode"]), ("FAILED", "3:0"))
        self.assertEqual(self.c.wait_end(int(job) + 1)["JobState"], "FAILED")

    def test_scancel(self):
        job = self.het(options=["--hold"])
        self.assertIn("heterogeneous",
                      self.c.refused("scancel", f"{job}+1").lower())
        self.c.run("scancel", job)
        for component in (int(job), int(job) + 1):
            self.assertEqual(self.c.wait_end(component)["JobState"], "CANCELLED")
        job = self.het()
        self.wait_all(job, "RUNNING")
        self.c.run("scancel", f"{job}+1")
        self.c.wait_state(int(job) + 1, "CANCELLED")
        self.assertEqual(self.c.state(job), "RUNNING")
        self.c.run("scancel", job)
        self.c.wait_state(job, "CANCELLED")

    def test_hold_and_release(self):
        job = self.het(options=["--hold"])
        self.c.run("scontrol", "release", job)
        self.wait_all(job, "RUNNING")
        self.c.run("scontrol", "requeuehold", job)
        wait_for(lambda: [line[0] for line in self.c.squeue("%T", "-j", job)] == ["PENDING"] * 2, 30, "both waiting")
        self.c.refused("scontrol", "requeue", f"{job}+1")

    def test_steps(self):
        script = "srun --het-group=0,1 -l sh -c 'echo $SLURM_PROCID $SLURM_NTASKS'; srun --het-group=1 hostname"
        out = self.c.run("sbatch", "-W", "--parsable", "-o", "steps", "-w", "n1", "-n1", ":", "-w", "n2", "-n2",
                         stdin="#!/bin/sh\n" + script + "\n", timeout=120)
        self.assertEqual(self.c.job(out.strip())["JobState"], "COMPLETED", self.c.read("steps"))
        lines = sorted(self.c.read("steps").splitlines())
        self.assertEqual([line for line in lines if ":" in line], ["0: 0 3", "1: 1 3", "2: 2 3"])

    def test_salloc_and_srun(self):
        out = self.c.run("salloc", "-n1", "-w", "n1", ":", "-n1", "-w", "n2", "sh", "-c",
                         "echo $SLURM_HET_SIZE $SLURM_JOB_NODELIST_HET_GROUP_1; srun --het-group=1 printenv SLURM_JOB_NODELIST",
                         timeout=120)
        self.assertEqual(out.splitlines()[:2], ["2 n2", "n2"])
        out = self.c.run("srun", "-n1", "-w", "n1", ":", "-n1", "-w", "n3", "printenv", "SLURM_PROCID", timeout=120)
        self.assertEqual(sorted(out.split()), ["0", "1"])

    def test_refusals(self):
        refused = self.c.refused("sbatch", "--array=1-2", "-n1", ":", "-n1", stdin="#!/bin/sh\ntrue\n")
        self.assertIn("Invalid job array specification", refused)
        self.c.refused("sbatch", "-n1", ":", "-p", "nowhere", stdin="#!/bin/sh\ntrue\n")
        self.assertEqual(self.c.squeue("%i"), [])



class Components(ClusterTest):
    """srun with several programs inside an allocation of one piece: one step whose components have nodes of their own."""

    nodes = 3
    extra = "SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=1\n"

    def in_allocation(self, script, *options):
        """What the script says inside `salloc -N2 -n2 --exclusive`."""
        return self.c.try_run("salloc", "-Q", "-N2", "-n2", "--exclusive", *options, "sh", "-c", script)

    def test_tasks_are_counted_through(self):
        told = "sh -c 'echo $SLURM_PROCID of $SLURM_NTASKS in $SLURM_STEP_ID on $SLURM_NODEID: $0'"
        done = self.in_allocation(f"srun -N1 -n1 {told} a : -N1 -n2 {told} b; srun -l -N1 -n2 echo a : -N1 -n1 echo b; srun -n2 {told} c")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(done.stdout.splitlines()),
                         ["0 of 2 in 2 on 0: c", "0 of 3 in 0 on 0: a", "0: a", "1 of 2 in 2 on 1: c", "1 of 3 in 0 on 1: b", "1: a",
                          "2 of 3 in 0 on 1: b", "2: b"])

    def test_the_worst_exit_is_that_of_srun(self):
        done = self.in_allocation("srun -n1 true : -n1 sh -c 'exit 7'; echo $?; srun -n1 true : -n1 true; echo $?")
        self.assertEqual(done.stdout.split(), ["7", "0"])

    def test_how_they_are_shown_and_cancelled(self):
        done = self.in_allocation(
            "srun -n1 sleep 300 : -n1 sleep 300 & "
            "until [ $(squeue -h -s -o %i | grep -c +) = 2 ]; do sleep 0.1; done; squeue -h -s -o '%i %N' | sort | cut -d. -f2; "
            "scancel $SLURM_JOB_ID.0; wait; while squeue -h -s | grep -q +; do sleep 0.1; done")
        self.assertEqual(done.stdout.splitlines(), ["0+0 n1", "0+1 n2"], done.stderr)

    def test_more_than_there_is_is_refused(self):
        done = self.in_allocation("srun -N1 -n1 true : -N1 -n99 true")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Unable to create step", done.stderr)


if __name__ == "__main__":
    main()
