"""What a job would rather have: features, few switches, cores left to the system; and going before one's other jobs."""

import os
import unittest

from cluster import ClusterTest, is_root, main


class Preferences(ClusterTest):
    extra = "NodeName=DEFAULT Feature=any\nSchedulerParameters=sched_interval=2,bf_interval=2\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster.run("scontrol", "update", "nodename=n3", "availablefeatures=any,fast", "activefeatures=any,fast")

    def running(self, *options):
        job = self.c.submit(*options, "--wrap", "sleep 1000")
        return self.c.wait_state(job, "RUNNING", seconds=70)

    def test_preferred_features(self):
        first = self.running("--prefer=fast", "-n4")
        self.assertEqual((first["NodeList"], first["Features"]), ("n3", "fast"))
        second = self.running("--prefer=fast", "--constraint=any", "-n4")
        self.assertEqual(second["Features"], "any")
        self.assertIn(second["NodeList"], ("n1", "n2"))
        held = self.c.job(self.c.submit("--prefer=fast", "--constraint=any", "--hold"))
        self.assertEqual((held["Features"], held["Prefer"]), ("any", "fast"))

    def test_more_than_has_what_is_preferred(self):
        self.assertIn("Requested node configuration is not available",
                      self.c.refused("sbatch", "--prefer=fast", "-N2", "--wrap", "true"))

    def test_switches(self):
        for option, shown in (("--switches=1", "1@00:05:00"), ("--switches=1@10", "1@00:05:00"), ("--switches=2@3", "2@00:03:00")):
            with self.subTest(option=option):
                self.assertEqual(self.c.job(self.c.submit("--hold", option))["Switches"], shown)

    def test_cores_for_the_system_are_not_asked_for_unless_allowed(self):
        job = self.c.job(self.c.submit("--hold", "--core-spec=1"))
        self.assertEqual(job["CoreSpec"], "*")

    def test_memory_in_units(self):
        for mib, shown in (("1536", "1.50G"), ("2304", "2304M"), ("2048", "2G")):
            with self.subTest(mib=mib):
                job = self.c.job(self.c.submit("--hold", "--mem=" + mib))
                self.assertEqual(job["TRES"], f"cpu=1,mem={shown},node=1,billing=1")

    @unittest.skipUnless(is_root(), "needs a second user")
    def test_top(self):
        jobs = [self.c.submit("--begin=now+1hour", user="nobody") for _ in range(3)]
        other = self.c.submit("--begin=now+1hour", user="daemon")
        before = [int(self.c.job(job)["Priority"]) for job in (*jobs, other)]
        self.assertIn("Access/permission denied", self.c.refused("scontrol", "top", jobs[2], user="nobody"))
        self.c.run("scontrol", "top", jobs[2])
        records = [self.c.job(job) for job in (*jobs, other)]
        self.assertEqual([int(record["Priority"]) for record in records],
                         [before[0] - 1, before[1] - 1, before[0], before[3]])
        self.assertEqual([record["Nice"] for record in records], ["1", "1", "-2", "0"])
        self.c.run("scontrol", "top", f"{jobs[1]},{jobs[0]}")
        order = sorted(jobs, key=lambda job: -int(self.c.job(job)["Priority"]))
        self.assertEqual(order, [jobs[1], jobs[0], jobs[2]])
        held = self.c.submit("--hold")
        self.assertIn("Job is in held state", self.c.refused("scontrol", "top", held))
        self.assertIn("Invalid job id specified", self.c.refused("scontrol", "top", "4242"))


class Topology(ClusterTest):
    """topology/tree: nodes that lie close together."""

    nodes = 4

    @unittest.skipIf(os.environ.get("FLURM_REAL"), "Slurm reads another topology only when it starts")
    def test_switches(self):
        with open(os.path.dirname(self.c.conf) + "/topology.conf", "w") as file:
            file.write("SwitchName=s1 Nodes=n[1,3]\nSwitchName=s2 Nodes=n[2,4]\nSwitchName=top Switches=s[1-2]\n")
        with open(self.c.conf, "a") as file:
            file.write("TopologyPlugin=topology/tree\n")
        self.c.run("scontrol", "reconfigure")
        shown = self.c.run("scontrol", "show", "topology").splitlines()
        self.assertEqual([" ".join(line.split()) for line in shown],
                         ["SwitchName=s1 Level=0 LinkSpeed=1 Nodes=n[1,3]", "SwitchName=s2 Level=0 LinkSpeed=1 Nodes=n[2,4]",
                          "SwitchName=top Level=1 LinkSpeed=1 Nodes=n[1-4] Switches=s[1-2]"])
        first = self.c.submit("-N2", "--exclusive", "--wrap", "sleep 1000")
        self.assertEqual(self.c.wait_state(first, "RUNNING")["NodeList"], "n[1,3]")
        second = self.c.submit("-w", "n4", "--exclusive", "--wrap", "sleep 1000")
        self.c.wait_state(second, "RUNNING")
        waits = self.c.submit("-N2", "--switches=1", "--wrap", "true")
        self.c.run("scancel", second)
        self.assertEqual(self.c.wait_end(waits, seconds=40)["NodeList"], "n[2,4]")


class CoresForTheSystem(ClusterTest):
    extra = "AllowSpecResourcesUsage=YES\nSchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=1\n"

    def test_they_are_left_out(self):
        for option, cores, spec in (("--core-spec=1", "0-2", "1"), ("--core-spec=0", "0-3", "0"), ("--core-spec=3", "0", "3")):
            with self.subTest(option=option):
                job = self.c.submit(option, "-n1", "--wrap", "sleep 1000")
                record = self.c.wait_state(job, "RUNNING", seconds=70)
                self.assertEqual((record["NumCPUs"], record["CoreSpec"], record["OverSubscribe"]), ("4", spec, "NO"))
                self.assertIn(f"CPU_IDs={cores} ", self.c.run("scontrol", "-d", "-o", "show", "job", job))
                self.c.run("scancel", job)

    def test_some_must_be_left(self):
        self.assertIn("Requested node configuration is not available", self.c.refused("sbatch", "--core-spec=4", "--wrap", "true"))


if __name__ == "__main__":
    main()
