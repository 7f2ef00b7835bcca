"""No acknowledged job is lost and none runs twice: the controller, or a node's daemon, is killed (SIGKILL) at random
moments while clients submit. FLURM_CRASHES sets how often (50)."""

import os
import random
import threading
import time
import unittest

from cluster import Cluster, REAL, kill, wait_for

CRASHES = int(os.environ.get("FLURM_CRASHES", "50"))
CLIENTS = 8


class Submitter(threading.Thread):
    """Submits jobs one after the other; keeps the ids that sbatch printed."""

    def __init__(self, cluster, number, ran):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.number = number
        self.ran = ran
        self.ids = []
        self.stop = False

    def run(self):
        count = 0
        while not self.stop:
            count += 1
            # O_APPEND writes of one line are whole, so the file lists every run exactly once.
            script = f"echo {self.number}.{count} $SLURM_JOB_ID >> {self.ran}"
            done = self.cluster.try_run(
                "sbatch", "--parsable", "-o", "/dev/null", "--mem=1", stdin="#!/bin/sh\n" + script + "\n", timeout=120)
            if done.returncode == 0:
                self.ids.append(int(done.stdout.strip()))
            time.sleep(0.05)


@unittest.skipIf(REAL, "Slurm does not promise this")
class Crash(unittest.TestCase):
    def test_killed_while_clients_submit(self):
        seed = int(os.environ.get("FLURM_SEED", time.time_ns() % 1000000))
        print("FLURM_SEED=%d" % seed, flush=True)
        chance = random.Random(seed)
        extra = "MessageTimeout=30\nMaxJobCount=100000\nMinJobAge=86400\n"
        with Cluster(nodes=4, extra=extra) as cluster:
            ran = cluster.work + "/ran"
            open(ran, "w").close()
            os.chmod(ran, 0o666)
            submitters = [Submitter(cluster, n, ran) for n in range(CLIENTS)]
            for each in submitters:
                each.start()
            for _ in range(CRASHES):
                time.sleep(chance.uniform(0.05, 0.6))
                kill(cluster.pid("flurmctld"))
                cluster.up()
            for each in submitters:
                each.stop = True
            for each in submitters:
                each.join(timeout=120)
                self.assertFalse(each.is_alive(), "a client hangs")

            printed = [job for each in submitters for job in each.ids]
            self.assertGreater(len(printed), CRASHES, "too few jobs to mean anything")
            self.assertEqual(len(printed), len(set(printed)), "an id was given twice")
            known = {int(line) for line in cluster.run("squeue", "-h", "-t", "all", "-o", "%A").split()}
            self.assertEqual(set(printed) - known, set(), "acknowledged jobs are lost")

            wait_for(lambda: cluster.run("squeue", "-h") == "", 120, "the queue to run dry")
            with open(ran) as file:
                runs = [line.split() for line in file]
            ids = [int(job) for _, job in runs]
            self.assertEqual(len(ids), len(set(ids)), "a job ran twice")
            self.assertEqual(set(printed) - set(ids), set(), "acknowledged jobs never ran")
            labels = [label for label, _ in runs]
            self.assertEqual(len(labels), len(set(labels)), "one submission became two jobs")
            states = cluster.run("squeue", "-h", "-t", "all", "-o", "%T").split()
            self.assertEqual(set(states), {"COMPLETED"})
            print("%d crashes, %d jobs acknowledged, %d ran" % (CRASHES, len(printed), len(ids)), flush=True)

    def run_dry(self, cluster):
        """Jobs that start over need not wait two minutes for it."""

        def dry():
            waiting = cluster.run("squeue", "-h", "-t", "PD", "-o", "%A %r").splitlines()
            for job in [line.split()[0] for line in waiting if line.endswith(" BeginTime")]:
                cluster.try_run("scontrol", "update", f"jobid={job}", "starttime=now")
            return cluster.run("squeue", "-h") == ""

        wait_for(dry, 60, "the queue to run dry")

    def test_node_killed_while_jobs_start(self):
        """The daemon dies between taking a job and its script's start, somewhere within or after."""
        seed = int(os.environ.get("FLURM_SEED", time.time_ns() % 1000000))
        print("FLURM_SEED=%d" % seed, flush=True)
        chance = random.Random(seed)
        with Cluster(nodes=1, extra="MaxJobCount=100000\nMinJobAge=86400\n") as cluster:
            ran = cluster.work + "/ran"
            open(ran, "w").close()
            os.chmod(ran, 0o666)
            printed = []
            for crash in range(CRASHES):
                for _ in range(3):
                    printed.append(int(cluster.submit(
                        "-o", "/dev/null", "--mem=1",
                        script="echo $SLURM_JOB_ID >> %s; sleep %.3f" % (ran, chance.choice((0, 0, 0.05))))))
                    time.sleep(chance.uniform(0, 0.02))
                time.sleep(chance.uniform(0, chance.choice((0.005, 0.06))))
                kill(cluster.pid("n1"))
                cluster.up()
            self.run_dry(cluster)
            with open(ran) as file:
                ids = [int(line) for line in file]
            self.assertEqual(len(ids), len(set(ids)), "a job ran twice")
            self.assertEqual(set(printed) - set(ids), set(), "acknowledged jobs never ran")
            states = dict(line.split() for line in cluster.run("squeue", "-h", "-t", "all", "-o", "%A %T").splitlines())
            self.assertEqual({job: state for job, state in states.items() if state != "COMPLETED"}, {})
            again = cluster.log("n1").count("noded.never_started")
            print("%d crashes, %d jobs, %d started over" % (CRASHES, len(printed), again), flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
