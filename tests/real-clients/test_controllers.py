"""Three controllers at once: each serves Slurm's clients, the leader runs the jobs, and when it is killed another one
leads, with every job that was acknowledged. What a failover takes is printed, never asserted."""

import json
import os
import shutil
import subprocess
import time
import unittest

from cluster import Cluster, REAL, REAL_CONTROLLER, kill, wait_for

NAMES = ("ctl1", "ctl2", "ctl3")


@unittest.skipIf(REAL or REAL_CONTROLLER, "Slurm's controllers do not work side by side")
class Controllers(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster(nodes=3, controllers=3, extra="MinJobAge=3600\n")
        self.cluster.up()
        self.addCleanup(self.cluster.__exit__)

    def only(self, name):
        """Environment of a client that knows this one controller."""
        path = f"{self.cluster.folder}/{name}.conf"
        with open(self.cluster.conf) as file:
            lines = [line for line in file if not line.startswith("SlurmctldHost=") or line.startswith(f"SlurmctldHost={name}(")]
        with open(path, "w") as file:
            file.writelines(lines)
        return {"SLURM_CONF": path}

    def status(self):
        """What the first controller that is there says of all; the tool's exit status beside it."""
        done = subprocess.run([self.cluster.bin + "/flurm", "cluster", "status", "--json", "--dir", self.cluster.dir],
                              capture_output=True, text=True, timeout=30)
        self.assertIn(done.returncode, (0, 3), done.stderr)
        return json.loads(done.stdout), done.returncode

    def leader(self, among=NAMES):
        """Who leads, if one of these does."""
        rows = self.status()[0]["details"]
        return next((row["name"] for row in rows if row.get("leads") and row["name"] in among), None)

    def kill(self, name):
        kill(self.cluster.pid(name))

    @staticmethod
    def lines(path):
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return file.read().split()

    def completed(self, jobs, env):
        text = self.cluster.run("squeue", "-h", "-t", "all", "-o", "%i %T", env=env)
        states = dict(line.split() for line in text.splitlines())
        return all(states.get(job) == "COMPLETED" for job in jobs)

    def test_each_one_serves(self):
        leader = wait_for(self.leader, 10, "a leader")
        status, code = self.status()
        self.assertEqual((status["leader"], status["members"], status["healthy"], code), (leader, list(NAMES), True, 0))
        self.assertEqual(len({row["version"] for row in status["details"]}), 1)
        for name in NAMES:
            text = self.cluster.run("sinfo", "-h", "-o", "%D %T", env=self.only(name))
            self.assertEqual(text.strip(), "3 idle", name)
        ping = self.cluster.run("scontrol", "ping")
        self.assertEqual(ping.count("is UP"), 3, ping)
        jobs = [self.cluster.run("sbatch", "--parsable", "-o", "/dev/null", "--wrap", "true", env=self.only(name)).strip()
                for name in (leader,) + NAMES]
        self.assertEqual(len(set(jobs)), 4)
        for name in NAMES:
            wait_for(lambda: self.completed(jobs, self.only(name)), 20, f"jobs completed as {name} sees them")

    def test_leader_is_killed(self):
        begun = f"{self.cluster.work}/begun"
        took = []
        for _ in range(3):
            leader = wait_for(self.leader, 10, "a leader")
            script = f"#!/bin/sh\necho $SLURM_JOB_ID >> {begun}\nsleep 2\n"
            jobs = [self.cluster.run("sbatch", "--parsable", "-o", "/dev/null", "--mem=1", stdin=script,
                                     env=self.only(leader)).strip() for _ in range(6)]
            wait_for(lambda: self.lines(begun), 10, "a running job")
            others = tuple(name for name in NAMES if name != leader)
            self.kill(leader)
            at = time.monotonic()
            # The next write, through one of those that are left.
            jobs.append(self.cluster.run("sbatch", "--parsable", "-o", "/dev/null", "--mem=1", stdin=script,
                                         env=self.only(others[0])).strip())
            took.append(round(1000 * (time.monotonic() - at)))
            self.assertIn(wait_for(lambda: self.leader(others), 10, "another leader"), others)
            for name in others:
                wait_for(lambda: self.completed(jobs, self.only(name)), 30, f"jobs completed as {name} sees them")
            status, code = self.status()
            self.assertEqual((status["healthy"], code), (False, 3))
            self.assertEqual([row["name"] for row in status["details"] if not row["reached"]], [leader])
            self.assertEqual(sorted(self.lines(begun), key=int), sorted(jobs, key=int), "each job runs once")
            os.remove(begun)
            self.cluster.up()
        print("next submission after the leader's death, ms:", *took, flush=True)

    def test_a_lost_disk_is_filled_again(self):
        leader = wait_for(self.leader, 10, "a leader")
        lost = next(name for name in NAMES if name != leader)
        job = self.cluster.run("sbatch", "--parsable", "-o", "/dev/null", "--wrap", "true").strip()
        self.kill(lost)
        shutil.rmtree(f"{self.cluster.dir}/state/{lost}")
        self.cluster.up()
        wait_for(lambda: self.completed([job], self.only(lost)), 20, "the job as the one knows it that had forgotten it")
        wait_for(lambda: self.status()[1] == 0, 10, "a healthy cluster")

    def test_a_controller_alone_waits_and_says_so(self):
        leader = wait_for(self.leader, 10, "a leader")
        alone = next(name for name in NAMES if name != leader)
        for name in NAMES:
            if name != alone:
                self.kill(name)
        # What it knows it still tells.
        text = self.cluster.run("sinfo", "-h", "-o", "%D", env=self.only(alone))
        self.assertEqual(text.strip(), "3")
        self.cluster.up()
        for name in NAMES:
            self.cluster.run("sbatch", "-o", "/dev/null", "--wrap", "true", env=self.only(name))


if __name__ == "__main__":
    unittest.main()
