"""Programs are replaced while they serve: in place, with clients that never stop, and none of them sees an error."""

import os
import shutil
import unittest

from administered import Administered, Load
from cluster import REAL, REAL_CONTROLLER, main, wait_for


@unittest.skipIf(REAL or REAL_CONTROLLER, "Slurm's controllers are not replaced while they serve")
class InPlace(unittest.TestCase):
    def cluster(self, controllers):
        c = Administered(nodes=2, controllers=controllers, extra="MinJobAge=3600\n")
        self.addCleanup(c.__exit__)
        return c.up()

    def test_one_controller(self):
        self.upgrade_under_load(self.cluster(1), ["flurmctld"], 4)

    def test_three_controllers(self):
        self.upgrade_under_load(self.cluster(3), ["ctl1", "ctl2", "ctl3"], 2)

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


if __name__ == "__main__":
    main()
