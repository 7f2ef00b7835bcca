"""The past of a cluster, read from its data directory: it gives the state that was, and always the same."""

import json
import os
import re
import shutil
import subprocess
import unittest

from cluster import REAL, REAL_CONTROLLER, ClusterTest, main, wait_for


@unittest.skipIf(REAL or REAL_CONTROLLER, "Slurm's controller keeps no log")
class History(ClusterTest):
    @classmethod
    def setUpClass(cls):
        os.environ["FLURM_RAFT_SNAPSHOT_INTERVAL"] = "50"
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        del os.environ["FLURM_RAFT_SNAPSHOT_INTERVAL"]
        super().tearDownClass()

    def flurm(self, *words):
        return subprocess.run([self.c.bin + "/flurm", *words], capture_output=True, text=True, timeout=60)

    def data_dir(self):
        with open(self.c.dir + "/etc/flurm.conf") as file:
            return re.search("^RaDataDir=(.*)$", file.read(), re.M).group(1)

    def test_replay_gives_every_snapshot_again(self):
        for _ in range(20):
            self.c.submit()
        array = self.c.submit("--array=1-20", "--wrap=exit 3")
        wait_for(lambda: not self.c.squeue("%i"), 30, "all ended")
        copy = self.c.folder + "/copy"
        shutil.copytree(self.data_dir(), copy)
        first = self.flurm("replay", copy)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn("snapshot", first.stdout)
        self.assertNotIn("DIFFERENT", first.stdout)
        self.assertEqual(self.flurm("replay", copy).stdout, first.stdout)

        # A state of another moment is another state.
        lines = self.flurm("log", "list", "--data", copy).stdout.splitlines()
        submissions = [line.split() for line in lines if line.endswith("SubmitJob")]
        index = int(submissions[-1][0])
        after = json.loads(self.flurm("state", "--data", copy, "--index", str(index)).stdout)
        before = json.loads(self.flurm("state", "--data", copy, "--index", str(index - 1)).stdout)
        self.assertEqual(len(after["jobs"]), len(before["jobs"]) + 1)
        self.assertEqual(after["jobs"][-1]["id"], int(array))

    def test_what_is_not_there_is_told(self):
        gone = self.flurm("replay", self.c.folder + "/nowhere")
        self.assertEqual(gone.returncode, 1)
        self.assertIn("is not a directory", gone.stderr)
        late = self.flurm("state", "--dir", self.c.dir, "--index", "1000000")
        self.assertEqual(late.returncode, 1)
        self.assertIn("the log ends with entry", late.stderr)
        wrong = self.flurm("state", "--dir", self.c.dir, "--at", "yesterday")
        self.assertIn("'yesterday' is no time", wrong.stderr)


if __name__ == "__main__":
    main()
