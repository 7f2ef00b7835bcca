"""Reservations: made, changed, shown and deleted by scontrol; kept from other jobs, and held to by their own."""

import contextlib
import os
import shutil
import tempfile
import time
import unittest

from cluster import ClusterTest, fields, is_root, main, wait_for

SOON = ("StartTime=now+60minutes", "Duration=30")
NOW = ("StartTime=now", "Duration=30")


class ReservationTest(ClusterTest):
    extra = "Licenses=matlab:10,abc:2\nSchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=1\nNodeName=DEFAULT Feature=any\n"

    def create(self, name, *words, times=NOW):
        return self.c.run("scontrol", "create", "reservation", f"ReservationName={name}", *times, *words)

    def refuse_create(self, name, *words, times=SOON):
        error = self.c.refused("scontrol", "create", "reservation", f"ReservationName={name}", *times, *words)
        return error.strip().splitlines()[-1].removeprefix("Error creating the reservation: ")

    def update(self, name, *words):
        self.c.run("scontrol", "update", f"ReservationName={name}", *words)

    def refuse_update(self, name, *words, **options):
        error = self.c.refused("scontrol", "update", f"ReservationName={name}", *words, **options)
        return error.splitlines()[0].removeprefix("Error updating the reservation: ")

    def delete(self, name):
        self.c.run("scontrol", "delete", f"ReservationName={name}")

    def show(self, name):
        return fields(self.c.run("scontrol", "-o", "show", "reservation", name))

    def names(self):
        out = self.c.try_run("scontrol", "-o", "show", "reservation").stdout
        return [fields(line)["ReservationName"] for line in out.splitlines() if line.startswith("ReservationName=")]

    def tearDown(self):
        super().tearDown()
        for name in self.names():
            self.delete(name)


class Administration(ReservationTest):
    def test_names_are_made_up(self):
        for words, prefix in ((("Users=root,daemon",), "root_"), (("Users=root", "Accounts=physics,math"), "physics_"),
                              (("Accounts=-chemistry",), "chemistry_")):
            with self.subTest(words=words):
                out = self.c.run("scontrol", "create", "reservation", *SOON, "Nodes=n1", "Flags=OVERLAP", *words)
                name = out.split()[-1]
                self.assertEqual(out, f"Reservation created: {name}\n")
                self.assertRegex(name, f"^{prefix}[0-9]+$")
                self.assertIn(name, self.names())

    def test_what_is_shown(self):
        everything = dict(Nodes="n1", NodeCnt="1", CoreCnt="4", Features="(null)", PartitionName="(null)", Flags="SPEC_NODES",
                          TRES="cpu=4", Users="root", Groups="(null)", Accounts="(null)", Licenses="(null)", State="INACTIVE",
                          BurstBuffer="(null)", Watts="n/a", MaxStartDelay="(null)", Duration="00:30:00")
        two = dict(Nodes="n[1-2]", NodeCnt="2", CoreCnt="8", TRES="cpu=8", PartitionName="debug", Flags="")
        cores = dict(CoreCnt="3", TRES="cpu=3", PartitionName="debug", Flags="")
        for words, other in (
                ("Users=root Nodes=n1", {}),
                ("Users=root Nodes=ALL", dict(Nodes="n[1-3]", NodeCnt="3", CoreCnt="12", TRES="cpu=12", Flags="SPEC_NODES,ALL_NODES")),
                ("Users=root NodeCnt=2", two), ("Users=root TRES=node=2", two),
                ("Users=root NodeCnt=1,1", two), ("Users=root NodeCnt=1 Features=any", dict(Features="any", PartitionName="debug", Flags="")),
                ("Users=root NodeCnt=9", dict(two, Nodes="n[1-3]", NodeCnt="3", CoreCnt="12", TRES="cpu=12")),
                ("Users=root CoreCnt=3", cores), ("Users=root TRES=cpu=3", cores),
                ("Users=root NodeCnt=2 CoreCnt=4", dict(two, CoreCnt="4", TRES="cpu=4")),
                ("Users=root Nodes=n[1-2] CoreCnt=1,2", dict(two, CoreCnt="3", TRES="cpu=3", Flags="SPEC_NODES")),
                ("Accounts=-physics,-math Nodes=n1", dict(Users="(null)", Accounts="-physics,-math")),
                ("Groups=root Nodes=n1", dict(Users="(null)", Groups="root")),
                ("Users=0 Nodes=n1", dict(Users="0")),
                ("Users=root Nodes=n1 Licenses=matlab:3,abc", dict(Licenses="matlab:3,abc")),
                ("Users=root Licenses=matlab:3 Flags=ANY_NODES", dict(Licenses="matlab:3", Nodes="(null)", NodeCnt="0", CoreCnt="0",
                                                                     TRES="(null)", Flags="ANY_NODES")),
                ("Users=root Nodes=n1 MaxStartDelay=5:00", dict(MaxStartDelay="00:05:00")),
                ("Users=root Nodes=n1 BurstBuffer=cray:10G", dict(BurstBuffer="cray:10G")),
                ("Users=root Nodes=n1 Flags=MAINT,IGNORE_JOBS,DAILY", dict(Flags="MAINT,IGNORE_JOBS,DAILY,SPEC_NODES")),
                ("Users=root Nodes=n1 Flags=WEEKDAY,FLEX,NO_HOLD_JOBS_AFTER", dict(Flags="FLEX,WEEKDAY,SPEC_NODES,NO_HOLD_JOBS_AFTER_END")),
                ("Users=root Nodes=n1 Flags=WEEKEND,MAGNETIC", dict(Flags="WEEKEND,SPEC_NODES,MAGNETIC")),
                ("Users=root Nodes=n1 Flags=HOURLY,PURGE_COMP", dict(Flags="HOURLY,SPEC_NODES,PURGE_COMP=00:05:00")),
                ("Users=root Nodes=n1 Flags=PURGE_COMP=10:00", dict(Flags="SPEC_NODES,PURGE_COMP=00:10:00")),
                ("Users=root NodeCnt=2 Flags=REPLACE", dict(two, Flags="REPLACE")),
                ("Users=root NodeCnt=2 Flags=STATIC_ALLOC", dict(two, Flags="STATIC")),
                ("Users=root Nodes=ALL PartitionName=debug Flags=PART_NODES",
                 dict(Nodes="n[1-3]", NodeCnt="3", CoreCnt="12", TRES="cpu=12", PartitionName="debug", Flags="SPEC_NODES,PART_NODES")),
                ("Users=root Nodes=n1 Flags=TIME_FLOAT", dict(Flags="SPEC_NODES,TIME_FLOAT"))):
            with self.subTest(words=words):
                self.create("x", *words.split(), times=SOON)
                shown = self.show("x")
                self.assertEqual({key: shown[key] for key in everything}, {**everything, **other})
                self.delete("x")

    def test_refusals(self):
        for words, why in (
                ("Users=nonesuch Nodes=n1", "Invalid user id"), ("Users=root,-bin Nodes=n1", "Invalid user id"),
                ("Groups=nonesuch Nodes=n1", "Invalid group id"), ("Users=root Nodes=n9", "Invalid node name specified"),
                ("Users=root PartitionName=none NodeCnt=1", "Invalid partition name specified"),
                ("Users=root Nodes=n1 Flags=REPLACE", "Invalid node name specified"),
                ("Users=root Licenses=none Flags=ANY_NODES", "Invalid license specification"),
                ("Users=root Licenses=matlab:11 Flags=ANY_NODES", "Invalid license specification"),
                ("Users=root NodeCnt=2 Flags=ANY_NODES", "Requested reservation is invalid"),
                ("Users=root Nodes=n1 Flags=DAILY,TIME_FLOAT", "Requested operation not supported on this system"),
                ("Users=root NodeCnt=1 Features=none", "Invalid feature specification"),
                ("Users=root CoreCnt=1000", "Requested nodes are busy"),
                ("Users=root Nodes=n[1-2] CoreCnt=1", "Core count for reservation node list is not consistent!")):
            with self.subTest(words=words):
                self.assertEqual(self.refuse_create("x", *words.split()), why)
        self.assertEqual(self.refuse_create("x", "Users=root", "Nodes=n1", times=("StartTime=2001-01-01", "Duration=5")),
                         "Invalid time specified")
        self.assertIn("Requested reservation is invalid", self.c.refused("scontrol", "delete", "ReservationName=none"))
        self.assertEqual(self.refuse_update("none", "Users=root"), "Requested reservation is invalid")

    def test_overlaps(self):
        self.create("a", "Users=root", "Nodes=ALL", times=SOON)
        self.assertEqual(self.refuse_create("a", "Users=root", "Nodes=n1", "Flags=OVERLAP"), "Duplicate reservation name")
        self.assertEqual(self.refuse_create("b", "Users=root", "Nodes=n1"),
                         "Requested reservation overlaps with another reservation")
        self.assertEqual(self.refuse_create("b", "Users=root", "NodeCnt=1"), "Requested nodes are busy")
        self.create("b", "Users=root", "NodeCnt=1", "Flags=OVERLAP", times=SOON)
        self.create("c", "Users=root", "NodeCnt=9", "Flags=MAINT", times=SOON)
        self.assertEqual(self.show("c")["Nodes"], "n[1-3]")
        self.create("later", "Users=root", "Nodes=n1", times=("StartTime=now+91minutes", "Duration=1"))
        self.assertEqual(self.refuse_update("later", "StartTime=now+89minutes"),
                         "Requested reservation overlaps with another reservation")

    def test_cores_of_one_node(self):
        self.create("c1", "Users=root", "CoreCnt=1", times=SOON)
        self.create("c2", "Users=root", "CoreCnt=3", times=SOON)
        self.create("c3", "Users=root", "CoreCnt=1", times=SOON)
        self.assertEqual([self.show(name)["Nodes"] for name in ("c1", "c2", "c3")], ["n1", "n1", "n2"])
        self.assertEqual(self.refuse_update("c1", "CoreCnt=2"), "Core-based reservation can not be updated")
        self.update("c1", "Users+=daemon")
        self.assertEqual(self.show("c1")["Users"], "root,daemon")

    def test_users_and_accounts_change(self):
        self.create("x", "Users=root", "Nodes=n1", times=SOON)
        for words, users, accounts, groups in (
                ("Users=bin", "bin", "(null)", "(null)"), ("Users+=root", "bin,root", "(null)", "(null)"),
                ("Users-=bin", "root", "(null)", "(null)"), ("Users=+bin,-root", "bin", "(null)", "(null)"),
                ("Accounts=a,b", "bin", "a,b", "(null)"), ("Users=", "(null)", "a,b", "(null)"),
                ("Accounts+=c", "(null)", "a,b,c", "(null)"), ("Accounts-=a", "(null)", "b,c", "(null)"),
                ("Groups=root Accounts=", "(null)", "(null)", "root"), ("Groups+=bin", "(null)", "(null)", "root,bin"),
                ("Groups-=root", "(null)", "(null)", "bin"), ("Groups= Users=root", "root", "(null)", "(null)")):
            with self.subTest(words=words):
                self.update("x", *words.split())
                shown = self.show("x")
                self.assertEqual((shown["Users"], shown["Accounts"], shown["Groups"]), (users, accounts, groups))
        lacks = "Reservation request lacks users, groups or accounts"
        for words, why in (("Users=", lacks), ("Users=-root", lacks), ("Users=nonesuch", "Invalid user id"),
                           ("Groups=root", "Reservations can't have users and groups specified, only one or the other")):
            with self.subTest(words=words):
                self.assertEqual(self.refuse_update("x", *words.split()), why)
                self.assertEqual(self.show("x")["Users"], "root")
        self.update("x", "Accounts=a")
        self.assertEqual(self.refuse_update("x", "Accounts-=zz"),
                         "Invalid account or account/partition combination specified")

    def test_flags_change(self):
        self.create("x", "Users=root", "Nodes=n1", times=SOON)
        for words, flags in (("Flags=MAINT", "MAINT,SPEC_NODES"), ("Flags-=MAINT", "SPEC_NODES"),
                             ("Flags+=DAILY,FLEX", "FLEX,DAILY,SPEC_NODES"), ("Flags-=FLEX", "DAILY,SPEC_NODES"),
                             ("Flags=PURGE_COMP=5:00", "DAILY,SPEC_NODES,PURGE_COMP=00:05:00"),
                             ("Flags-=PURGE_COMP", "DAILY,SPEC_NODES"), ("Flags+=MAGNETIC", "DAILY,SPEC_NODES,MAGNETIC"),
                             ("Flags-=MAGNETIC", "DAILY,SPEC_NODES"), ("Flags+=OVERLAP", "OVERLAP,DAILY,SPEC_NODES")):
            with self.subTest(words=words):
                self.update("x", words)
                self.assertEqual(self.show("x")["Flags"], flags)
        self.assertEqual(self.refuse_update("x", "Flags=TIME_FLOAT"), "Invalid time specified")
        self.assertEqual(self.refuse_update("x", "Flags=REPLACE"), "Requested operation not supported on this system")
        before = self.show("x")["StartTime"]
        self.update("x", "Skip")
        day = lambda text: time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
        self.assertAlmostEqual(day(self.show("x")["StartTime"]) - day(before), 24 * 3600, delta=3600)
        self.update("x", "Flags-=DAILY")
        self.assertEqual(self.refuse_update("x", "Skip"), "Reservation given is not skipable, try deleting instead")

    def test_times_change(self):
        self.create("x", "Users=root", "Nodes=n1", times=SOON)
        for words, duration in (("Duration=60", "01:00:00"), ("Duration+=10", "01:10:00"), ("Duration-=30", "00:40:00"),
                                ("StartTime=now+2hours", "00:40:00")):
            self.update("x", words)
            self.assertEqual(self.show("x")["Duration"], duration)
        for words in ("EndTime=now+1minute", "StartTime=2001-01-01"):
            self.assertEqual(self.refuse_update("x", words), "Invalid time specified")
        self.create("begun", "Users=root", "NodeCnt=1")
        self.assertEqual(self.refuse_update("begun", "StartTime=now+1hour"), "Reservation already started")

    def test_nodes_change(self):
        self.create("x", "Users=root", "Nodes=n1", times=SOON)
        for words, nodes, flags in (("Nodes=n[1-2]", "n[1-2]", "SPEC_NODES"), ("NodeCnt=1", "n2", "SPEC_NODES"),
                                    ("NodeCnt=3", "n[1-3]", "SPEC_NODES"), ("Nodes=ALL", "n[1-3]", "SPEC_NODES,ALL_NODES"),
                                    ("Nodes=", "n[1-3]", "")):
            with self.subTest(words=words):
                self.update("x", words)
                self.assertEqual((self.show("x")["Nodes"], self.show("x")["Flags"]), (nodes, flags))
        self.assertEqual(self.refuse_update("x", "Nodes=n9"), "Invalid node name specified")
        self.assertEqual(self.refuse_update("x", "NodeCnt=5"), "Requested nodes are busy")
        self.assertEqual(self.refuse_update("x", "NodeCnt=0"), "Requested reservation is invalid")
        self.assertEqual(self.refuse_update("x", "Licenses=matlab:20"), "Invalid license specification")
        self.assertEqual(self.refuse_update("x", "Features=any"), "Requested operation not supported on this system")

    @unittest.skipUnless(is_root(), "needs a second user")
    def test_rights(self):
        self.create("x", "Users=nobody", "Nodes=n1")
        for words in (("create", "reservation", *SOON, "Users=root", "Nodes=n2"), ("update", "ReservationName=x", "Users=bin"),
                      ("delete", "ReservationName=x"), ("update", "ReservationName=x", "Skip")):
            self.assertIn("Invalid user id", self.c.refused("scontrol", *words, user="nobody"))

    def test_sinfo_lists_them(self):
        self.assertEqual(self.c.run("sinfo", "-T"), "No reservations in the system\n")
        self.create("x", "Users=root", "Nodes=n1,n3")
        self.create("later", "Users=root", "CoreCnt=3", times=SOON)
        rows = [line.split() for line in self.c.run("sinfo", "-T").splitlines()[1:]]
        self.assertEqual(sorted((row[0], row[1], row[4], row[5]) for row in rows),
                         [("later", "INACTIVE", "00:30:00", "n1"), ("x", "ACTIVE", "00:30:00", "n[1,3]")])


class Jobs(ReservationTest):
    def run_in(self, *options, script="sleep 1000"):
        return self.c.wait_state(self.c.submit(*options, "--wrap", script), "RUNNING")

    def reason(self, job):
        return self.c.squeue("%r", "-j", job)[0][0]

    def wait_reason(self, job, reason):
        wait_for(lambda: self.reason(job) == reason, 20, f"{reason}, not {self.reason(job)}")

    def test_nodes_show_it(self):
        self.create("m", "Users=root", "Nodes=n1", "Flags=MAINT")
        self.create("r", "Users=root", "Nodes=n2")
        states = lambda: [line.split() for line in self.c.run("sinfo", "-h", "-N", "-o", "%N %T").splitlines()]
        wait_for(lambda: states() == [["n1", "maint"], ["n2", "reserved"], ["n3", "idle"]], 20, f"{states()}")
        self.assertEqual(self.c.node("n1")["State"], "IDLE+MAINTENANCE+RESERVED")
        self.assertEqual(self.c.node("n2")["State"], "IDLE+RESERVED")
        self.delete("m")
        wait_for(lambda: self.c.node("n1")["State"] == "IDLE", 20, "n1 without it")

    def test_others_are_kept_out(self):
        self.create("r", "Users=root", "Nodes=n2")
        self.create("later", "Users=root", "Nodes=n1", times=("StartTime=now+5minutes", "Duration=30"))
        self.assertEqual(self.run_in("-t10", "--exclusive")["NodeList"], "n3")
        named = self.c.submit("-t10", "-wn2", "--wrap", "sleep 1000")
        self.wait_reason(named, "ReqNodeNotAvail, May be reserved for other job")
        waits = self.c.submit("-t10", "--exclusive", "--wrap", "sleep 1000")
        self.wait_reason(waits, "Resources")
        self.assertEqual(self.run_in("-t2", "--exclusive")["NodeList"], "n1")

    def test_its_jobs_stay_inside(self):
        self.create("r", "Users=root,nobody", "Nodes=n2")
        record = self.run_in("--reservation=r", "-t10", script="env > env; sleep 1000")
        self.assertEqual((record["NodeList"], record["Reservation"]), ("n2", "r"))
        self.c.wait_text("env", "SLURM_JOB_RESERVATION=r\n")
        first, second = (self.c.submit("--reservation=r", "--exclusive", "-t10") for _ in range(2))
        self.wait_reason(first, "Resources")
        self.wait_reason(second, "Priority")
        self.assertEqual(sorted(line[0] for line in self.c.squeue("%A", "-R", "r")), sorted([record["JobId"], first, second]))
        self.assertIn("Requested reservation is in use", self.c.refused("scontrol", "delete", "ReservationName=r"))
        self.c.run("scontrol", "update", "jobid=" + second, "reservation=")
        self.c.wait_end(second)
        self.assertEqual(self.c.job(second)["NodeList"], "n1")

    def test_refused_submissions(self):
        self.create("r", "Users=root", "Nodes=n2")
        for options, why in ((("--reservation=none",), "Requested reservation is invalid"),
                             (("--reservation=r,none",), "Requested reservation is invalid"),
                             (("--reservation=r", "-N2"), "Requested node configuration is not available"),
                             (("--reservation=r", "-wn1"), "Problem using reservation")):
            with self.subTest(options=options):
                self.assertIn(why, self.c.refused("sbatch", *options, "--wrap", "true"))
        if is_root():
            self.assertIn("Access denied to requested reservation",
                          self.c.refused("sbatch", "--reservation=r", "--wrap", "true", user="nobody"))
        job = self.c.submit("--begin=now+1hour")
        self.assertIn("Requested reservation is invalid", self.c.refused("scontrol", "update", "jobid=" + job, "reservation=none"))

    def test_one_of_several(self):
        self.create("later", "Users=root", "Nodes=n1", times=SOON)
        self.create("r", "Users=root", "Nodes=n2")
        record = self.run_in("--reservation=later,r", "-t5", script="env > several; sleep 1000")
        self.assertEqual((record["NodeList"], record["Reservation"]), ("n2", "later,r"))
        self.c.wait_text("several", "SLURM_JOB_RESERVATION=r\n")
        waits = self.c.submit("--reservation=later")
        self.wait_reason(waits, "Reservation")

    def test_maintenance(self):
        self.create("m", "Users=root", "Nodes=ALL", "Flags=MAINT", times=("StartTime=now+5minutes", "Duration=30"))
        long_one, brief = self.c.submit("-t10"), self.c.submit("-t1")
        self.wait_reason(long_one, "ReqNodeNotAvail, Reserved for maintenance")
        self.c.wait_end(brief)
        self.delete("m")
        self.c.wait_end(long_one)

    def test_licenses(self):
        self.create("lic", "Users=root", "Licenses=matlab:9", "Flags=ANY_NODES")
        shown = self.c.run("scontrol", "-o", "show", "lic", "matlab")
        self.assertIn("Reserved=9", shown)
        waits = self.c.submit("-t2", "-Lmatlab:2")
        self.wait_reason(waits, "Licenses")
        self.run_in("-t2", "-Lmatlab:2", "--reservation=lic")

    def test_cores(self):
        self.create("c", "Users=root", "CoreCnt=3")
        inside = self.run_in("--reservation=c", "-n3", "-t5")
        self.assertEqual((inside["NodeList"], inside["NumCPUs"]), ("n1", "3"))
        self.assertEqual(self.run_in("-n1", "-N1", "-wn1", "-t5")["NodeList"], "n1")
        outside = self.run_in("-n2", "-N1", "-t5")
        self.assertEqual(outside["NodeList"], "n2")

    def test_a_magnetic_one_draws(self):
        self.create("magnet", "Users=root", "Nodes=n3", "Flags=MAGNETIC")
        record = self.run_in("-t5", "--exclusive")
        self.assertEqual((record["NodeList"], record["Reservation"]), ("n3", "magnet"))
        record = self.run_in("-t5", "--exclusive")
        self.assertEqual((record["NodeList"], record.get("Reservation")), ("n1", None))

    def test_jobs_in_the_way_of_a_new_one(self):
        node = self.run_in("-t5")["NodeList"]
        self.assertEqual(self.refuse_create("x", "Users=root", "Nodes=" + node, times=NOW), "Requested nodes are busy")
        self.create("x", "Users=root", "Nodes=" + node, "Flags=IGNORE_JOBS")
        self.create("y", "Users=root", "NodeCnt=2")
        self.assertNotIn(node, self.show("y")["Nodes"])

    def test_nodes_that_fail_are_exchanged(self):
        self.create("x", "Users=root", "NodeCnt=1")
        self.assertEqual(self.show("x")["Nodes"], "n1")
        self.c.run("scontrol", "update", "nodename=n1", "state=drain", "reason=test")
        try:
            wait_for(lambda: self.show("x")["Nodes"] == "n2", 40, "another node")
        finally:
            self.c.run("scontrol", "update", "nodename=n1", "state=resume")

    def test_nodes_that_are_used_are_exchanged(self):
        self.create("x", "Users=root", "NodeCnt=1", "Flags=REPLACE")
        nodes = self.show("x")["Nodes"]
        self.c.run("srun", "--reservation=x", "true", timeout=100)
        wait_for(lambda: self.show("x")["Nodes"] != nodes, 30, "another node, although the job is over")
        self.delete("x")

    def test_its_end(self):
        self.create("brief", "Users=root", "Nodes=n1", times=("StartTime=now", "EndTime=now+20seconds"))
        running = self.run_in("--reservation=brief", "-t10")
        waiting = self.c.submit("--reservation=brief", "--exclusive", "-t10")
        ended = self.c.wait_end(running["JobId"], seconds=150)
        self.assertEqual((ended["JobState"], ended["Reason"]), ("TIMEOUT", "TimeLimit"))
        wait_for(lambda: "brief" not in self.names(), 60, "the end of the reservation")
        held = self.c.job(waiting)
        self.assertEqual((held["JobState"], held["Priority"]), ("RESV_DEL_HOLD", "0"))
        self.assertEqual(self.reason(waiting), "Reservation brief was deleted")
        self.c.run("scontrol", "release", waiting)
        self.c.wait_end(waiting)


class Scripts(ReservationTest):
    nodes = 1

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="flurm-resv-", dir="/tmp")
        os.chmod(cls.folder, 0o777)
        for name in ("begin", "end"):
            with open(f"{cls.folder}/{name}", "w") as file:
                file.write(f"#!/bin/sh\necho {name} $1 >> {cls.folder}/told\n")
            os.chmod(f"{cls.folder}/{name}", 0o755)
        cls.extra = f"ResvProlog={cls.folder}/begin\nResvEpilog={cls.folder}/end\n"
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def told(self):
        with contextlib.suppress(OSError), open(f"{self.folder}/told") as file:
            return file.read().splitlines()
        return []

    def test_they_run_when_it_begins_and_ends(self):
        self.create("brief", "Users=root", "Nodes=n1", times=("StartTime=now", "EndTime=now+12seconds"))
        wait_for(lambda: self.told() == ["begin brief"], 40, "the first script")
        wait_for(lambda: self.told() == ["begin brief", "end brief"], 60, "the second script")


if __name__ == "__main__":
    main()
