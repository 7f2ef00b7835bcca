"""Programs are replaced while they serve: in place, with clients that never stop, and none of them sees an error.

FLURM_UPGRADES=N (default 2): how many times three controllers, one after the other, take up another file.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import unittest
import unittest.mock

from administered import Administered, Load
from cluster import REAL, REAL_CONTROLLER, REAL_NODES, main, wait_for

NEWEST = 7  # the format of the state that the program of today knows (state/format.cpp); the one before knows 2
UPGRADES = int(os.environ.get("FLURM_UPGRADES", "2"))


@unittest.skipIf(REAL or REAL_CONTROLLER, "Slurm's controllers are not replaced while they serve")
class InPlace(unittest.TestCase):
    def cluster(self, controllers):
        c = Administered(nodes=2, controllers=controllers, extra="MinJobAge=3600\n")
        self.addCleanup(c.__exit__)
        return c.up()

    def test_one_controller(self):
        self.upgrade_under_load(self.cluster(1), ["flurmctld"], 2 * UPGRADES)

    def test_three_controllers(self):
        self.upgrade_under_load(self.cluster(3), ["ctl1", "ctl2", "ctl3"], UPGRADES)

    def upgrade_under_load(self, c, names, times):
        # Another file than the one they run now.
        new = c.folder + "/flurmctld"
        shutil.copy(c.bin + "/flurmctld", new)
        pids = [c.pid(name) for name in names]
        with Load(c, c.work + "/begun", c.addresses()) as load:
            for program in [new, c.bin + "/flurmctld"] * (times // 2):
                wait_for(lambda at=load.done: load.done > at + 20, 20, "work between upgrades")
                c.flurm("upgrade", program)
                for pid in pids:
                    self.assertEqual(os.readlink(f"/proc/{pid}/exe"), os.path.realpath(program))
            wait_for(lambda at=load.done: load.done > at + 20, 20, "work after them")
        load.check(self)
        self.assertEqual([c.pid(name) for name in names], pids)

    def test_what_cannot_serve_does_not_take_over(self):
        c = self.cluster(1)
        before = os.readlink(f"/proc/{c.pid('flurmctld')}/exe")
        refused = c.folder + "/refused"
        for text in ("exit 1", "echo flurmctld version 9 newest-format 2", "echo hello"):
            with open(refused, "w") as file:
                file.write("#!/bin/sh\n" + text + "\n")
            os.chmod(refused, 0o755)
            c.flurm_refused("upgrade", refused)
        c.flurm_refused("upgrade", c.folder)
        # Nor with a configuration that it could not read.
        with open(c.conf) as file:
            good = file.read()
        with open(c.conf, "a") as file:
            file.write("SlurmctldPort=none\n")
        told = c.refused(c.bin + "/flurm", "upgrade", "--dir", c.dir)
        with open(c.conf, "w") as file:
            file.write(good)
        self.assertTrue(told)
        self.assertEqual(os.readlink(f"/proc/{c.pid('flurmctld')}/exe"), before)
        self.assertEqual(c.wait_end(c.submit())["JobState"], "COMPLETED")


@unittest.skipIf(REAL or REAL_CONTROLLER, "Slurm's controllers do not work side by side")
class Rolling(unittest.TestCase):
    """From a build that knows formats of the state up to 2 to this one, and back for as long as that goes."""

    NAMES = ("ctl1", "ctl2", "ctl3")

    def setUp(self):
        built = os.environ.get("FLURM_BIN") or os.path.join(os.path.dirname(__file__), "../../build/dev/bin")
        self.c = c = Administered(nodes=2, controllers=3, extra="MinJobAge=3600\n")
        self.addCleanup(c.__exit__)
        self.new, self.old = os.path.realpath(built + "/flurmctld"), os.path.realpath(built + "/../tests/flurmctld-before")
        c.bin = shutil.copytree(built, c.folder + "/bin")
        shutil.copy(self.old, c.bin + "/flurmctld")
        # Snapshots and comparisons of the states' hashes all the time, between the two releases, too.
        with unittest.mock.patch.dict(os.environ, FLURM_RAFT_SNAPSHOT_INTERVAL="20"):
            c.up()

    def formats(self):
        page = self.c.page("versions")
        return page["format"], {row["name"]: row["formats"][1] for row in page["members"]}

    def test_one_after_the_other_and_back(self):
        c = self.c
        self.assertEqual(self.formats(), (2, dict.fromkeys(self.NAMES, 2)))
        with Load(c, c.work + "/begun", c.addresses()) as load:
            for i, name in enumerate(self.NAMES[:2]):
                c.flurm("upgrade", self.new, "--controller", name)
                self.assertEqual(self.formats(), (2, {each: NEWEST if each in self.NAMES[: i + 1] else 2 for each in self.NAMES}))
                self.assertIn("earlier release", c.flurm_refused("drain"))
                wait_for(lambda at=load.done: load.done > at + 20, 20, "work with two releases")
            # Back, and forth again.
            c.flurm("upgrade", self.old, "--controller", "ctl1")
            self.assertEqual(self.formats(), (2, {"ctl1": 2, "ctl2": NEWEST, "ctl3": 2}))
            wait_for(lambda at=load.done: load.done > at + 20, 20, "work with two releases")
            c.flurm("upgrade", self.new)
            wait_for(lambda: self.formats() == (NEWEST, dict.fromkeys(self.NAMES, NEWEST)), 10, "the newer format in use")
            wait_for(lambda at=load.done: load.done > at + 20, 20, "work in the newer format")
        load.check(self)
        c.flurm("drain", "it works")
        self.assertIn("it works", c.refused("sbatch", "--wrap", "true"))
        # There is no way back from here.
        told = c.flurm_refused("upgrade", self.old)
        self.assertIn(f"reads formats of the state up to 2, and {NEWEST} is in use", told)
        self.assertTrue(c.page("cluster", "status")["healthy"])
        for name in self.NAMES:
            self.assertTrue([file for file in os.listdir(f"{c.dir}/state/{name}") if file.startswith("snapshot-")], name)
            self.assertNotIn("states_differ", c.log(name))


@unittest.skipIf(REAL or REAL_CONTROLLER, "Slurm's controllers are not replaced while they serve")
class Alone(unittest.TestCase):
    def test_a_single_controller_can_go_back_when_told_beforehand(self):
        built = os.environ.get("FLURM_BIN") or os.path.join(os.path.dirname(__file__), "../../build/dev/bin")
        c = Administered(nodes=1, extra="MinJobAge=3600\n")
        self.addCleanup(c.__exit__)
        with unittest.mock.patch.dict(os.environ, FLURM_STATE_FORMAT="2"):
            c.up()
        jobs = [c.submit("-H")]
        self.assertIn("earlier release", c.flurm_refused("drain"))
        for program in ("/../tests/flurmctld-before", "/flurmctld"):
            c.flurm("upgrade", os.path.realpath(built + program))
            jobs.append(c.submit("-H"))
            self.assertEqual([line[0] for line in c.squeue("%i")], jobs[::-1])
        c.down()
        c.up()
        wait_for(lambda: c.page("versions")["features"]["drain"], 10, "the newer format in use")
        self.assertEqual([line[0] for line in c.squeue("%i")], jobs[::-1])


@unittest.skipIf(REAL or REAL_NODES, "Slurm's node daemons are not replaced while they serve")
class Nodes(unittest.TestCase):
    def test_jobs_and_submissions_go_on(self):
        c = Administered(nodes=2, extra="MinJobAge=3600\n")
        self.addCleanup(c.__exit__)
        # A folder of its own, where files can be replaced as a package does it.
        c.bin = shutil.copytree(c.bin, c.folder + "/installed")
        c.up()
        pid, installed = c.pid("n1"), c.bin + "/flurmnd"
        long = c.submit("-w", "n1", "-o", "/dev/null", script="sleep 3; echo ended >> ended")
        c.wait_state(long, "RUNNING")
        with open(c.conf) as file:
            port = next(int(line.split("=")[1]) for line in file if line.startswith("SlurmctldPort=")) + 1
        with Load(c, c.work + "/begun", [("127.0.0.1", port)]) as load:
            for _ in range(3):
                # By another process: a file that this one has open for writing, its threads' children have, too, for a moment.
                subprocess.run(["cp", installed, installed + ".new"], check=True)
                os.rename(installed + ".new", installed)
                self.assertTrue(os.readlink(f"/proc/{pid}/exe").endswith(" (deleted)"))
                c.flurm("upgrade", "--node", "n1")
                self.assertEqual(os.readlink(f"/proc/{pid}/exe"), os.path.realpath(installed))
                wait_for(lambda at=load.done: load.done > at + 20, 20, "work after it")
        load.check(self)
        record = c.wait_end(long)
        self.assertEqual(record["JobState"], "COMPLETED", f"{record}\n{c.log('n1')[-5000:]}")
        self.assertEqual(c.read("ended"), "ended\n")
        self.assertEqual(c.pid("n1"), pid)
        wait_for(lambda: not self.zombies(pid), 5, "every supervisor reaped")
        # What cannot start does not take over.
        with open(installed + ".new", "w") as file:
            file.write("#!/bin/sh\nexit 1\n")
        os.chmod(installed + ".new", 0o755)
        os.rename(installed + ".new", installed)
        os.kill(pid, signal.SIGUSR1)
        wait_for(lambda: "noded.upgrade_refused" in c.log("n1"), 10, "a refusal")
        self.assertEqual(c.wait_end(c.submit("-w", "n1"))["JobState"], "COMPLETED")

    @staticmethod
    def zombies(parent):
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            children = file.read().split()
        found = []
        for child in children:
            with contextlib.suppress(OSError), open(f"/proc/{child}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    found.append(child)
        return found


if __name__ == "__main__":
    main()
