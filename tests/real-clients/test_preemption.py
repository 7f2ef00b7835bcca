"""Preemption by partition and by QOS: Debian's clients on a cluster of ours.

With FLURM_REAL=1 the daemons are Debian's slurmctld, slurmd and (for QOS) slurmdbd: the oracle.
"""

import json
import subprocess
import unittest
from datetime import datetime

from accounted import Accounted
from cluster import REAL, REAL_CONTROLLER, REAL_NODES, Cluster, ClusterTest, kill, main, wait_for

PARTITIONS = """PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1
PartitionName=off Nodes=ALL PriorityTier=1 PreemptMode=OFF
PartitionName=again Nodes=ALL PriorityTier=1 PreemptMode=REQUEUE
PartitionName=grace Nodes=ALL PriorityTier=1 GraceTime=15
PartitionName=high Nodes=ALL PriorityTier=10
"""


def preempted(record):
    """The record, once it says that the job is to go."""
    return record if record["PreemptTime"] != "None" else None


class Preempting(ClusterTest):
    nodes = 2

    def running(self, partition, *words, script="exec sleep 1000"):
        job = self.c.submit("-p", partition, *words, script=script)
        self.c.wait_state(job, "RUNNING")
        return job

    def tearDown(self):
        self.c.run("scancel", "--user=root")
        wait_for(lambda: not self.c.squeue("%i"), 30, "an empty queue")


class ByPartition(Preempting):
    extra = "PreemptType=preempt/partition_prio\nPreemptMode=CANCEL\n" + PARTITIONS

    def test_cancel(self):
        low = self.running("low", "-N2", "--exclusive")
        record = self.c.job(low)
        self.assertEqual(record["PreemptEligibleTime"], record["StartTime"])
        high = self.running("high")
        record = self.c.wait_state(low, "PREEMPTED")
        self.assertEqual((record["Reason"], record["ExitCode"], record["Restarts"]), ("None", "0:15", "0"))
        self.assertEqual(record["PreemptTime"], record["EndTime"])
        self.assertEqual(self.c.squeue("%t", "-t", "all", "-j", low), [["PR"]])
        self.assertEqual(self.c.job(high)["PreemptTime"], "None")
        self.c.wait_text(f"slurm-{low}.out", "DUE TO PREEMPTION")

    def test_reservation_has_its_nodes_back(self):
        """A job on nodes of a reservation with MaxStartDelay, which is to give way, has its own time for that."""
        self.c.run("scontrol", "create", "reservation", "ReservationName=own", "StartTime=now", "Duration=60", "Users=root", "Nodes=n1",
                   "MaxStartDelay=30")
        self.addCleanup(self.c.run, "scontrol", "delete", "ReservationName=own")
        borrower = self.running("low", "-w", "n1", "--signal=R:USR1@10")
        other = self.c.submit("-p", "low", "-w", "n1", "--exclusive", "--wrap", "sleep 100")
        wait_for(lambda: self.c.job(other)["Reason"] not in ("None", "(null)"), what="why it waits")
        owner = self.c.submit("-p", "low", "-w", "n1", "--exclusive", "--reservation=own", "--wrap", "sleep 100")
        record = self.c.wait_state(borrower, "PREEMPTED", seconds=40)
        spent = [datetime.fromisoformat(record[key]) for key in ("StartTime", "EndTime")]
        self.assertLessEqual(9, (spent[1] - spent[0]).total_seconds())
        self.c.wait_state(owner, "RUNNING", seconds=40)
        self.assertEqual(self.c.state(other), "PENDING")

    def test_forecast(self):
        low = self.running("low", "-N2", "--exclusive")
        told = self.c.try_run("sbatch", "--test-only", "-p", "high", "-N2", "--exclusive", "--wrap", "true").stderr
        self.assertRegex(told, rf"to start at \S+ using \d+ processors on nodes n\[1-2\] in partition high\n.*Preempts: {low}")

    def test_only_what_is_needed(self):
        one = self.running("low", "-w", "n1", "--exclusive")
        two = self.running("low", "-w", "n2", "--exclusive")
        self.running("high", "-w", "n2")
        self.c.wait_state(two, "PREEMPTED")
        self.assertEqual(self.c.state(one), "RUNNING")

    def test_not_where_it_is_off(self):
        self.running("off", "-N2", "--exclusive")
        high = self.c.submit("-p", "high")
        self.c.wait_reason(high, "Resources")

    def test_requeue(self):
        low = self.running("again", "-N2", "--exclusive")
        self.running("high", "-N2", "--exclusive")
        self.c.wait_reason(low, "BeginTime", seconds=30)
        record = self.c.job(low)
        self.assertEqual((record["JobState"], record["Restarts"]), ("PENDING", "1"))
        self.assertNotIn("PreemptTime", record)

    def test_a_job_that_may_not_be_requeued_is_cancelled(self):
        low = self.running("again", "-N2", "--exclusive", "--no-requeue")
        self.running("high")
        self.c.wait_state(low, "PREEMPTED")

    def test_grace(self):
        low = self.running("grace", "-N2", "--exclusive", script="trap 'echo TERM' TERM; while :; do sleep 0.2; done")
        high = self.c.submit("-p", "high", "--wrap", "sleep 1000")
        record = wait_for(lambda: preempted(self.c.job(low)), 30, "the grace time")
        self.assertEqual(record["JobState"], "RUNNING")
        self.assertNotEqual(record["PreemptTime"], record["EndTime"])
        record = self.c.wait_state(low, "PREEMPTED", seconds=90)
        self.c.wait_state(high, "RUNNING", seconds=60)

    def test_an_array(self):
        low = [self.running("low", "-w", node, "--exclusive") for node in ("n1", "n2")]
        high = self.c.submit("-p", "high", "--array=1-2", "-N1", "--exclusive", "--wrap", "sleep 1000")
        for task in (1, 2):
            self.c.wait_state(f"{high}_{task}", "RUNNING", seconds=90)
        for job in low:
            self.assertEqual(self.c.state(job), "PREEMPTED")


class BySuspending(Preempting):
    extra = """PreemptType=preempt/partition_prio
PreemptMode=SUSPEND,GANG
SchedulerTimeSlice=5
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1
PartitionName=turns Nodes=ALL PriorityTier=1 OverSubscribe=FORCE:2
PartitionName=high Nodes=ALL PriorityTier=10
"""

    def whole(self):
        """What a job asks for that needs all CPUs of a node, and little memory."""
        return ("-c", self.c.node("n1")["CPUTot"], "--mem=50")

    def test_a_lower_job_stands_still_until_the_higher_one_is_over(self):
        low = self.running("low", "-w", "n1", *self.whole())
        high = self.running("high", "-w", "n1", *self.whole())
        record = self.c.wait_state(low, "SUSPENDED")
        self.assertNotEqual(record["SuspendTime"], "None")
        self.assertEqual(self.c.squeue("%t %r", "-j", low), [["S", "None"]])
        self.c.run("scancel", high)
        self.c.wait_state(low, "RUNNING", seconds=60)

    def test_turns(self):
        jobs = [self.c.submit("-p", "turns", "-w", "n2", *self.whole(), "--wrap", "sleep 1000") for _ in range(2)]

        def states():
            found = dict(self.c.squeue("%i %T"))
            return [found.get(job) for job in jobs]

        wait_for(lambda: states() == ["RUNNING", "SUSPENDED"], 30, "the first one's turn")
        wait_for(lambda: states() == ["SUSPENDED", "RUNNING"], 60, "the second one's turn")
        wait_for(lambda: states() == ["RUNNING", "SUSPENDED"], 60, "the first one's turn again")
        self.c.run("scancel", jobs[0])
        self.c.wait_state(jobs[1], "RUNNING", seconds=60)


@unittest.skipIf(REAL or REAL_NODES or REAL_CONTROLLER, "Slurm has one controller that works")
class Leaders(unittest.TestCase):
    """The leader dies in the middle of it, and the next one ends what it began."""

    def leading(self, c):
        told = subprocess.run([c.bin + "/flurm", "cluster", "status", "--json", "--dir", c.dir], capture_output=True, text=True)
        rows = json.loads(told.stdout)["details"] if told.stdout else []
        return next((row["name"] for row in rows if row.get("leads")), None)

    def test_grace_and_turns(self):
        extra = "PreemptType=preempt/partition_prio\nPreemptMode=SUSPEND,GANG\n" + PARTITIONS.replace(
            "GraceTime=15", "GraceTime=15 PreemptMode=CANCEL")
        with Cluster(2, extra, controllers=3) as c:
            whole = ("-c", c.node("n1")["CPUTot"], "--mem=50", "--wrap", "sleep 1000")
            low = c.submit("-p", "low", "-w", "n1", *whole)
            grace = c.submit("-p", "grace", "-w", "n2", *whole)
            for job in (low, grace):
                c.wait_state(job, "RUNNING")
            first = c.submit("-p", "high", "-w", "n1", *whole)
            second = c.submit("-p", "high", "-w", "n2", *whole)
            c.wait_state(low, "SUSPENDED")
            wait_for(lambda: preempted(c.job(grace)), 20, "the grace time")
            kill(c.pid(wait_for(lambda: self.leading(c), 20, "a leader")))
            c.wait_state(grace, "PREEMPTED", seconds=60)
            c.wait_state(second, "RUNNING", seconds=60)
            self.assertEqual((c.state(low), c.state(first)), ("SUSPENDED", "RUNNING"))
            c.run("scancel", first)
            c.wait_state(low, "RUNNING", seconds=60)


class Enforcing(Accounted):
    def __init__(self, nodes, extra):
        super().__init__(nodes, extra, "associations,limits,qos", ours=True)

    def up(self):
        super().up()
        self.sacctmgr("add", "qos", "low")
        self.sacctmgr("add", "qos", "high", "preempt=low", "priority=100")
        self.sacctmgr("add", "qos", "gentle", "gracetime=8", "preemptmode=requeue")
        self.sacctmgr("modify", "qos", "high", "set", "preempt+=gentle")
        self.sacctmgr("modify", "qos", "normal", "set", "preemptexempttime=1:00:00")
        self.sacctmgr("modify", "qos", "high", "set", "preempt+=normal")
        self.sacctmgr("modify", "user", "root", "set", "qos=normal,low,high,gentle")
        for qos in ("low", "high", "gentle"):
            wait_for(lambda: self.try_run("sbatch", f"--qos={qos}", "--test-only", "--wrap", "true").returncode == 0, 30, qos)
        return self


class WithQos(Preempting):
    cluster_type = Enforcing

    def running(self, qos, *words, script="exec sleep 1000"):
        job = self.c.submit(f"--qos={qos}", *words, script=script)
        self.c.wait_state(job, "RUNNING", seconds=60)
        return job


class ByQos(WithQos):
    extra = "PreemptType=preempt/qos\nPreemptMode=CANCEL\nPartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE\n"

    def accounted(self, job, state):
        wait_for(lambda: [row["State"] for row in self.c.sacct("-X", "-D", "-j", job, form="State")] == [state] or None, 60,
                 f"{state} of job {job} in accounting")

    def test_cancel(self):
        low = self.running("low", "-N2", "--exclusive")
        self.running("high")
        self.c.wait_state(low, "PREEMPTED")
        self.accounted(low, "PREEMPTED")

    def test_requeue_after_grace(self):
        low = self.running("gentle", "-N2", "--exclusive", script="trap '' TERM; while :; do sleep 0.2; done")
        self.running("high", "-N2", "--exclusive")
        self.c.wait_reason(low, "BeginTime", seconds=30)
        wait_for(lambda: [row["State"] for row in self.c.sacct("-X", "-D", "-j", low, form="State")] == ["PREEMPTED", "PENDING"], 60,
                 "two records")

    def test_exempt(self):
        normal = self.running("normal", "-N2", "--exclusive")
        high = self.c.submit("--qos=high")
        self.c.wait_reason(high, "Resources")
        record = self.c.job(normal)
        start, eligible = (datetime.fromisoformat(record[each]) for each in ("StartTime", "PreemptEligibleTime"))
        self.assertEqual((eligible - start).total_seconds(), 3600)


class ByQosSuspending(WithQos):
    extra = "PreemptType=preempt/qos\nPreemptMode=SUSPEND,GANG\nPartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=FORCE:1\n"

    def test_suspend(self):
        whole = ("-w", "n1", "-c", self.c.node("n1")["CPUTot"], "--mem=50")
        low = self.running("low", *whole)
        high = self.running("high", *whole)
        self.c.wait_state(low, "SUSPENDED")
        self.c.run("scancel", high)
        self.c.wait_state(low, "RUNNING", seconds=60)


class ByQosWithin(WithQos):
    extra = "PreemptType=preempt/qos\nPreemptMode=CANCEL,WITHIN\nPartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE\n"

    def test_by_priority(self):
        low = self.running("low", "-N2", "--exclusive", "--priority=100")
        same = self.c.submit("--qos=low", "--priority=100", "--wrap", "sleep 1000")
        self.c.wait_reason(same, "Resources")
        self.running("low", "--priority=200")
        self.c.wait_state(low, "PREEMPTED")


if __name__ == "__main__":
    main()
