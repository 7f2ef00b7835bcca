"""What administrators do with a cluster while it serves: shut its door to new jobs, back it up and restore it."""

import json
import os
import subprocess
import unittest

from cluster import Cluster, REAL, REAL_CONTROLLER, is_root, main, wait_for


class Administered(Cluster):
    def flurm(self, *words, user=None):
        """The tool, for this cluster; it must succeed."""
        done = self.try_run(self.bin + "/flurm", *words, "--dir", self.dir, user=user)
        if done.returncode != 0:
            raise AssertionError(f"flurm {words} gave {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def flurm_refused(self, *words, user=None):
        return self.refused(self.bin + "/flurm", *words, "--dir", self.dir, user=user)

    def page(self, *words):
        return json.loads(self.flurm(*words, "--json"))


@unittest.skipIf(REAL or REAL_CONTROLLER, "what FLURM has and Slurm does not")
class Drain(unittest.TestCase):
    def setUp(self):
        self.c = Administered(nodes=2, controllers=3, extra="MinJobAge=3600\n")
        self.addCleanup(self.c.__exit__)
        self.c.up()
        wait_for(lambda: self.c.page("versions")["features"]["drain"], 10, "the newest format in use")

    def test_new_jobs_are_refused_and_the_rest_goes_on(self):
        running = self.c.submit("-N2", "--exclusive", "--wrap", "sleep 2")
        waiting = self.c.submit("-N2", "--exclusive")
        self.c.flurm("drain", "new disks on Friday")
        self.assertIn("new disks", self.c.page("cluster", "status")["drain"])
        self.assertIn("new disks", self.c.flurm("cluster", "status"))
        before = self.c.squeue("%i", "-t", "all")
        told = self.c.refused("sbatch", "--wrap", "true")
        self.assertIn("the cluster takes no new jobs: new disks on Friday", told)
        self.c.refused("sbatch", "--test-only", "--wrap", "true")
        self.assertEqual(self.c.squeue("%i", "-t", "all"), before)
        self.c.run("scontrol", "update", f"JobId={waiting}", "Comment=still here")
        for job in (running, waiting):
            self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED")
        self.c.flurm("resume")
        self.assertIsNone(self.c.page("cluster", "status")["drain"])
        self.assertEqual(self.c.wait_end(self.c.submit())["JobState"], "COMPLETED")

    def test_only_administrators_are_heard(self):
        if not is_root():
            self.skipTest("needs another user")
        self.assertIn("only root and SlurmUser", self.c.flurm_refused("drain", user="nobody"))
        self.assertIsNone(self.c.page("cluster", "status")["drain"])


if __name__ == "__main__":
    main()
