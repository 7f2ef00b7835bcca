"""What administrators do with a cluster while it serves: shut its door to new jobs, back it up and restore it."""

import os
import shutil
import unittest

from administered import Administered
from cluster import REAL, REAL_CONTROLLER, is_root, kill, main, wait_for


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


@unittest.skipIf(REAL or REAL_CONTROLLER, "what FLURM has and Slurm does not")
class Backup(unittest.TestCase):
    def setUp(self):
        self.c = Administered(nodes=2, controllers=3, extra="MinJobAge=3600\n")
        self.addCleanup(self.c.__exit__)
        self.c.up()
        self.file = self.c.work + "/backup"

    def only(self, name):
        """Environment of a tool that knows this one controller."""
        folder = f"{self.c.folder}/{name}"
        os.mkdir(folder)
        shutil.copy(self.c.dir + "/etc/flurm.conf", folder)
        with open(self.c.conf) as file:
            lines = [line for line in file if not line.startswith("SlurmctldHost=") or line.startswith(f"SlurmctldHost={name}(")]
        with open(folder + "/slurm.conf", "w") as file:
            file.writelines(lines)
        return {"SLURM_CONF": folder + "/slurm.conf"}

    def test_everything_is_lost_and_comes_back(self):
        running = self.c.submit("-N1", script="sleep 4; echo first >> order")
        waiting = self.c.submit(f"--dependency=afterok:{running}", "--export=ALL,WORD=second", script="echo $WORD >> order")
        held = self.c.submit("-H", "--array=1-3", "-o", "/dev/null")
        self.c.wait_state(running, "RUNNING")
        queue = self.c.squeue("%i %u %j", "-t", "all")
        # From each member, and each time all that is acknowledged.
        for name in ("ctl1", "ctl2", "ctl3"):
            last = self.c.submit("-H", "-o", "/dev/null")
            done = self.c.try_run(self.c.bin + "/flurm", "backup", "create", self.file, env=self.only(name))
            self.assertEqual(done.returncode, 0, done.stderr)
            told = self.c.run(self.c.bin + "/flurm", "backup", "verify", self.file)
            self.assertIn(f"the next one is {int(last) + 1}\n", told, name)
            self.c.run("scancel", last)
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)

        for name in ("ctl1", "ctl2", "ctl3"):
            kill(self.c.pid(name))
            shutil.rmtree(f"{self.c.dir}/state/{name}")
        self.c.flurm("backup", "restore", self.file)
        self.assertIn("not empty", self.c.flurm_refused("backup", "restore", self.file))
        self.c.up()
        self.assertEqual([line for line in self.c.squeue("%i %u %j", "-t", "all") if line in queue], queue)
        self.assertEqual(self.c.wait_end(waiting)["JobState"], "COMPLETED")
        self.assertEqual(self.c.read("order").split(), ["first", "second"])
        self.c.run("scontrol", "release", held)
        self.assertEqual(self.c.wait_end(held)["JobState"], "COMPLETED")
        self.assertGreater(int(self.c.submit()), int(last))
        status = wait_for(lambda: (lambda page: page if page["healthy"] else None)(self.c.page("cluster", "status")), 10, "health")
        self.assertEqual(len({row["term"] for row in status["details"]}), 1)

    def test_one_controller_goes_on_for_three(self):
        held = self.c.submit("-H", "-o", "/dev/null", "--wrap", "true")
        self.c.flurm("drain", "a move")
        self.c.flurm("backup", "create", self.file)
        self.c.down()
        one = Administered(nodes=2, controllers=1, extra="MinJobAge=3600\n")
        self.addCleanup(one.__exit__)
        one.up()
        self.assertIn("runs; stop the cluster first", one.flurm_refused("backup", "restore", self.file))
        one.down()
        shutil.rmtree(one.dir + "/state/ra")
        one.flurm("backup", "restore", self.file)
        one.up()
        # The door is as it was, too.
        self.assertIn("a move", one.refused("sbatch", "--wrap", "true"))
        one.flurm("resume")
        one.run("scontrol", "release", held)
        self.assertEqual(one.wait_end(held)["JobState"], "COMPLETED")
        self.assertEqual(int(one.submit()), int(held) + 1)

    def test_a_damaged_backup_is_found_and_not_restored(self):
        self.c.submit()
        self.c.flurm("backup", "create", self.file)
        with open(self.file, "rb") as file:
            good = file.read()
        self.c.down()
        for name in ("ctl1", "ctl2", "ctl3"):
            shutil.rmtree(f"{self.c.dir}/state/{name}")
        cases = {"cut": good[:-1], "half": good[: len(good) // 2], "longer": good + b"x", "empty": b""}
        for at in (3, 20, 90, len(good) // 2, len(good) - 1):
            cases[f"byte {at}"] = good[:at] + bytes([good[at] ^ 1]) + good[at + 1:]
        for what, bad in cases.items():
            with open(self.file, "wb") as file:
                file.write(bad)
            told = self.c.refused(self.c.bin + "/flurm", "backup", "verify", self.file)
            self.assertIn(self.file, told, what)
            self.c.flurm_refused("backup", "restore", self.file)
            self.assertEqual(os.listdir(self.c.dir + "/state"), [], what)


if __name__ == "__main__":
    main()
