"""Associations, QOS and limits: Debian's clients on a whole cluster of ours, with flurmdbd.

With FLURM_REAL=1 controller and accounting daemon are Debian's slurmctld and slurmdbd on MariaDB: the oracle.
"""

import os
import re
import unittest

from accounted import ORACLE, Accounted
from cluster import main, wait_for

USER, OTHER = "daemon", "games"


class Enforcing(Accounted):
    """AccountingStorageEnforce over our controller: accounts lab and, below it, deep; daemon is in lab, games in deep."""

    def __init__(self, enforce="associations,limits,qos", extra="", nodes=2):
        super().__init__(nodes, extra, enforce)
        self.changes = 100

    def _programs(self):
        if ORACLE:
            return super()._programs()
        return os.environ.get("FLURM_BIN") or os.path.join(os.path.dirname(__file__), "../../build/dev/bin")

    def up(self):
        super().up()
        self.sacctmgr("add", "account", "lab", "description=lab", "organization=here")
        self.sacctmgr("add", "account", "deep", "parent=lab", "description=deep", "organization=here")
        self.sacctmgr("add", "user", USER, "account=lab")
        self.sacctmgr("add", "user", OTHER, "account=deep")
        self.until_known(USER)
        self.until_known(OTHER)
        return self

    def until_known(self, user):
        """The controller has been told of the user."""
        wait_for(lambda: f"UserName={user}" in self.run("scontrol", "show", "assoc_mgr", "flags=users"), 30, user)

    def sbatch(self, *words, user=USER):
        """The id of a job that sleeps."""
        return self.run("sbatch", "--parsable", "-o", "/dev/null", *words, "--wrap", "sleep 1000", user=user).strip()

    def refused(self, *words, user=USER):
        """What sbatch says when it fails."""
        done = self.try_run("sbatch", "-o", "/dev/null", *words, "--wrap", "sleep 1000", user=user)
        assert done.returncode != 0, done.stdout
        return [line.replace("sbatch: error: ", "") for line in done.stderr.strip().splitlines()]

    def told(self, job):
        """State and reason."""
        return tuple(self.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%T %r").split())

    def until(self, job, state, reason, seconds=60):
        wait_for(lambda: self.told(job) == (state, reason), seconds, f"{state} {reason} of job {job}, {self.told(job)} now")

    def shown(self, *words):
        """`scontrol show assoc_mgr`, one record a line."""
        return self.run("scontrol", "-o", "show", "assoc_mgr", *words)

    def change(self, what, name, *words):
        """`sacctmgr modify`, and waits until the controller has been told: of the priority, too, which nothing here heeds."""
        self.changes += 1
        self.sacctmgr("modify", what, name, "set", f"priority={self.changes}", *words)
        flags = {"qos": ("flags=qos", "qos=" + name), "user": ("flags=assoc", "users=" + name),
                 "account": ("flags=assoc", "accounts=" + name)}[what]
        wait_for(lambda: re.search(rf"Priority={self.changes}\b", self.shown(*flags)), 30, f"{words} of {what} {name}")


INVALID = "Batch job submission failed: Invalid account or account/partition combination specified"
POLICY = "Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
QOS = "Batch job submission failed: Invalid qos specification"


class Accounts(unittest.TestCase):
    def test_accounts_and_qos_are_those_of_the_user(self):
        with Enforcing() as c:
            self.assertEqual(c.refused("-A", "deep"), [INVALID])
            self.assertEqual(c.refused(user="mail"), [INVALID])
            self.assertEqual(c.refused("--qos", "high"), [QOS])
            job = c.sbatch()
            shown = c.run("scontrol", "show", "job", job)
            self.assertIn("Account=lab QOS=normal", shown)
            c.sacctmgr("add", "qos", "high", "priority=5")
            wait_for(lambda: "QOS=high" in c.shown("flags=qos"), 30, "the QOS")
            self.assertEqual(c.refused("--qos", "high"), [QOS], "not allowed to it")
            c.change("user", USER, "qos+=high", "defaultqos=high")
            second = c.sbatch("-H")
            self.assertIn("QOS=high", c.run("scontrol", "show", "job", second))
            c.run("scontrol", "update", "jobid=" + second, "qos=normal", user=USER)
            self.assertIn("QOS=normal", c.run("scontrol", "show", "job", second))

    def test_users_come_and_go(self):
        with Enforcing() as c:
            c.sacctmgr("remove", "user", USER, "where", "account=lab")
            wait_for(lambda: c.try_run("sbatch", "--wrap", "true", user=USER).returncode != 0, 30, "the news")
            self.assertEqual(c.refused(), [INVALID])
            c.sacctmgr("add", "user", USER, "account=lab")
            c.until_known(USER)
            c.until(c.sbatch(), "RUNNING", "None")

    def test_partitions_take_accounts_and_qos(self):
        extra = ("PartitionName=forlab Nodes=ALL AllowAccounts=lab\nPartitionName=nolab Nodes=ALL DenyAccounts=lab\n"
                 "PartitionName=forhigh Nodes=ALL AllowQos=high\n")
        with Enforcing(extra="EnforcePartLimits=ALL\n" + extra) as c:
            c.sbatch("-p", "forlab")
            self.assertEqual(c.refused("-p", "forlab", user=OTHER), [INVALID])
            self.assertEqual(c.refused("-p", "nolab"), [INVALID])
            self.assertEqual(c.refused("-p", "forhigh"), [QOS])

    def test_operators_and_coordinators(self):
        with Enforcing() as c:
            job = c.sbatch()
            denied = c.try_run("scancel", job, user=OTHER)
            self.assertIn("Access/permission denied", denied.stderr)
            c.sacctmgr("add", "coordinator", "account=lab", "user=" + OTHER)
            wait_for(lambda: c.try_run("scancel", job, user=OTHER).returncode == 0, 30, "the coordinator")
            wait_for(lambda: c.told(job)[:1] == ("CANCELLED",) or not c.told(job), 30, "the end of the job")


class Limits(unittest.TestCase):
    def test_jobs_at_one_time(self):
        with Enforcing() as c:
            c.change("user", USER, "maxjobs=1")
            c.change("account", "lab", "grptres=cpu=3")
            first, second = c.sbatch(), c.sbatch()
            c.until(first, "RUNNING", "None")
            c.until(second, "PENDING", "AssocMaxJobsLimit")
            below = [c.sbatch("-n2", user=OTHER), c.sbatch("-n1", user=OTHER)]
            c.until(below[0], "RUNNING", "None")
            c.until(below[1], "PENDING", "AssocGrpCpuLimit")
            self.assertIn("cpu=3(3)", c.shown("flags=assoc", "accounts=lab"))
            c.run("scancel", first)
            c.until(second, "RUNNING", "None")
            c.until(below[1], "PENDING", "AssocGrpCpuLimit")
            c.run("scancel", below[0])
            c.until(below[1], "RUNNING", "None")

    def test_limits_of_a_qos(self):
        with Enforcing() as c:
            c.change("qos", "normal", "maxjobsperuser=1", "maxtresperjob=cpu=2", "mintresperjob=cpu=1")
            big = c.sbatch("-n3")
            c.until(big, "PENDING", "QOSMaxCpuPerJobLimit")
            first, second, other = c.sbatch(), c.sbatch(), c.sbatch(user=OTHER)
            c.until(first, "RUNNING", "None")
            c.until(second, "PENDING", "QOSMaxJobsPerUserLimit")
            c.until(other, "RUNNING", "None")
            c.change("qos", "normal", "maxjobsperuser=-1", "grpjobs=2")
            c.until(second, "PENDING", "QOSGrpJobsLimit")
            c.change("qos", "normal", "grpjobs=-1")
            c.until(second, "RUNNING", "None")

    def test_refused_at_submission(self):
        with Enforcing() as c:
            c.change("user", USER, "maxsubmitjobs=2", "maxwall=30", "maxtres=cpu=2")
            c.change("qos", "normal", "flags=DenyOnLimit")
            self.assertEqual(c.refused("-n3"), ["AssocMaxCpuPerJobLimit", POLICY])
            self.assertEqual(c.refused("-t", "40"), ["AssocMaxWallDurationPerJobLimit", POLICY])
            self.assertEqual(c.refused("-a", "1-3"), ["AssocMaxSubmitJobLimit", POLICY])
            job = c.sbatch()
            self.assertIn("TimeLimit=00:30:00", c.run("scontrol", "show", "job", job))
            c.sbatch()
            self.assertEqual(c.refused(), ["AssocMaxSubmitJobLimit", POLICY])
            c.run("scancel", job)
            wait_for(lambda: c.try_run("sbatch", "-o", "/dev/null", "--wrap", "true", user=USER).returncode == 0, 30, "room")

    def test_one_pass_does_not_overstep_a_limit(self):
        with Enforcing(nodes=4) as c:
            c.change("account", "lab", "grpjobs=3")
            array = c.sbatch("-a", "1-10")
            wait_for(lambda: len(c.run("squeue", "-h", "-t", "R", "-o", "%i").split()) == 3, 60, "three tasks")
            c.until(array + "_10", "PENDING", "AssocGrpJobsLimit")
            self.assertEqual(len(c.run("squeue", "-h", "-t", "R", "-o", "%i").split()), 3)
            self.assertRegex(c.shown("flags=assoc", "accounts=lab"), r"GrpJobs=3\(3\).*GrpSubmitJobs=N\(10\)")


class Shown(unittest.TestCase):
    maxDiff = None

    def test_what_the_controller_knows(self):
        with Enforcing() as c:
            c.change("user", USER, "maxjobs=4", "maxwall=60", "grptresmins=cpu=100")
            c.change("qos", "normal", "maxtresperuser=cpu=8")
            job = c.sbatch("-n2", "-t", "10")
            c.until(job, "RUNNING", "None")
            text = c.run("scontrol", "show", "assoc_mgr")
            for part in (r"ClusterName=local Account=lab UserName=daemon\(\d+\) Partition= Priority=\d+ ID=\d+",
                         r"MaxJobs=4\(1\) MaxJobsAccrue= MaxSubmitJobs= MaxWallPJ=60",
                         r"GrpTRES=cpu=N\(2\),mem=N\(\d+\),energy=N\(0\),node=N\(1\),billing=N\(2\)",
                         r"GrpTRESMins=cpu=100\(0\)", r"QOS=normal\(1\)", r"MaxTRESPU=cpu=8\(2\)",
                         r"UserName=daemon\(\d+\) DefAccount=lab DefWckey=\S* AdminLevel=(None|Not Set)",
                         r"ParentAccount=lab"):
                self.assertRegex(text, part)
            self.assertRegex(text, r"Account=deep UserName= ")


class AgesAndRanges(unittest.TestCase):
    def test_only_so_many_jobs_grow_older(self):
        with Enforcing() as c:
            c.change("user", USER, "maxjobsaccrue=1")
            c.until(c.sbatch("-N2", "--exclusive", user=OTHER), "RUNNING", "None")
            first, second = c.sbatch(), c.sbatch()

            def since(job):
                return c.job(job)["AccrueTime"]

            wait_for(lambda: since(first) != "Unknown", 60, "the age of the first")
            self.assertEqual(since(second), "Unknown")
            c.run("scancel", first)
            wait_for(lambda: since(second) != "Unknown", 60, "the age of the second")

    def test_a_limit_narrows_a_range_of_nodes(self):
        with Enforcing() as c:
            c.change("account", "lab", "grptres=node=1")
            job = c.sbatch("-N1-2")
            c.until(job, "RUNNING", "None")
            self.assertEqual(c.job(job)["NumNodes"], "1")


if __name__ == "__main__":
    main()
