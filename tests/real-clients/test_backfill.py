"""Which scheduler started a job: `scontrol show job`, `sacct` and `sdiag`. With FLURM_REAL=1 Debian's daemons are the oracle."""

import re
import unittest

from accounted import Accounted
from cluster import REAL_CONTROLLER, REAL_NODES, main, wait_for

# Slurm's main scheduler has the first look.
SOON = "SchedulerParameters=sched_interval=1,bf_interval=6,sched_min_interval=1,bf_resolution=1\n"


@unittest.skipIf(REAL_NODES or REAL_CONTROLLER, "a cluster with accounting")
class WhoStartedIt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Accounted(2, extra=SOON, ours=True).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.c.__exit__()

    def tearDown(self):
        self.c.run("scancel", "--user=root")
        wait_for(lambda: not self.c.squeue("%i"), 30, "an empty queue")

    def sdiag(self):
        """Numbers of the second part, by their words."""
        part = self.c.run("sdiag").split("Backfilling stats")[1].split("Latency")[0]
        return dict(re.findall(r"\t(.+?): +(\S+)", part))

    def shown(self, job):
        return re.sub(":.*", "", self.c.job(job)["Scheduler"])

    def flags(self, job):
        return wait_for(lambda: [row["Flags"] for row in self.c.sacct("-a", "-X", "-j", job, form="Flags")
                                 if "Sched" in row["Flags"]], 20, "the record of its start")[0]

    def test_a_small_job_passes_a_big_one(self):
        c = self.c
        before = self.sdiag()
        first = c.submit("-w", "n1", "--exclusive", "-t", "10", "-o", "/dev/null", "--wrap", "sleep 1000")
        c.wait_state(first, "RUNNING")
        big = c.submit("-N2", "--exclusive", "-t", "10", "-o", "/dev/null", "--wrap", "sleep 1000")
        c.wait_reason(big, "Resources")
        small = c.submit("-n1", "-t", "2", "-o", "/dev/null", "--wrap", "sleep 1000")
        c.wait_state(small, "RUNNING")
        self.assertEqual((self.shown(first), self.shown(small)), ("Main", "Backfill"))
        self.assertEqual((self.flags(first), self.flags(small)), ("SchedMain,StartRecieved", "SchedBackfill,StartRecieved"))
        wait_for(lambda: self.shown(big) == "Backfill", 20, "the plan for the big job")
        told = self.sdiag()
        for words in ("Total backfilled jobs (since last slurm start)", "Total backfilled jobs (since last stats cycle start)"):
            self.assertEqual(int(told[words]) - int(before[words]), 1, words)
        self.assertGreater(int(told["Total cycles"]), int(before["Total cycles"]))
        self.assertNotEqual(told["Last cycle when"], "N/A")
        for words in ("Last depth cycle", "Last depth cycle (try sched)", "Last table size"):
            self.assertGreaterEqual(int(told[words]), 1, words)
        c.run("scancel", first, small)
        c.wait_state(big, "RUNNING", seconds=40)
        self.assertEqual(self.shown(big), "Main")

    def test_an_allocation_starts_as_it_is_submitted(self):
        self.c.run("salloc", "-n1", "-J", "room", "true")
        job = wait_for(lambda: self.c.sacct("-a", "--name=room", "-X", "-S", "now-1hour"), 20, "its record")[0]["JobID"]
        self.assertEqual(self.flags(job), "SchedSubmit,StartRecieved")

    def test_one_that_starts_again(self):
        again = self.c.submit("--requeue", "-o", "/dev/null", "--wrap", "sleep 1000")
        self.c.wait_state(again, "RUNNING")
        self.c.run("scontrol", "requeuehold", again)
        self.c.wait_state(again, "PENDING")
        self.assertEqual(self.shown(again), "Main")


if __name__ == "__main__":
    main()
