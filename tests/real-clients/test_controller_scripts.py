"""PrologSlurmctld and EpilogSlurmctld: programs that the controller runs before a job's launch and at its end."""

import os
import unittest

from cluster import Cluster, wait_for, main

PROLOG = """#!/bin/sh
/usr/bin/env | /usr/bin/sort > {work}/prolog.$SLURM_JOB_ID
while [ -e {work}/wait ]; do /bin/sleep 0.1; done
[ ! -e {work}/fail ]
"""
EPILOG = """#!/bin/sh
/usr/bin/env | /usr/bin/sort > {work}/epilog.$SLURM_JOB_ID
while [ -e {work}/linger ]; do /bin/sleep 0.1; done
"""


class ControllerScripts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2)
        with open(cls.cluster.extra, "a") as file:
            for key, text in (("PrologSlurmctld", PROLOG), ("EpilogSlurmctld", EPILOG)):
                program = f"{cls.cluster.folder}/{key}"
                with open(program, "w") as script:
                    script.write(text.format(work=cls.cluster.work))
                os.chmod(program, 0o755)
                file.write(f"{key}={program}\n")
        cls.cluster.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__()

    def setUp(self):
        self.c = self.cluster

    def tearDown(self):
        for name in ("wait", "fail", "linger"):
            self.set(name, False)
        for (job,) in self.c.squeue("%A"):
            self.c.try_run("scancel", job)
        wait_for(lambda: not self.c.squeue("%i"), 40, "empty queue")

    def set(self, name, there=True):
        path = f"{self.c.work}/{name}"
        if there:
            open(path, "w").close()
        elif os.path.exists(path):
            os.unlink(path)

    def told(self, name, job):
        wait_for(lambda: os.path.exists(f"{self.c.work}/{name}.{job}"), 30, name)
        return dict(line.split("=", 1) for line in self.c.read(f"{name}.{job}").splitlines())

    def test_what_they_are_told(self):
        job = self.c.submit("-J", "me", "-N2", "--comment=words", "--wrap", "exit 3")
        self.c.wait_state(job, "FAILED")
        prolog, epilog = self.told("prolog", job), self.told("epilog", job)
        for told, context in ((prolog, "prolog_slurmctld"), (epilog, "epilog_slurmctld")):
            for name, value in (("SLURM_SCRIPT_CONTEXT", context), ("SLURM_JOB_NAME", "me"), ("SLURM_JOB_ID", job),
                                ("SLURM_JOB_NODELIST", "n[1-2]"), ("SLURM_JOB_NUM_NODES", "2"),
                                ("SLURM_JOB_COMMENT", "words"), ("SLURM_JOB_RESTART_COUNT", "0")):
                self.assertEqual(told.get(name), value, (context, name))
            self.assertIn("SLURM_JOB_USER", told)
            self.assertIn("SLURM_CLUSTER_NAME", told)
        self.assertEqual((epilog["SLURM_JOB_EXIT_CODE2"], epilog["SLURM_JOB_EXIT_CODE"]), ("3:0", "768"))
        self.assertNotIn("SLURM_JOB_EXIT_CODE2", prolog)

    def test_the_job_waits_for_both(self):
        self.set("wait")
        job = self.c.submit("-o", "order", "--wrap", "echo ran")
        self.c.wait_state(job, "CONFIGURING")
        self.told("prolog", job)
        self.assertFalse(os.path.exists(self.c.work + "/order"))
        self.set("linger")
        self.set("wait", False)
        self.c.wait_text("order", "ran", seconds=60)
        self.told("epilog", job)
        self.c.wait_state(job, "COMPLETING")
        self.set("linger", False)
        self.c.wait_state(job, "COMPLETED", seconds=30)

    def test_a_prolog_that_fails(self):
        self.set("fail")
        job = self.c.submit("-o", "never", "--wrap", "echo ran")
        self.c.wait_reason(job, "BeginTime", seconds=40)
        record = self.c.job(job)
        self.assertEqual((record["JobState"], record["Restarts"]), ("PENDING", "1"))
        once = self.c.submit("--no-requeue", "-o", "never")
        self.assertEqual(self.c.wait_end(once, seconds=40)["JobState"], "CANCELLED")
        self.assertFalse(os.path.exists(self.c.work + "/never"))

    def test_cancelled_before_its_launch_and_srun(self):
        self.set("wait")
        job = self.c.submit("--wrap", "true")
        self.c.wait_state(job, "CONFIGURING")
        self.c.run("scancel", job)
        self.set("wait", False)
        self.c.wait_state(job, "CANCELLED", seconds=40)
        self.assertEqual(self.c.run("srun", "-N1", "echo", "here", timeout=100), "here\n")


if __name__ == "__main__":
    main()
