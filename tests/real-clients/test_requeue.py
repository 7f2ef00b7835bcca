"""Jobs that start over, or end before they start: scontrol requeue and requeuehold, RequeueExit, deadlines, mail."""

import os
import time
import unittest

from cluster import Cluster, ClusterTest, main, wait_for


class Requeue(ClusterTest):
    extra = "RequeueExit=3,10-12\nRequeueExitHold=4\n"

    def running(self):
        job = self.c.submit("--wrap", "sleep 1000")
        self.c.wait_state(job, "RUNNING")
        return job

    def test_special_exit(self):
        job = self.running()
        self.c.run("scontrol", "requeuehold", "state=SpecialExit", job)
        record = self.c.wait_state(job, "SPECIAL_EXIT")
        self.assertEqual((record["Reason"], record["Priority"], record["Restarts"]), ("job_requeued_in_held_state", "0", "1"))
        self.assertEqual(self.c.squeue("%t %r", "-j", job), [["SE", "job requeued in held state"]])
        self.c.run("scontrol", "release", job)
        self.assertIn(self.c.wait_state(job, "PENDING", "RUNNING")["JobState"], ("PENDING", "RUNNING"))

    def test_a_job_that_has_ended(self):
        for script, state in (("exit 1", "FAILED"), ("true", "COMPLETED")):
            with self.subTest(script=script):
                job = self.c.submit("--wrap", script)
                self.c.wait_state(job, state)
                self.c.run("scontrol", "requeuehold", job)
                record = self.c.wait_state(job, "PENDING")
                self.assertEqual((record["Reason"], record["Restarts"], record["BatchFlag"]),
                                 ("job_requeued_in_held_state", "1", "1"))

    def test_a_waiting_job(self):
        job = self.c.submit("--hold")
        for command in ("requeue", "requeuehold"):
            self.assertIn("Job is pending execution", self.c.refused("scontrol", command, job))
        self.assertEqual(self.c.job(job)["Reason"], "JobHeldUser")

    def test_a_job_that_may_not(self):
        job = self.c.submit("--no-requeue", "--wrap", "sleep 1000")
        self.c.wait_state(job, "RUNNING")
        self.assertIn("Requested operation is presently disabled", self.c.refused("scontrol", "requeue", job))

    def test_only_what_is_running(self):
        array = self.c.submit("--array=1-2", "--wrap", "[ $SLURM_ARRAY_TASK_ID = 1 ] || sleep 1000")
        self.c.wait_state(f"{array}_1", "COMPLETED")
        self.c.wait_state(f"{array}_2", "RUNNING")
        self.c.run("scontrol", "requeue", "incomplete", array)
        self.c.wait_reason(f"{array}_2", "BeginTime", seconds=30)
        self.assertEqual(self.c.state(f"{array}_1"), "COMPLETED")

    def test_unknown_jobs(self):
        self.assertIn("Invalid job id specified for job 4242", self.c.refused("scontrol", "requeue", "4242"))
        self.assertIn("4242_1: Invalid job id specified", self.c.refused("scontrol", "requeue", "4242_1"))

    def test_exit_codes(self):
        again, held, over = (self.c.submit("--no-requeue", "--wrap", f"exit {code}") for code in (11, 4, 5))
        self.c.wait_reason(again, "BeginTime", seconds=30)
        self.assertEqual(self.c.job(again)["Restarts"], "1")
        record = self.c.wait_state(held, "SPECIAL_EXIT")
        self.assertEqual((record["Reason"], record["Priority"]), ("JobHeldUser", "0"))
        self.c.wait_state(over, "FAILED")

    def test_ended_by_a_signal(self):
        job = self.c.submit("--wrap", "kill -9 $$")
        record = self.c.wait_state(job, "FAILED")
        self.assertEqual((record["Reason"], record["ExitCode"]), ("JobLaunchFailure", "0:9"))

    def test_what_a_cancelled_job_waited_for(self):
        job = self.c.submit("--hold")
        self.c.run("scancel", job)
        record = self.c.wait_state(job, "CANCELLED")
        self.assertEqual((record["Reason"], record["NumTasks"]), ("JobHeldUser", "N/A"))

    def test_dependencies_that_never_come_true(self):
        first = self.c.submit("--wrap", "sleep 1; exit 1")
        killed = self.c.submit(f"--dependency=afterok:{first}", "--kill-on-invalid-dep=yes")
        waits = self.c.submit(f"--dependency=afterok:{first}", "--kill-on-invalid-dep=no")
        record = self.c.wait_state(killed, "CANCELLED", seconds=70)
        self.assertEqual((record["Reason"], record["Dependency"]), ("DependencyNeverSatisfied", f"afterok:{first}(failed)"))
        self.c.wait_reason(waits, "DependencyNeverSatisfied", seconds=70)

    def test_deadline(self):
        late = self.c.submit("--deadline=now+1minutes", "-t", "10")
        record = self.c.wait_state(late, "DEADLINE", seconds=70)
        self.assertEqual((record["Reason"], record["ExitCode"]), ("DeadLine", "0:1"))
        job = self.c.submit("--deadline=now+601")
        record = self.c.wait_state(job, "COMPLETED", seconds=70)
        self.assertIn(record["TimeLimit"], ("00:10:00", "00:09:00"))
        self.assertEqual(record["TimeMin"], "00:01:00")

    def test_wait(self):
        self.assertEqual(self.c.try_run("sbatch", "--wait", "--wrap", "exit 7").returncode, 7)


class KillInvalidDepend(ClusterTest):
    nodes = 1
    extra = "DependencyParameters=kill_invalid_depend\n"

    def test_for_jobs_that_do_not_say(self):
        first = self.c.submit("--wrap", "sleep 1; exit 1")
        killed = self.c.submit(f"--dependency=afterok:{first}")
        waits = self.c.submit(f"--dependency=afterok:{first}", "--kill-on-invalid-dep=no")
        self.c.wait_state(killed, "CANCELLED", seconds=70)
        self.c.wait_reason(waits, "DependencyNeverSatisfied", seconds=70)


class Mail(unittest.TestCase):
    """What the mail program is called with; the subject says it all."""

    def test_subjects(self):
        cluster = Cluster(nodes=1)
        program, box = cluster.folder + "/mail", cluster.work + "/box"
        with open(program, "w") as file:
            file.write(f'#!/bin/sh\necho "$2" >> {box}\n')
        os.chmod(program, 0o755)
        with open(cluster.extra, "a") as file:
            file.write(f"MailProg={program}\n")
        with cluster as c:
            plain = c.submit("-J", "a", "--mail-type=BEGIN,END,FAIL", "--wrap", "exit 3")
            c.wait_end(plain)
            good = c.submit("-J", "b", "--array=1-2", "--mail-type=BEGIN,END,FAIL")
            mixed = c.submit("-J", "c", "--array=1-2", "--mail-type=END,FAIL", "--wrap", "test $SLURM_ARRAY_TASK_ID = 1")
            each = c.submit("-J", "d", "--array=1-2", "--mail-type=END,ARRAY_TASKS")
            for job in (good, mixed, each):
                c.wait_end(f"{job}_1")
                c.wait_end(f"{job}_2")
            wait_for(lambda: os.path.exists(box) and len(c.read(box).splitlines()) >= 7, 30, "seven mails")
            time.sleep(1)
            # Ids of an array's records and run times are left out.
            lines = sorted(line.split(" (")[0] + " " + line.split(") ")[-1].split(", Run time")[0].split(", Queued")[0] +
                           (", " + line.split(", ", 2)[-1] if "ExitCode" in line else "") for line in c.read(box).splitlines())
            self.assertEqual(len(lines), 7, lines)
            text = "\n".join(lines)
            for words in (f"Slurm Job_id={plain} Name=a Began", f"Slurm Job_id={plain} Name=a Failed",
                          "FAILED, ExitCode 3",
                          f"Slurm Array Summary Job_id={good}_* Name=b Began",
                          f"Slurm Array Summary Job_id={good}_* Name=b Ended, COMPLETED, ExitCode [0-0]",
                          f"Slurm Array Summary Job_id={mixed}_* Name=c Failed, Mixed, ExitCode [0-1]",
                          f"Slurm Array Task Job_id={each}_1 Name=d Ended", f"Slurm Array Task Job_id={each}_2 Name=d Ended"):
                self.assertIn(words, text)


if __name__ == "__main__":
    main()
