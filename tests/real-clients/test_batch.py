"""Batch jobs: submission, output, arrays, dependencies, hold, begin, cancel, requeue."""

import os
import socket
import time

from cluster import ClusterTest, main, wait_for


def seconds_of(moment):
    """Of "2026-01-02T03:04:05"."""
    return time.mktime(time.strptime(moment, "%Y-%m-%dT%H:%M:%S"))


class Batch(ClusterTest):
    def test_output_of_a_script(self):
        job = self.c.submit("--output=out.%j", script="echo hello $1 $2; echo err >&2; pwd; hostname", cwd=self.c.work)
        end = self.c.wait_end(job)
        self.assertEqual(end["JobState"], "COMPLETED")
        self.assertEqual(end["ExitCode"], "0:0")
        text = self.c.read("out." + job)
        self.assertIn("hello", text)
        self.assertIn("err", text)
        self.assertIn(self.c.work, text)

    def test_default_output_name(self):
        job = self.c.submit("--wrap", "echo here")
        self.c.wait_end(job)
        self.assertEqual(self.c.read(f"slurm-{job}.out"), "here\n")

    def test_separate_error_file_and_append(self):
        for _ in range(2):
            job = self.c.submit("-o", "sep.out", "-e", "sep.err", "--open-mode=append", "--wrap", "echo o; echo e >&2")
            self.c.wait_end(job)
        self.assertEqual(self.c.read("sep.out"), "o\no\n")
        self.assertEqual(self.c.read("sep.err"), "e\ne\n")

    def test_script_arguments_and_input(self):
        with open(self.c.work + "/in.txt", "w") as file:
            file.write("from the file\n")
        with open(self.c.work + "/args.sh", "w") as file:
            file.write("#!/bin/sh\n#SBATCH --job-name=named\n#SBATCH -o args.out\necho \"$1|$2\"; cat\n")
        job = self.c.run("sbatch", "--parsable", "-i", "in.txt", "args.sh", "a b", "c").strip()
        end = self.c.wait_end(job)
        self.assertEqual(end["JobName"], "named")
        self.assertEqual(self.c.read("args.out"), "a b|c\nfrom the file\n")

    def test_environment_of_the_job(self):
        job = self.c.submit("-J", "envjob", "-n2", "-N1", "-o", "env.out", "--wrap", "env", env={"MINE": "yes"})
        self.c.wait_end(job)
        env = dict(line.split("=", 1) for line in self.c.read("env.out").splitlines() if "=" in line)
        self.assertEqual(env["SLURM_JOB_ID"], job)
        self.assertEqual(env["SLURM_JOBID"], job)
        self.assertEqual(env["SLURM_JOB_NAME"], "envjob")
        self.assertEqual(env["SLURM_NTASKS"], "2")
        self.assertEqual(env["SLURM_JOB_NUM_NODES"], "1")
        self.assertEqual(env["SLURM_JOB_CPUS_PER_NODE"], "2")
        self.assertEqual(env["SLURM_JOB_PARTITION"], "debug")
        self.assertEqual(env["SLURM_CLUSTER_NAME"], "local")
        self.assertEqual(env["SLURM_SUBMIT_DIR"], self.c.work)
        self.assertRegex(env["SLURM_JOB_NODELIST"], r"^n[1-3]$")
        self.assertEqual(env["SLURMD_NODENAME"], env["SLURM_JOB_NODELIST"])
        self.assertEqual(env["SLURM_NODEID"], "0")
        self.assertEqual(env["ENVIRONMENT"], "BATCH")
        self.assertEqual(env["MINE"], "yes")

    def test_exit_code_and_signal(self):
        failed = self.c.wait_end(self.c.submit("--wrap", "exit 7"))
        self.assertEqual((failed["JobState"], failed["ExitCode"], failed["Reason"]), ("FAILED", "7:0", "NonZeroExitCode"))
        killed = self.c.wait_end(self.c.submit("--wrap", "kill -9 $$"))
        self.assertEqual((killed["JobState"], killed["ExitCode"]), ("FAILED", "0:9"))

    def test_many_nodes(self):
        job = self.c.submit("-N3", "-o", "nodes.out", "--wrap", "echo $SLURM_JOB_NODELIST $SLURM_NNODES; sleep 0.2")
        end = self.c.wait_end(job)
        self.assertEqual(end["NodeList"], "n[1-3]")
        self.assertEqual(self.c.read("nodes.out"), "n[1-3] 3\n")

    def test_parsable_and_test_only(self):
        self.assertRegex(self.c.run("sbatch", "--parsable", "--wrap", "true"), r"^\d+\n$")
        self.assertRegex(self.c.run("sbatch", "--wrap", "true"), r"^Submitted batch job \d+\n$")
        done = self.c.try_run("sbatch", "--test-only", "-N2", "--wrap", "true")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"sbatch: Job \d+ to start at \S+ using \d+ processors on nodes n\[1-2\] in partition debug")

    def test_time_limit(self):
        job = self.c.submit("-t", "0:01", "--wrap", "sleep 1000")
        self.assertEqual(self.c.job(job)["TimeLimit"], "00:01:00")
        self.c.run("scancel", job)

    def test_files_with_patterns(self):
        job = self.c.submit("-J", "pat", "-o", "p-%x-%j-%5j-%u-%N-%n-%t.out", "--wrap", "true")
        end = self.c.wait_end(job)
        user = end["UserId"].split("(")[0]
        name = f"p-pat-{job}-{job:0>5}-{user}-{socket.gethostname().split('.')[0]}-0-0.out"
        self.assertIn(name, os.listdir(self.c.work))


class Arrays(ClusterTest):
    def test_tasks_and_their_files(self):
        job = self.c.submit("--array=1-3", "-o", "a.%A.%a", "--wrap", "echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_COUNT")
        for task in "123":
            self.c.wait_text(f"a.{job}.{task}", f"{job} {task} 3\n")
        wait_for(lambda: not self.c.squeue("%i"), 20, "empty queue")

    def test_throttle(self):
        job = self.c.submit("--array=0-5%2", "--wrap", "sleep 0.4")
        most = 0
        while self.c.squeue("%i"):
            most = max(most, len(self.c.squeue("%i", "-t", "R")))
            time.sleep(0.05)
        self.assertEqual(most, 2)
        self.assertEqual(self.c.job(f"{job}_5")["JobState"], "COMPLETED")

    def test_listing_and_cancelling_one_task(self):
        job = self.c.submit("--array=1-4:2,9", "--hold", "--wrap", "true")
        self.assertEqual(self.c.squeue("%i %F %K", "-j", job), [[f"{job}_[1,3,9]", job, "1,3,9"]])
        self.c.run("scancel", f"{job}_3")
        self.assertEqual([line[0] for line in self.c.squeue("%i", "-j", job)], [f"{job}_[1,9]"])
        self.assertEqual(sorted(line[0] for line in self.c.squeue("%i", "-r", "-j", job)), [f"{job}_1", f"{job}_9"])
        self.c.run("scontrol", "release", job)
        for task in (1, 9):
            self.c.wait_state(f"{job}_{task}", "COMPLETED")


class Dependencies(ClusterTest):
    def test_afterok_waits_and_runs(self):
        first = self.c.submit("--wrap", "sleep 0.7")
        second = self.c.submit(f"--dependency=afterok:{first}")
        self.c.wait_reason(second, "Dependency")
        self.assertEqual(self.c.job(second)["Dependency"], f"afterok:{first}(unfulfilled)")
        self.c.wait_state(second, "COMPLETED")

    def test_afterok_of_a_failure_never_runs(self):
        first = self.c.submit("--wrap", "sleep 0.3; exit 1")
        second = self.c.submit(f"--dependency=afterok:{first}")
        third = self.c.submit(f"--dependency=afternotok:{first}")
        self.c.wait_state(third, "COMPLETED")
        self.c.wait_reason(second, "DependencyNeverSatisfied")

    def test_afterany_after_and_any_of(self):
        first = self.c.submit("--wrap", "sleep 0.3; exit 1")
        other = self.c.submit("--wrap", "sleep 100")
        anyway = self.c.submit(f"--dependency=afterany:{first}")
        either = self.c.submit(f"--dependency=afterok:{other}?afterany:{first}")
        both = self.c.submit(f"--dependency=afterany:{first},after:{other}")
        for job in (anyway, either, both):
            self.c.wait_state(job, "COMPLETED")

    def test_singleton(self):
        first = self.c.submit("-J", "single", "--wrap", "sleep 0.5")
        second = self.c.submit("-J", "single", "--dependency=singleton", "--wrap", "true")
        self.c.wait_reason(second, "Dependency")
        self.c.wait_state(second, "COMPLETED")
        self.assertEqual(self.c.state(first), "COMPLETED")

    def test_aftercorr_of_arrays(self):
        first = self.c.submit("--array=1-2", "--wrap", "test $SLURM_ARRAY_TASK_ID = 1 || sleep 1")
        second = self.c.submit("--array=1-2", f"--dependency=aftercorr:{first}")
        self.c.wait_state(f"{second}_1", "COMPLETED")
        self.c.wait_state(f"{second}_2", "COMPLETED")


class Control(ClusterTest):
    def test_hold_and_release(self):
        job = self.c.submit("--hold")
        self.c.wait_reason(job, "JobHeldUser")
        self.assertEqual(self.c.job(job)["Priority"], "0")
        self.c.run("scontrol", "release", job)
        self.c.wait_state(job, "COMPLETED")
        other = self.c.submit("--begin=now+1hour")
        self.c.wait_reason(other, "BeginTime")
        self.c.run("scontrol", "hold", other)
        self.c.run("scancel", other)

    def test_begin(self):
        job = self.c.submit("--begin=now+2")
        self.c.wait_reason(job, "BeginTime", seconds=2)
        self.c.wait_state(job, "COMPLETED", seconds=70)  # Slurm's scheduler may be that late

    def test_cancel_a_running_job(self):
        job = self.c.submit("-o", "cancel.out", "--wrap", "trap 'echo got TERM; exit 0' TERM; echo started; sleep 1000 & wait")
        self.c.wait_text("cancel.out", "started")
        self.c.run("scancel", job)
        end = self.c.wait_state(job, "CANCELLED")
        self.assertEqual(end["JobState"], "CANCELLED")

    def test_cancel_by_name_state_and_partition(self):
        held = [self.c.submit("--hold", "-J", name) for name in ("one", "one", "two")]
        self.c.run("scancel", "--name=one")
        self.assertEqual([line[0] for line in self.c.squeue("%i")], [held[2]])
        self.c.run("scancel", "--state=RUNNING")
        self.assertEqual(len(self.c.squeue("%i")), 1)
        self.c.run("scancel", "--state=PENDING", "--partition=debug")
        self.assertEqual(self.c.squeue("%i"), [])

    def test_signal_to_the_batch_script(self):
        script = "trap 'echo got USR1' USR1; echo started; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; done"
        job = self.c.submit("-o", "sig.out", script=script)
        self.c.wait_text("sig.out", "started")
        self.c.run("scancel", "--batch", "--signal=USR1", job)
        self.c.wait_end(job)
        self.assertIn("got USR1", self.c.read("sig.out"))

    def test_signal_to_the_steps(self):
        job = self.c.submit("-o", "step.out", script="""
            srun sh -c 'trap "echo got USR1; exit 0" USR1; echo up; while :; do sleep 0.1; done'""")
        self.c.wait_text("step.out", "up")
        self.c.run("scancel", "--signal=USR1", job)
        self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED")
        self.assertIn("got USR1", self.c.read("step.out"))

    def test_requeue(self):
        job = self.c.submit("-o", "rq.out", "--open-mode=append", "--wrap", "echo run $SLURM_RESTART_COUNT; sleep 1000")
        self.c.wait_text("rq.out", "run")
        self.c.run("scontrol", "requeue", job)
        self.c.wait_reason(job, "BeginTime", seconds=30)
        record = self.c.job(job)
        waits_s = seconds_of(record["EligibleTime"]) - seconds_of(record["SubmitTime"])
        self.assertTrue(120 <= waits_s <= 150, (waits_s, record))
        self.c.start_now(job)
        self.c.wait_text("rq.out", "run 1")
        self.c.run("scancel", job)

    def test_requeue_hold(self):
        job = self.c.submit("--wrap", "sleep 1000")
        self.c.wait_state(job, "RUNNING")
        self.c.run("scontrol", "requeuehold", job)
        self.c.wait_reason(job, "job_requeued_in_held_state", seconds=30)

    def test_suspend_and_resume(self):
        job = self.c.submit("--wrap", "sleep 2")
        self.c.wait_state(job, "RUNNING")
        self.c.run("scontrol", "suspend", job)
        self.c.wait_state(job, "SUSPENDED")
        self.c.run("scontrol", "resume", job)
        self.c.wait_state(job, "COMPLETED")

    def test_update(self):
        job = self.c.submit("--hold", "-t", "10")
        self.c.run("scontrol", "update", f"jobid={job}", "timelimit=20", "name=other", "comment=note", "nice=100", "numnodes=2")
        record = self.c.job(job)
        self.assertEqual(record["TimeLimit"], "00:20:00")
        self.assertEqual(record["JobName"], "other")
        self.assertEqual(record["Comment"], "note")
        self.assertEqual(record["Nice"], "100")
        self.assertEqual(record["NumNodes"][:1], "2")

    def test_priority_order(self):
        running = self.c.submit("-N3", "--exclusive", "--wrap", "sleep 1.5")
        self.c.wait_state(running, "RUNNING")
        low = self.c.submit("-N3", "--exclusive", "--nice=500", "-o", "order", "--open-mode=append", "--wrap", "echo low")
        high = self.c.submit("-N3", "--exclusive", "-o", "order", "--open-mode=append", "--wrap", "echo high")
        self.c.wait_state(low, "COMPLETED")
        self.assertEqual(self.c.state(high), "COMPLETED")
        self.assertEqual(self.c.read("order"), "high\nlow\n")


if __name__ == "__main__":
    main()
