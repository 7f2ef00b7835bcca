"""MCS labels (MCSPlugin): which jobs have one, and that nodes are set apart by them; PrivateData; health checks."""

import os
import unittest

from accounted import Accounted
from cluster import REAL, REAL_CONTROLLER, ClusterTest, main, wait_for

SOON = "SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=1,max_rpc_cnt=0\n"


class ByUser(ClusterTest):
    nodes = 2
    extra = SOON + "MCSPlugin=mcs/user\nMCSParameters=ondemand,select\n"

    def label(self, job):
        return self.c.run("squeue", "-h", "-j", job, "-O", "mcslabel:20").strip()

    def test_labels_are_given_to_those_who_ask(self):
        self.assertIn("Invalid mcs_label", self.c.refused("sbatch", "--mcs-label=nobody", "--wrap", "true"))
        self.assertEqual(self.label(self.c.submit("--hold")), "(null)")
        self.assertEqual(self.label(self.c.submit("--hold", "--exclusive=mcs")), "root")
        self.assertEqual(self.label(self.c.submit("--hold", "--mcs-label=nobody", user="nobody")), "nobody")

    def test_nodes_are_for_one_label(self):
        mine = self.c.submit("-n1", "-w", "n1", "--exclusive=mcs", "--wrap", "sleep 300")
        self.c.wait_state(mine, "RUNNING")
        self.assertEqual(self.c.node("n1")["MCS_label"], "root")
        beside = self.c.submit("-n1", "-w", "n1", "--mcs-label=root", "--wrap", "sleep 300")
        self.c.wait_state(beside, "RUNNING")
        others = [self.c.submit("-n1", "-w", "n1", "-o", "/dev/null", "--mcs-label=nobody", "--wrap", "sleep 300", user="nobody"),
                  self.c.submit("-n1", "-w", "n1", "--wrap", "sleep 300")]
        for job in others:
            wait_for(lambda: self.c.job(job)["Reason"] not in ("None", "(null)"), what=f"why {job} waits")
            self.assertEqual(self.c.state(job), "PENDING")
        elsewhere = self.c.submit("-n1", "-w", "n2", "--wrap", "sleep 300")
        self.c.wait_state(elsewhere, "RUNNING")
        self.assertEqual(self.c.node("n2")["MCS_label"], "N/A")
        self.c.run("scancel", mine, beside)
        self.c.wait_state(others[0], "RUNNING")
        self.assertEqual(self.c.node("n1")["MCS_label"], "nobody")
        self.c.run("scancel", others[0])
        self.c.wait_state(others[1], "RUNNING")


class ByGroup(ClusterTest):
    nodes = 1
    extra = SOON + "MCSPlugin=mcs/group\nMCSParameters=enforced,noselect:nogroup|root\n"

    def test_each_job_has_the_first_group_that_counts(self):
        for user, label in (("root", "root"), ("nobody", "nogroup")):
            job = self.c.submit("--hold", user=user)
            self.assertEqual(self.c.job(job)["MCS_label"], label)
        self.assertIn("Invalid mcs_label", self.c.refused("sbatch", "--mcs-label=root", "--wrap", "true", user="nobody"))
        self.assertIn("Invalid mcs_label", self.c.refused("sbatch", "--wrap", "true", user="daemon"))


class ByAccount(unittest.TestCase):
    """The label of a job is its account. With accounting, for accounts need not exist without it."""

    def test_nodes_are_for_one_account(self):
        with Accounted(2, extra=SOON + "MCSPlugin=mcs/account\nMCSParameters=enforced,select\nLicenses=lic:5\nAccountingStorageTRES=license/lic\n",
                       enforce="associations", ours=True) as c:
            for account in ("a", "b"):
                c.sacctmgr("add", "account", account)
                c.sacctmgr("add", "user", "root", f"account={account}")
            job = lambda *words: c.submit("-n1", "-w", "n1", "-o", "/dev/null", *words, "--wrap", "sleep 300")
            first, second = job("-A", "a", "-L", "lic:2"), job("-A", "a")
            for each in (first, second):
                self.assertEqual(c.wait_state(each, "RUNNING")["MCS_label"], "a")
            self.assertEqual(c.node("n1")["MCS_label"], "a")
            self.assertRegex(c.job(first)["TRES"], r"^cpu=1,mem=\d+M,node=1,billing=1,license/lic=2$")
            other = job("-A", "b")
            wait_for(lambda: c.job(other)["Reason"] not in ("None", "(null)"), what="why it waits")
            self.assertEqual((c.state(other), c.job(other)["MCS_label"]), ("PENDING", "b"))
            self.assertIn("Invalid mcs_label", c.refused("sbatch", "-A", "a", "--mcs-label=b", "--wrap", "true"))
            c.run("scancel", first, second)
            c.wait_state(other, "RUNNING", seconds=40)
            self.assertEqual(c.node("n1")["MCS_label"], "b")
            told = wait_for(lambda: [row["AllocTRES"] for row in c.sacct("-a", "-X", "-j", first, form="AllocTRES,State")
                                     if row["State"].startswith("CANCELLED")], 20, "its record")[0]
            self.assertIn("license/lic=2", told)


class PrivateByUser(ClusterTest):
    nodes = 1
    extra = SOON + "MCSPlugin=mcs/user\nMCSParameters=ondemand,noselect,privatedata\nPrivateData=jobs\n"
    hidden_from_nobody, shown_to_nobody = ("--mcs-label=root",), ()
    theirs = ("--mcs-label=nobody",)

    def test_jobs_of_other_labels_are_hidden(self):
        hidden = self.c.submit("--hold", *self.hidden_from_nobody)
        shown = self.c.submit("--hold", *self.shown_to_nobody)
        own = self.c.submit("--hold", *self.theirs, user="nobody")
        self.assertEqual(sorted(self.c.run("squeue", "-h", "-o", "%i").split()), sorted((hidden, shown, own)))
        self.assertEqual(sorted(self.c.run("squeue", "-h", "-o", "%i", user="nobody").split()), sorted((shown, own)))
        self.assertIn(f"JobId={shown} ", self.c.run("scontrol", "show", "job", shown, user="nobody"))
        self.assertIn("Invalid job id", self.c.refused("scontrol", "show", "job", hidden, user="nobody"))

    def test_what_runs_there_is_hidden_too(self):
        hidden = self.c.submit("-n1", *self.hidden_from_nobody, "--wrap", "srun sleep 300")
        shown = self.c.submit("-n1", *self.shown_to_nobody, "--wrap", "srun sleep 300")
        seen = lambda **who: {line.split(".")[0] for line in self.c.run("squeue", "-h", "-s", "-o", "%i", **who).split()}
        wait_for(lambda: seen() == {hidden, shown}, what="both jobs' steps")
        self.assertEqual(seen(user="nobody"), {shown})
        refusal = self.c.refused("srun", "--jobid", hidden, "--overlap", "true", user="nobody")
        self.assertRegex(refusal, "Access/permission denied|Invalid job id")


class PrivateByGroup(PrivateByUser):
    extra = SOON + "MCSPlugin=mcs/group\nMCSParameters=ondemand,noselect,privatedata:nogroup|root\nPrivateData=jobs\n"
    theirs = ("--mcs-label=nogroup",)


class Private(ClusterTest):
    nodes = 1
    extra = "PrivateData=jobs,nodes,partitions,reservations\n"

    def test_others_see_their_own_alone(self):
        mine = self.c.submit("--hold")
        theirs = self.c.submit("--hold", user="nobody")
        self.c.run("scontrol", "create", "reservation", "reservationname=r", "starttime=now", "duration=60", "users=root", "nodes=n1")
        self.assertEqual(sorted(job for job, in self.c.squeue("%i")), sorted((mine, theirs)))
        self.assertEqual(self.c.run("squeue", "-h", "-o", "%i", user="nobody").split(), [theirs])
        self.assertNotEqual(self.c.try_run("scontrol", "show", "job", mine, user="nobody").returncode, 0)
        self.assertIn("ermission denied", self.c.refused("sinfo", "-h", "-N", user="nobody"))
        self.assertIn("n1", self.c.run("sinfo", "-h", "-N"))
        self.assertNotIn("ReservationName", self.c.try_run("scontrol", "show", "reservation", user="nobody").stdout)
        self.assertIn("ReservationName=r", self.c.run("scontrol", "show", "reservation"))
        self.c.run("scontrol", "delete", "reservationname=r")
        self.c.run("scancel", mine, theirs)


class Health(ClusterTest):
    nodes = 2
    # Written before the cluster starts; it says where it ran, and drains one node, as Slurm's documentation has it.
    program = "/tmp/flurm-health-%d" % os.getpid()
    extra = f"HealthCheckProgram={program}\nHealthCheckInterval=1\nHealthCheckNodeState=IDLE\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(os.unlink, cls.program)
        with open(cls.program + ".new", "w") as file:
            file.write(f"#!/bin/sh\necho $SLURMD_NODENAME >> {cls.cluster.work}/checked\n"
                       f"[ $SLURMD_NODENAME = n2 ] || exit 0\nPATH={os.environ['PATH']} SLURM_CONF={cls.cluster.conf} "
                       "scontrol update nodename=n2 state=drain reason=unwell\n")
        os.chmod(cls.program + ".new", 0o755)
        os.rename(cls.program + ".new", cls.program)

    @unittest.skipIf(REAL or REAL_CONTROLLER, "Slurm's controller keeps a minute between checks at least")
    def test_idle_nodes_are_checked_and_may_drain_themselves(self):
        wait_for(lambda: "DRAIN" in self.c.node("n2")["State"], 30, "n2 drains itself")
        self.assertTrue(self.c.node("n2")["Reason"].startswith("unwell"))
        self.c.wait_text("checked", "n1\n")
        job = self.c.submit("-w", "n1", "--exclusive", "--wrap", "sleep 300")
        self.c.wait_state(job, "RUNNING")
        self.c.run("sleep", "2")  # one that was on its way
        before = self.c.read("checked").count("n1")
        self.c.run("sleep", "3")
        self.assertEqual(self.c.read("checked").count("n1"), before, "it is not idle")
        self.c.run("scancel", job)
        wait_for(lambda: self.c.read("checked").count("n1") > before, 30, "a check of the node that is idle again")


if __name__ == "__main__":
    main()
