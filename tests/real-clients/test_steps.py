"""salloc, srun and steps: what the controller has to do with them, seen by Slurm's own clients. What nodes do is in
test_srun_nodes.py."""

import os
import re
import signal
import unittest

import cluster
from cluster import main, wait_for
from steps import StepTest


class Srun(StepTest):
    def test_one_task(self):
        self.assertEqual(self.srun("hostname").strip(), os.uname().nodename)

    def test_tasks_and_their_variables(self):
        out = self.srun("-n4", "sh", "-c", "echo $SLURM_PROCID of $SLURM_NTASKS")
        self.assertEqual(sorted(out.splitlines()), [f"{i} of 4" for i in range(4)])

    def test_one_task_per_node(self):
        out = self.srun("-N3", "sh", "-c", "echo $SLURM_NODEID $SLURMD_NODENAME")
        self.assertEqual(sorted(out.splitlines()), ["0 n1", "1 n2", "2 n3"])

    def test_label_and_stdin(self):
        out = self.srun("-n2", "-l", "cat", stdin="line\n")
        self.assertEqual(sorted(out.splitlines()), ["0: line", "1: line"])

    def test_exit_code_is_the_highest(self):
        done = self.c.try_run("srun", "-n3", "sh", "-c", "exit $((SLURM_PROCID + 3))")
        self.assertEqual(done.returncode, 5)
        self.assertIn("Exited with exit code", done.stderr)

    def test_the_job_ends_with_it(self):
        done = self.c.try_run("srun", "-J", "ends", "sh", "-c", "exit 3")
        self.assertEqual(done.returncode, 3)
        job = self.c.run("squeue", "-h", "-t", "all", "-n", "ends", "-o", "%A").split()[-1]
        record = self.c.wait_end(job)
        self.assertEqual((record["JobState"], record["ExitCode"], record["Reason"]), ("FAILED", "3:0", "NonZeroExitCode"))

    def test_signal_ends_a_task(self):
        done = self.c.try_run("srun", "sh", "-c", "kill -9 $$")
        self.assertEqual(done.returncode, 137)

    def test_waits_for_resources_and_is_told(self):
        first = self.start("salloc", "-N3", "--exclusive", "sleep", "3")
        wait_for(lambda: self.c.squeue("%t") == [["R"]], 20, "the first allocation")
        second = self.start("srun", "-N1", "hostname")
        wait_for(lambda: ["PD"] in self.c.squeue("%t"), 20, "a waiting srun")
        out = self.output_of(second)
        self.assertIn("queued and waiting for resources", out)
        self.assertIn("has been allocated resources", out)
        self.assertIn(os.uname().nodename, out)
        self.assertEqual(second.returncode, 0)
        self.output_of(first)

    def test_immediate(self):
        self.start("salloc", "-N3", "--exclusive", "sleep", "30")
        wait_for(lambda: self.c.squeue("%t") == [["R"]], 20, "the first allocation")
        error = self.c.refused("srun", "--immediate", "-N1", "hostname")
        self.assertIn("Unable to allocate resources", error)
        self.assertEqual(len(self.c.squeue("%i")), 1)

    def test_impossible(self):
        error = self.c.refused("srun", "-C", "nothing", "hostname")
        self.assertIn("Unable to allocate resources: Invalid feature specification", error)
        error = self.c.refused("srun", "-p", "nowhere", "hostname")
        self.assertIn("invalid partition specified: nowhere", error)

    def test_test_only(self):
        done = self.c.try_run("srun", "--test-only", "-N2", "hostname")
        self.assertRegex(done.stderr, r"Job \d+ to start at .* on nodes n\[1-2\]")

    def test_cancel_while_it_runs(self):
        process = self.start("srun", "-J", "victim", "sh", "-c", f"touch {self.c.work}/victim; sleep 60")
        wait_for(lambda: os.path.exists(self.c.work + "/victim"), 20, "its task")
        self.c.run("scancel", "-n", "victim")
        out = self.output_of(process)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("CANCELLED", out)

    def test_cancel_while_it_waits(self):
        self.start("salloc", "-N3", "--exclusive", "sleep", "30")
        wait_for(lambda: self.c.squeue("%t") == [["R"]], 20, "the first allocation")
        process = self.start("srun", "-J", "waiting", "hostname")
        wait_for(lambda: ["PD"] in self.c.squeue("%t"), 20, "a waiting srun")
        self.c.run("scancel", "-n", "waiting")
        out = self.output_of(process, 15)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("Job has been cancelled", out)

    def test_interrupted_twice(self):
        process = self.start("srun", "sleep", "60")
        wait_for(lambda: self.step_ids(), 20, "a step")
        process.send_signal(signal.SIGINT)
        wait_for(lambda: process.poll() is not None or process.send_signal(signal.SIGINT), 10, "the end")
        wait_for(lambda: not self.c.squeue("%i"), 20, "empty queue")

    def test_notify(self):
        process = self.start("salloc", "sleep", "4")
        job = wait_for(lambda: self.c.squeue("%i", "-t", "R"), 20, "an allocation")[0][0]
        self.c.run("scontrol", "notify", job, "the moon is full")
        self.assertIn("the moon is full", self.output_of(process))


class Salloc(StepTest):
    def test_runs_a_command(self):
        out = self.c.try_run("salloc", "-N2", "sh", "-c", "echo $SLURM_JOB_NODELIST; srun hostname")
        self.assertEqual(out.returncode, 0, out.stderr)
        lines = out.stdout.splitlines()
        self.assertEqual(lines[0], "n[1-2]")
        self.assertEqual(lines[1:], [os.uname().nodename] * 2)
        self.assertIn("Granted job allocation", out.stderr)
        self.assertIn("Relinquishing job allocation", out.stderr)

    def test_its_job_ends_with_the_command(self):
        done = self.c.try_run("salloc", "-J", "held", "sh", "-c", "exit 4")
        self.assertEqual(done.returncode, 4)
        job = self.c.run("squeue", "-h", "-t", "all", "-n", "held", "-o", "%A").split()[-1]
        record = self.c.wait_end(job)
        self.assertEqual(record["BatchFlag"], "0")
        self.assertEqual(record["ExitCode"], "4:0")

    def test_cancel_ends_the_shell(self):
        process = self.start("salloc", "-K", "sleep", "60")
        job = wait_for(lambda: self.c.squeue("%i", "-t", "R"), 20, "an allocation")[0][0]
        self.c.run("scancel", job)
        out = self.output_of(process, 30)
        self.assertIn("has been revoked", out)

    def test_no_shell_and_a_step_from_outside(self):
        out = self.c.try_run("salloc", "--no-shell", "-N2").stderr
        job = re.search(r"allocation (\d+)", out).group(1)
        self.assertEqual(self.c.state(job), "RUNNING")
        out = self.c.run("srun", f"--jobid={job}", "-n2", "sh", "-c", "echo $SLURM_JOB_ID.$SLURM_STEP_ID")
        self.assertEqual(out.splitlines(), [f"{job}.0"] * 2)
        self.c.run("scancel", job)
        self.assertEqual(self.c.wait_end(job)["JobState"], "CANCELLED")
        error = self.c.refused("srun", f"--jobid={job}", "hostname")
        self.assertIn("has expired", error)

    def test_interactive_step(self):
        # The shell of an allocation on its first node, as LaunchParameters=use_interactive_step has it.
        out = self.c.try_run("salloc", "-N2", "sh", "-c",
                             "srun --interactive --preserve-env sh -c 'echo $SLURM_STEP_ID $SLURMD_NODENAME; srun hostname | wc -l'")
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertEqual(out.stdout.split(), ["4294967290", "n1", "2"])


class StepsInScripts(StepTest):
    def test_numbers_count_up(self):
        record, out = self.script(*["srun sh -c 'echo $SLURM_STEP_ID'"] * 3)
        self.assertEqual(record["JobState"], "COMPLETED")
        self.assertEqual(out.split(), ["0", "1", "2"])

    def test_derived_exit_code(self):
        record, _ = self.script("srun sh -c 'exit 7'", "srun sh -c 'exit 3'", "exit 0")
        self.assertEqual(record["JobState"], "COMPLETED")
        self.assertEqual(record["ExitCode"], "0:0")
        if "DerivedExitCode" in record:
            self.assertEqual(record["DerivedExitCode"], "7:0")

    def test_steps_side_by_side(self):
        _, out = self.script("for i in 1 2 3; do srun --exact -n1 -N1 sh -c 'date +%s; sleep 2; date +%s' & done; wait",
                             options=("-n3", "-N1"))
        times = [int(word) for word in out.split() if word.isdigit()]
        self.assertEqual(len(times), 6, out)
        self.assertLess(max(times) - min(times), 6, out)

    def test_steps_that_need_all_follow_each_other(self):
        _, out = self.script("for i in 1 2; do srun -n2 sh -c 'echo $SLURM_STEP_ID; sleep 1' & done; wait",
                             options=("-n2", "-N1"))
        self.assertIn("temporarily disabled, retrying (Requested nodes are busy)", out)
        self.assertIn("Step created for job", out)
        numbers = [word for word in out.split() if word in ("0", "1")]
        self.assertEqual(sorted(numbers), ["0", "0", "1", "1"], out)

    def test_on_one_of_the_nodes(self):
        # A job that names no tasks has no SLURM_NTASKS for srun to go by.
        job = self.c.submit("-N2", "-o", "one.out", script="echo ${SLURM_NTASKS-none}; srun -N1 -w n2 printenv SLURMD_NODENAME")
        self.c.wait_end(job)
        self.assertEqual(self.c.read("one.out").split(), ["none", "n2"])

    def test_overlap(self):
        # In salloc: a batch script's SLURM_MEM_PER_CPU makes Slurm 22.05 refuse --overlap for want of memory.
        done = self.c.try_run("salloc", "-n2", "-N1", "sh", "-c",
                              "srun -n2 sleep 4 & sleep 1; srun --overlap -n2 sh -c 'echo over $SLURM_STEP_ID'; wait")
        self.assertEqual(done.stdout.count("over 1"), 2, done.stdout + done.stderr)
        self.assertNotIn("busy", done.stderr)

    def test_too_much(self):
        _, out = self.script("srun -n64 -N1 hostname", options=("-n1", "-N1"))
        self.assertIn("Unable to create step", out)

    def test_many(self):
        record, out = self.script("for i in $(seq 20); do srun --exact -n1 sh -c 'echo x' & done; wait",
                                  options=("-n2", "-N1"))
        self.assertEqual(record["JobState"], "COMPLETED")
        self.assertEqual(out.split().count("x"), 20, out)

    def test_cancel_one_step(self):
        job = self.c.submit("-o", "cancel.out", "-n2", "-N1",
                            script="for i in 1 2; do srun --exact -n1 sh -c 'touch cancel.$SLURM_STEP_ID; exec sleep 60' & done\n"
                                   "wait %1; wait %2\necho done")
        wait_for(lambda: all(os.path.exists(f"{self.c.work}/cancel.{i}") for i in (0, 1)), 20, "two steps")
        self.c.run("scancel", f"{job}.0")
        wait_for(lambda: f"{job}.0" not in self.step_ids(), 20, "the end of a step")
        self.assertIn(f"{job}.1", self.step_ids())
        self.assertEqual(self.c.state(job), "RUNNING")
        self.c.run("scancel", "-s", "TERM", f"{job}.1")
        self.c.wait_end(job)
        self.assertIn("done", self.c.read("cancel.out"))

    def test_update_step(self):
        job = self.c.submit(script="srun -t 50 sleep 60")
        wait_for(lambda: f"{job}.0" in self.step_ids(), 20, "a step")
        self.c.run("scontrol", "update", f"stepid={job}.0", "timelimit=7")
        self.assertRegex(self.c.run("scontrol", "show", "step", f"{job}.0"), r"TimeLimit=00:07:00")
        self.c.run("scancel", job)


class Limits(StepTest):
    extra = "InactiveLimit=12\nMessageTimeout=5\n"

    def test_what_takes_too_long_is_ended(self):
        # Slurm counts such limits in minutes and looks twice a minute, so all of them in one test.
        limited = self.c.submit("-o", "limit.out", script="srun -t 1 sleep 100; echo ended $?")
        held = self.start("salloc", "-t", "1", "-K", "sleep", "200")
        frozen = self.start("salloc", "-J", "frozen", "sleep", "200")
        jobs = wait_for(lambda: len(self.c.squeue("%i", "-t", "R")) == 3 and dict(self.c.squeue("%j %i")), 20, "three jobs")
        wait_for(lambda: f"{limited}.0" in self.step_ids(), 20, "a step")
        self.assertRegex(self.c.run("scontrol", "show", "step", f"{limited}.0"), r"TimeLimit=00:01:00")
        frozen.send_signal(signal.SIGSTOP)
        record = self.c.wait_end(jobs["frozen"], 120)
        self.assertEqual((record["JobState"], record["Reason"]), ("TIMEOUT", "InactiveLimit"))
        frozen.send_signal(signal.SIGCONT)
        self.end(frozen)
        out = self.output_of(held, 150)
        self.assertRegex(out, "time limit|Force Terminated|revoked")
        self.assertEqual(self.c.wait_end(limited, 120)["JobState"], "COMPLETED")
        self.assertRegex(self.c.read("limit.out"), "ended (1|15|143|137)")


class Placement(StepTest):
    """Where tasks go; each case's answer is that of Debian's slurmctld."""

    def layout(self, *step, job=("-N3", "-n6", "--ntasks-per-node=2")):
        """Tasks by node, of one step in an allocation."""
        done = self.c.try_run("salloc", *job, "srun", *step, "sh", "-c", "echo $SLURM_PROCID $SLURMD_NODENAME")
        if done.returncode != 0:
            return done.stderr
        where = {}
        for line in done.stdout.splitlines():
            task, node = line.split()
            where.setdefault(node, []).append(int(task))
        return {node: sorted(tasks) for node, tasks in where.items()}

    def test_block(self):
        self.assertEqual(self.layout("-m", "block"), {"n1": [0, 1], "n2": [2, 3], "n3": [4, 5]})

    def test_cyclic(self):
        self.assertEqual(self.layout("-m", "cyclic"), {"n1": [0, 3], "n2": [1, 4], "n3": [2, 5]})

    def test_plane(self):
        self.assertEqual(self.layout("-m", "plane=2"), {"n1": [0, 1], "n2": [2, 3], "n3": [4, 5]})
        self.assertEqual(self.layout("-n5", "-m", "plane=1"), {"n1": [0, 3], "n2": [1, 4], "n3": [2]})

    @unittest.skipIf(cluster.REAL, "Slurm 22.05's slurmctld does not outlive it")
    def test_arbitrary(self):
        with open(self.c.work + "/hosts", "w") as file:
            file.write("n2\nn1\nn2\nn3\n")
        done = self.c.try_run("salloc", "-N3", "-n6", "--ntasks-per-node=2", "sh", "-c",
                              "SLURM_HOSTFILE=hosts srun -m arbitrary -n4 sh -c 'echo $SLURM_PROCID $SLURMD_NODENAME'")
        self.assertEqual(sorted(done.stdout.splitlines()), ["0 n2", "1 n1", "2 n2", "3 n3"], done.stderr)

    def test_relative_and_lists(self):
        self.assertEqual(self.layout("-N1", "-n1", "-r1"), {"n2": [0]})
        self.assertEqual(self.layout("-N1", "-n1", "-w", "n3"), {"n3": [0]})
        self.assertEqual(self.layout("-N2", "-n2", "-x", "n1"), {"n2": [0], "n3": [1]})
        self.assertIn("Requested node configuration is not available", self.layout("-N1", "-n1", "-w", "n9"))

    def test_tasks_per_node(self):
        self.assertEqual(self.layout("-n2", "--ntasks-per-node=1", "-N2"), {"n1": [0], "n2": [1]})

    def test_overcommit(self):
        layout = self.layout("-O", "-n12", "-N3")
        self.assertEqual(sum(map(len, layout.values())), 12, layout)

    def test_cpus_per_task(self):
        self.assertEqual(self.layout("-n3", "-c2"), {"n1": [0], "n2": [1], "n3": [2]})
        self.assertIn("More processors requested than permitted", self.layout("-n4", "-c2", "-N1"))


class Information(StepTest):
    def test_show_step(self):
        job = self.c.submit("-n2", "-N2", "-J", "shown", script="srun -J inner -n2 sleep 60")
        wait_for(lambda: f"{job}.0" in self.step_ids(), 20, "a step")
        shown = self.c.run("scontrol", "-o", "show", "step", f"{job}.0")
        record = cluster.fields(shown.splitlines()[0])
        self.assertEqual(record["StepId"], f"{job}.0")
        self.assertEqual(record["State"], "RUNNING")
        self.assertEqual(record["Partition"], "debug" if "debug" in shown else record["Partition"])
        self.assertEqual(record["NodeList"], "n[1-2]")
        self.assertEqual(record["Nodes"], "2")
        self.assertEqual(record["Tasks"], "2")
        self.assertEqual(record["Name"], "inner")
        self.assertIn("node=2", record["TRES"])
        self.assertEqual(self.step_ids(), sorted([f"{job}.0", f"{job}.batch"]))
        self.c.run("scancel", job)
        wait_for(lambda: not self.step_ids(), 20, "no steps")

    def test_a_waiting_step_is_shown(self):
        job = self.c.submit("-n1", "-N1", script="srun sh -c 'touch begun; sleep 60' &\nuntil [ -e begun ]; do sleep 0.1; done\nsrun hostname\nwait")
        wait_for(lambda: "State=PENDING" in self.c.run("scontrol", "show", "step"), 20, "a waiting step")
        self.c.run("scancel", job)

    def test_sbcast(self):
        with open(self.c.work + "/source", "w") as file:
            file.write("payload\n" * 1000)
        target = self.c.folder + "/target"
        done = self.c.try_run("salloc", "-N1", "sh", "-c", f"sbcast source {target} && srun wc -l {target}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1000", done.stdout)

    def test_sattach(self):
        job = self.c.submit("-o", "ticks", script="srun sh -c 'for i in $(seq 40); do echo tick $i; sleep 0.2; done'")
        self.c.wait_text("ticks", "tick 1")
        self.assertIn("1 tasks, 1 nodes (n1)", self.c.run("sattach", "--layout", f"{job}.0"))
        done = self.c.try_run("sattach", f"{job}.0", timeout=40)
        self.assertIn("tick 39", done.stdout)


if __name__ == "__main__":
    main()
