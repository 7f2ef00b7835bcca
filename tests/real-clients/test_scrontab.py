"""scrontab: a user's file of jobs that come back. Debian packages no scrontab; crontab_client.c speaks for it, and where there
is one in PATH, it is run with an editor of ours."""

import datetime
import os
import shutil
import subprocess
import unittest

from cluster import ClusterTest, main, wait_for

SOURCE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "crontab_client.c")


class Scrontab(ClusterTest):
    nodes = 2
    extra = "ScronParameters=enable\nSchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=1\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.cluster.folder + "/crontab_client"
        try:
            subprocess.run(["cc", "-o", cls.client, SOURCE, "-lslurm"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            cls.tearDownClass()
            raise unittest.SkipTest(f"needs cc and libslurm-dev: {error}") from error

    def setUp(self):
        super().setUp()
        self.addCleanup(self.c.try_run, self.client, "remove")

    def put(self, text, **options):
        """Returns the numbers of the jobs."""
        path = self.c.work + "/crontab.txt"
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o644)
        done = self.c.try_run(self.client, "update", path, **options)
        return done.stdout.split()[1:] if done.returncode == 0 else done.stdout

    def listed(self, **options):
        return self.c.try_run(self.client, "list", **options).stdout

    def test_a_file_is_kept_shown_replaced_and_removed(self):
        self.assertTrue(self.listed().startswith("refused 2009"), "there is none yet")
        text = "# mine\n5 3 * * * true\n* * 29 2 * false\n"
        jobs = self.put(text)
        self.assertEqual(len(jobs), 2)
        self.assertEqual(self.listed(), text)
        shown = self.c.run("scontrol", "show", "job", jobs[0])
        self.assertIn('CronJob=Yes CrontabSpec="5 3 * * *"', shown)
        record = self.c.job(jobs[0])
        self.assertEqual((record["JobState"], record["Reason"]), ("PENDING", "BeginTime"))
        start = datetime.datetime.fromisoformat(record["StartTime"])
        self.assertEqual((start.minute, start.hour), (5, 3))
        leap = datetime.datetime.fromisoformat(self.c.job(jobs[1])["EligibleTime"])
        self.assertEqual((leap.day, leap.month), (29, 2))
        self.assertEqual(self.listed(user="nobody"), "refused 2009 - -\n")
        self.assertTrue(self.c.try_run(self.client, "list", 0, user="nobody").stdout.startswith("refused 2010"), "another's")

        other = self.put("1 1 1 1 * true\n")
        for job in jobs:
            self.assertEqual(self.c.state(job), "CANCELLED")
        self.assertEqual(self.c.state(other[0]), "PENDING")
        self.c.run(self.client, "remove")
        self.assertEqual(self.c.state(other[0]), "CANCELLED")
        self.assertTrue(self.listed().startswith("refused 2009"))

    def test_a_job_comes_back_until_it_is_cancelled(self):
        job = self.put("* * * * * sleep 1\n")[0]
        self.c.wait_state(job, "RUNNING", "COMPLETING", seconds=90)
        record = wait_for(lambda: (lambda r: r if r["JobState"] == "PENDING" and r["Restarts"] == "1" else None)(self.c.job(job)), 60)
        self.assertEqual(record["Reason"], "BeginTime")

        def told():
            start = datetime.datetime.fromisoformat(self.c.job(job)["EligibleTime"])
            return start - datetime.datetime.now() < datetime.timedelta(minutes=2)

        wait_for(told, 20, "its next time")
        self.assertIn("cron", self.c.refused("scontrol", "update", f"jobid={job}", "comment=x").lower())
        self.c.run("scancel", job)
        self.assertEqual(self.c.state(job), "CANCELLED")
        self.assertIn("disabled 0-0", self.listed())

    def test_faults_are_told_with_their_lines_and_change_nothing(self):
        jobs = self.put("1 1 * * * true\n")
        self.assertTrue(self.put("2 2 * * * true\n- 2 * * * true\n").endswith(" 1-1 a field of the line is empty\n"))
        self.assertTrue(self.put("2 2 31 2 * true\n").endswith(" 0-0 no month has such a day\n"))
        self.assertEqual(self.listed(), "1 1 * * * true\n")
        self.assertEqual(self.c.state(jobs[0]), "PENDING")

    @unittest.skipUnless(shutil.which("scrontab"), "needs Slurm's scrontab")
    def test_scrontab_itself(self):
        editor = self.c.work + "/editor"
        with open(editor, "w") as file:
            file.write("#!/bin/sh\nprintf '#SCRON -J tick --mem=20\\n0 4 * * mon hostname\\n' > \"$1\"\n")
        os.chmod(editor, 0o755)
        # Only at a terminal does it start an editor.
        self.c.run("script", "-qec", "scrontab -e", "/dev/null", env={"EDITOR": editor, "TERM": "dumb"})
        self.assertEqual(self.c.run("scrontab", "-l"), "#SCRON -J tick --mem=20\n0 4 * * mon hostname\n")
        self.assertEqual(self.c.squeue("%j %t"), [["tick", "PD"]])
        self.c.run("scrontab", "-r")
        self.assertEqual(self.c.squeue("%j"), [])


if __name__ == "__main__":
    main()
