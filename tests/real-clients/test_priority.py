"""priority/multifactor: the numbers that squeue and sprio print, and the order in which jobs start."""

import unittest

from cluster import Cluster, wait_for

CONFIG = """PriorityType=priority/multifactor
PriorityWeightAge=1
PriorityWeightJobSize=1000
PriorityWeightPartition=2000
PriorityWeightTRES=CPU=400,Mem=100
PartitionName=slow Nodes=ALL PriorityJobFactor=10
PartitionName=fast Nodes=ALL PriorityJobFactor=40
"""


class Priority(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, extra=CONFIG)
        cls.cluster.up()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__()

    def setUp(self):
        """Nothing else can start."""
        c = self.cluster
        self.first = c.submit("-N2", "--exclusive", "--wrap", "sleep 300")
        c.wait_state(self.first, "RUNNING")
        node = c.node("n1")
        self.cpus, self.memory = int(node["CPUTot"]), int(node["RealMemory"])

    def tearDown(self):
        self.cluster.run("scancel", "-u", "root")
        wait_for(lambda: not self.cluster.run("squeue", "-h"), 30, "an empty queue")

    def priority(self, job):
        return int(self.cluster.run("squeue", "-h", "-j", job, "-o", "%Q"))

    def expected(self, partition=1.0, nodes=1, cpus=1, memory=0, nice=0):
        size = (nodes / 2 + cpus / (2 * self.cpus)) / 2
        tres = 400 * cpus / (2 * self.cpus) + 100 * memory / (2 * self.memory)
        return int(1000 * size + 2000 * partition + tres - nice)

    def test_the_numbers(self):
        c, mem = self.cluster, "--mem=10"
        for options, expected in (
            (("-p", "slow"), dict(partition=0.25)),
            (("-p", "fast"), {}),
            (("-p", "fast", "--nice=100"), dict(nice=100)),
            (("-p", "fast", "-N2"), dict(nodes=2, cpus=2)),
            (("-p", "fast", "-n2"), dict(cpus=2)),
            (("-p", "slow,fast"), None),
        ):
            job = c.submit(mem, *options)
            if expected is None:
                continue
            count = expected.get("nodes", 1)
            with self.subTest(options):
                self.assertAlmostEqual(self.priority(job), self.expected(**expected, memory=10 * count), delta=1)
                shown = c.run("sprio", "-h", "-j", job, "-o", "%i|%r|%Y|%J|%P|%N").replace(" ", "").strip().split("|")
                size = 1000 * (count / 2 + expected.get("cpus", 1) / (2 * self.cpus)) / 2
                self.assertEqual(shown[:2], [job, options[1]])
                for value, wanted in zip(shown[2:], (self.expected(**expected, memory=10 * count), size,
                                                     2000 * expected.get("partition", 1), expected.get("nice", 0))):
                    self.assertAlmostEqual(float(value), wanted, delta=1.01)
        # Of several partitions each has its own.
        rows = c.run("sprio", "-h", "-j", job, "-o", "%r %P").split()
        self.assertEqual(sorted(zip(rows[::2], rows[1::2])), [("fast", "2000"), ("slow", "500")])

    def test_filters_and_what_has_no_factors(self):
        c = self.cluster
        held = c.submit("-H")
        later = c.submit("--begin=now+1hour")
        plain = c.submit("-p", "slow", "--mem=10")
        by_hand = c.submit("-p", "fast", "--priority=77")
        ids = c.run("sprio", "-h", "-o", "%i").split()
        self.assertEqual(sorted(ids), sorted([plain, by_hand]))
        self.assertEqual(c.run("sprio", "-h", "-p", "slow", "-o", "%i").split(), [plain])
        self.assertEqual(c.run("sprio", "-h", "-u", "nobody", "-o", "%i").split(), [])
        self.assertEqual(self.priority(by_hand), 77)
        self.assertEqual(self.priority(held), 0)
        c.run("scontrol", "update", f"jobid={plain}", "nice=200")
        self.assertEqual(self.priority(plain), self.expected(partition=0.25, memory=10, nice=200))
        c.run("scontrol", "release", held)
        wait_for(lambda: held in c.run("sprio", "-h", "-o", "%i").split(), 30, "the released one")
        weights = c.run("sprio", "-w").split()
        for weight in ("1", "1000", "2000"):
            self.assertIn(weight, weights)
        self.assertTrue(c.job(later))

    def test_the_order(self):
        c = self.cluster
        c.run("scontrol", "update", "nodename=n2", "state=drain", "reason=test")
        self.addCleanup(c.run, "scontrol", "update", "nodename=n2", "state=resume")
        one = ("-N1", "--exclusive", "--wrap", "sleep 1")
        slow, nice, fast, big = (c.submit(*options, *one) for options in (
            ("-p", "slow"), ("-p", "fast", "--nice=1900"), ("-p", "fast"), ("-p", "fast", f"-n{self.cpus}")))
        c.run("scancel", self.first)
        jobs = [big, fast, slow, nice]
        for job in jobs:
            c.wait_state(job, "COMPLETED", seconds=90)
        starts = [c.job(job)["StartTime"] for job in jobs]
        self.assertEqual(starts, sorted(starts))
        self.assertEqual(len(set(starts)), 4, starts)


if __name__ == "__main__":
    unittest.main(verbosity=2)
