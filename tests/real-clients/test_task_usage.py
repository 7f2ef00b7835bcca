"""What tasks use, as sstat and sacct tell it while they run and afterwards: CPU time, what they read and wrote, pages, energy, frequency.
With FLURM_REAL=1 all daemons are Debian's; each number here is then slurmd's."""

import os
import time
import unittest

from accounted import ORACLE, Accounted
from cluster import main, need_slurms_nodes, wait_for

# Writes and reads so many megabytes, works a moment, and waits.
PROGRAM = """
import sys, time
megabytes, data, ready, wait = int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
with open(data, "wb", buffering=0) as file:
    for _ in range(megabytes):
        file.write(b"x" * 1000000)
with open(data, "rb", buffering=0) as file:
    while file.read(1000000):
        pass
end = time.process_time() + 1.2
while time.process_time() < end:
    pass
open(ready, "w").close()
time.sleep(wait)
"""


class Measured(Accounted):
    def _programs(self):
        folder = super()._programs()
        if ORACLE:
            need_slurms_nodes()
            os.unlink(folder + "/flurmnd")
            os.symlink("/usr/sbin/slurmd", folder + "/flurmnd")
        return folder


class TaskUsage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Measured(extra="JobAcctGatherFrequency=task=1\n", ours=True).__enter__()
        with open(cls.c.work + "/program.py", "w") as file:
            file.write(PROGRAM)

    @classmethod
    def tearDownClass(cls):
        cls.c.__exit__()

    def program(self, name, wait):
        """For two tasks: the second writes and reads twice as much."""
        return (f"srun sh -c 'exec /usr/bin/python3 -S program.py $((50 * (SLURM_PROCID + 1))) {name}.data.$SLURM_PROCID "
                f"{name}.ready.$SLURM_PROCID {wait}'")

    def about(self, text, megabytes):
        """Python itself reads some."""
        self.assertGreaterEqual(int(text), megabytes * 1000000)
        self.assertLess(int(text), megabytes * 1000000 + 500000)

    def tres(self, text):
        return dict(pair.split("=") for pair in text.split(","))

    def check(self, row):
        """A row of sstat, or of sacct, for the two tasks."""
        for side, field in (("In", "Read"), ("Out", "Write")):
            most, least, mean, sum_ = (self.tres(row[f"TRESUsage{side}{what}"]) for what in ("Max", "Min", "Ave", "Tot"))
            self.about(most["fs/disk"], 100)
            self.about(least["fs/disk"], 50)
            self.about(mean["fs/disk"], 75)
            self.about(sum_["fs/disk"], 150)
            self.assertEqual((row[f"MaxDisk{field}Node"], row[f"MaxDisk{field}Task"]), ("n2", "1"))
            self.assertEqual(most["energy"], "0")
            self.assertNotIn("energy", self.tres(row[f"TRESUsage{side}MaxTask"]))
        self.assertNotIn("pages", self.tres(row["TRESUsageOutMax"]))
        self.assertRegex(row["MaxPages"], r"^\d+$")
        self.assertRegex(row["AvePages"], r"^\d+$")
        self.assertEqual(row["ConsumedEnergy"], "0")
        self.assertIn(row["MinCPU"], ("00:00:01", "00:00:02"))
        self.assertRegex(row["AveCPUFreq"], r"^[\d.]+[KMG]?$")

    def sstat(self, job):
        fields = self.c.run("sstat", "-e").split()
        lines = self.c.run("sstat", "-nP", "--noconvert", "-j", job, "-o", ",".join(fields)).splitlines()
        return dict(zip(fields, lines[0].split("|")))

    def recorded(self, step):
        def over():
            rows = self.c.sacct("--noconvert", "-j", step)
            return rows and rows[0]["End"] != "Unknown" and rows[0]["TRESUsageInTot"] and rows[0]

        return wait_for(over, 30, "the step's record")

    def test_while_it_runs_and_afterwards(self):
        job = self.c.submit("-N2", "-n2", "-o", "/dev/null", script=self.program("run", 4))
        wait_for(lambda: all(os.path.exists(f"{self.c.work}/run.ready.{task}") for task in range(2)), 30, "the tasks")
        time.sleep(1.5)  # a sample
        row = self.sstat(job + ".0")
        self.check(row)
        if not ORACLE:  # where slurmd begins to count is a matter of chance
            self.assertNotEqual(row["AveCPUFreq"], "0")
        self.c.wait_end(job)
        after = self.recorded(job + ".0")
        self.check(after)
        self.assertEqual(after["MaxDiskRead"], f"{int(self.tres(after['TRESUsageInMax'])['fs/disk']) / 2**20:.2f}M")
        if not ORACLE:
            self.assertEqual(after["AveCPUFreq"], row["AveCPUFreq"])

    @unittest.skipIf(ORACLE, "slurmd knows what its last sample saw")
    def test_of_tasks_that_no_sample_saw(self):
        job = self.c.submit("-N2", "-n2", "-o", "/dev/null", "--acctg-freq=task=600", script=self.program("short", 0))
        self.c.wait_end(job)
        self.check(self.recorded(job + ".0"))

    @unittest.skipIf(ORACLE, "slurmd knows what its last sample saw")
    def test_children_count_for_their_task(self):
        job = self.c.submit("-n1", "-o", "/dev/null", script="srun sh -c 'head -c 30000000 /dev/zero > out; cat out > copy'")
        self.c.wait_end(job)
        row = self.recorded(job + ".0")
        self.about(self.tres(row["TRESUsageInTot"])["fs/disk"], 60)
        self.about(self.tres(row["TRESUsageOutTot"])["fs/disk"], 60)


if __name__ == "__main__":
    main()
