"""Old records: purged, archived, loaded again. What is left of them is compared with what Debian's slurmdbd leaves
(accounting.purged.expected, see test_accounting.py); an archive is read by the daemon that wrote it.
"""

import glob
import os
import re
import struct
import unittest

from accounted import ORACLE, Accounted, AsSlurmdbd, cleaned
from cluster import main
from past import BEGIN, accounts, feed, story

ALL = "events jobs steps suspend reservations usage".split()
OLD = [f"purge{kind}after=1hours" for kind in ("event", "job", "step", "suspend", "resv", "usage")]
JOBS = "-a -X -P -M past -S 2025-01-01 -E 2025-03-01 -o".split()


def told(c):
    """What the clients say of the past."""
    text = ""
    for words in (["sacct", *JOBS, "ALL"],
                  ["sacctmgr", "-P", "list", "events", "cluster=past", "start=2025-01-01", "end=2025-03-01"],
                  ["sacctmgr", "-P", "list", "reservation", "cluster=past", "start=2025-01-01", "end=2025-03-01"],
                  "sreport -P -M past cluster utilization start=2025-01-30 end=2025-02-03".split(),
                  "sreport -P -M past cluster accountutilizationbyuser start=2025-01-30 end=2025-02-03".split()):
        done = c.try_run(*words)
        text += f"== {' '.join(words[:4])}\n{done.stdout}{done.stderr}"
    # What still runs or waits does so longer from moment to moment.
    return [line for line in text.splitlines() if not re.search(r"\|(RUNNING|PENDING)\|", line)]


class Purge(AsSlurmdbd):
    DBD = "TrackWCKey=yes\n"

    def fill(self, c):
        feed(c, story(accounts(c)))
        c.sacctmgr("roll", "2025-01-30", "2025-02-04", "0")
        os.mkdir(c.work + "/archives")
        os.chmod(c.work + "/archives", 0o777)
        return "Directory=" + c.work + "/archives"

    def test_what_is_old_goes_as_with_slurmdbd(self):
        with Accounted(1, dbd=self.DBD, extra="TrackWCKey=yes\n") as c:
            folder = self.fill(c)
            text = "== dump\n" + cleaned(c.sacctmgr("archive", "dump", folder, *OLD))
            text += "== jobs\n" + c.run("sacct", *JOBS, "JobID,State,End")
            text += "== events\n" + cleaned(c.run("sacctmgr", "-P", "list", "events", "cluster=past", "start=2025-01-01", "end=2025-03-01",
                                                  "format=cluster,nodename,state"))
            text += "== usage\n" + c.run("sreport", "-n", "-P", "-M", "past", "cluster", "accountutilizationbyuser", "start=2025-01-30", "end=2025-02-03")
            nothing = c.try_run("sacctmgr", "-i", "archive", "load", c.work + "/nothing")
            text += "== nothing\n" + cleaned(nothing.stdout + nothing.stderr).replace(c.work, "FOLDER")
            self.compare("purged", text)
            self.assertEqual(os.listdir(c.work + "/archives"), [])

    @unittest.skipIf(ORACLE, "ours")
    def test_an_archive_has_all_that_went(self):
        with Accounted(1, dbd=self.DBD, extra="TrackWCKey=yes\n") as c:
            folder = self.fill(c)
            before = told(c)
            c.sacctmgr("archive", "dump", folder, *OLD, *ALL)
            self.assertLess(len(told(c)), len(before) // 2)
            files = sorted(glob.glob(c.work + "/archives/*"))
            for kind in ("event", "suspend", "job", "resv", "usage"):
                self.assertTrue([file for file in files if f"/past_{kind}_table_archive_2025-01-" in file], files)
            c.sacctmgr("archive", "dump", folder, *OLD, *ALL)
            self.assertEqual(sorted(glob.glob(c.work + "/archives/*")), files)  # there is nothing more
            # Looked at, but not committed.
            done = c.try_run("sacctmgr", "archive", "load", files[0], stdin="n\n")
            self.assertIn("Changes Discarded", done.stdout)
            self.assertLess(len(told(c)), len(before) // 2)
            for _ in range(2):  # a second time it changes nothing
                for file in files:
                    c.sacctmgr("archive", "load", file)
                self.assertEqual(told(c), before)
            with open(files[0]) as file:
                cut = file.read()[:-9]
            with open(c.work + "/cut", "w") as file:
                file.write(cut)
            refused = c.refused("sacctmgr", "-i", "archive", "load", c.work + "/cut")
            self.assertIn("Problem loading archive file", refused)
            self.assertEqual(told(c), before)

    def test_sql_is_loaded_as_with_slurmdbd(self):
        with Accounted(1, dbd=self.DBD, extra="TrackWCKey=yes\n") as c:
            assocs = accounts(c)
            assoc = assocs["physics", "daemon"]
            text = ""

            def load(title, sql, refused=False):
                with open(c.work + "/sql", "w") as file:
                    file.write(sql)
                done = c.try_run("sacctmgr", "-i", "archive", "load", c.work + "/sql")
                self.assertEqual(done.returncode != 0, refused, done.stdout + done.stderr)
                jobs = c.run("sacct", *JOBS, "JobID,JobName,User,Account,Partition,Submit,Eligible,Start,End,State,ExitCode,NNodes,NodeList,AllocTRES,"
                                             "WCKey,Timelimit")
                events = c.run("sacctmgr", "-P", "list", "events", "all_clusters", "cluster=past", "start=2025-01-01", "end=2025-03-01",
                               "format=cluster,nodename,start,end,state,reason,tres,clusternodes")
                return f"== {title}\n{cleaned(done.stdout)}{jobs}{events}"

            event = ("insert into cluster_event_table (node_name, cluster, tres, period_start, period_end, reason, cluster_nodes, state) values\n"
                     f"('', 'past', '1=8', {BEGIN + 28800}, {BEGIN + 115200}, 'Cluster processor count', 'n[1-4]', '0'), "
                     f"('n2', 'past', '1=2', {BEGIN + 36000}, {BEGIN + 39600}, 'it is broken', '', '1')\n"
                     "on duplicate key update period_end=VALUES(period_end);\n")
            columns = ("jobid, associd, wckey, wckeyid, uid, gid, `partition`, cluster, account, eligible, submit, start, end, suspended, name, state, "
                       "comp_code, priority, req_cpus, alloc_nodes, tres_alloc, nodelist, kill_requid, qos, timelimit, deleted")
            updates = "id=LAST_INSERT_ID(id), end=VALUES(end), state=VALUES(state), comp_code=VALUES(comp_code)"

            def job(number, end, state, code="0", name="of_sql", begin=BEGIN + 32800):
                return (f"('{number}', '{assoc}', 'red', '0', '1', '1', 'debug', 'past', 'physics', {begin}, {begin}, {begin}, {end}, '0', '{name}', "
                        f"'{state}', '{code}', '2', 2, '1', '1=2,4=1', 'n1', '0', '0', 60, '0')")

            def jobs(*rows):
                return f"insert into job_table ({columns}) values\n" + ", ".join(rows) + f"\non duplicate key update {updates};"

            text += load("events and jobs", event + jobs(job(71, BEGIN + 33800, 3), job(72, 0, 1)))
            # Those that are there are changed where it is said, and else stay as they are.
            text += load("once more", jobs(job(72, BEGIN + 34800, 5, "256", "not_this_name"), job(73, BEGIN + 34300, 4)))
            text += load("another submission", jobs(job(72, BEGIN + 44800, 3, begin=BEGIN + 39800)))
            # What is said of jobs afterwards: of all that a condition means, by those who may.
            for user, words in ((None, "set newwckey=blue where cluster=past user=daemon wckey=red start=2025-01-01"),
                                (None, "set derivedexitcode=7 where cluster=past jobid=71"), ("daemon", "set derivedes=good where cluster=past jobid=73"),
                                ("games", "set derivedes=bad where cluster=past jobid=73"), (None, "set derivedes=none where cluster=past jobid=99"),
                                (None, "set newwckey=lost where cluster=past user=games start=2025-01-01")):
                done = c.try_run("sacctmgr", "-i", "modify", "job", *words.split(), user=user)
                text += f"== modify {words}\n{done.stdout}{cleaned(done.stderr)}-- {done.returncode}\n"
                text += c.run("sacct", *JOBS, "JobID,WCKey,DerivedExitCode,Comment")
            text += "== utilization\n"
            c.sacctmgr("roll", "2025-01-30", "2025-02-01", "0")
            text += c.run(*"sreport -n -P -M past -t seconds cluster accountutilizationbyuser start=2025-01-30 end=2025-02-01".split())
            text += load("an unknown table", "insert into meat_table (cluster, jobid) values ('past', 1) on duplicate key update jobid=VALUES(jobid);", True)
            text += load("an unknown column", "insert into job_table (cluster, jobid, colour) values ('past', 1, 2) on duplicate key update "
                                              "jobid=VALUES(jobid);", True)
            # The first half is not kept when the second is bad.
            text += load("half", jobs(job(75, BEGIN + 34300, 3)) + "\ninsert into job_table (jobid, cluster) values ('76', 'past' oh;", True)
            text += load("emptied", 'truncate table "past_event_table";\ntruncate table "past_job_table";\ntruncate table "past_step_table";\n')
            self.compare("sql", text)

    @unittest.skipIf(ORACLE, "ours")
    def test_sql_of_the_present_tables_and_bad_sql(self):
        with Accounted(1, dbd=self.DBD, extra="TrackWCKey=yes\n") as c:
            assoc = accounts(c)["physics", "daemon"]
            job = ('insert into "past_job_table" (job_db_inx, id_job, id_assoc, time_submit, time_eligible, time_start, time_end, state, job_name) values '
                   f"(900, 81, {assoc}, {BEGIN + 32800}, {BEGIN + 32800}, {BEGIN + 32800}, {BEGIN + 33800}, 3, 'whole')")
            step = ('insert into "past_step_table" (job_db_inx, id_step, step_name, state, nodelist, time_start, time_end, tres_usage_in_max) values '
                    f"(900, -5, 'batch', 3, 'n1', {BEGIN + 32801}, {BEGIN + 33800}, '1=700'), "
                    f"(900, 0, 'it''s one', 3, 'n1', {BEGIN + 32801}, {BEGIN + 33800}, '')")
            shown = ["-a", "-P", "-n", "-M", "past", "-S", "2025-01-01", "-E", "2025-03-01", "-o", "JobID,JobName,State,User"]

            def load(sql, *options, **more):
                with open(c.work + "/sql", "w") as file:
                    file.write(sql)
                return c.try_run("sacctmgr", *options, "archive", "load", c.work + "/sql", **more)

            self.assertEqual(load(step + ";" + job, "-i").returncode, 0)
            self.assertEqual(c.run("sacct", *shown), "81|whole|COMPLETED|daemon\n81.batch|batch|COMPLETED|\n81.0|it's one|COMPLETED|\n")
            for sql, why in ((job, "is there already"), (step, "is there already"), ("drop table job_table;", "insert, delete or truncate"),
                             ("delete from job_table where cluster='past' or 1=1;", "';' is expected"),
                             ("insert into users (name) values ('root');", "no table for jobs"),
                             ("insert into past_job_table (id_job, time_submit) values ('82');", "more values"),
                             (job.replace("900, 81", "901, 82").replace("job_name", "job_nome"), "no column job_nome"),
                             ("truncate table other_job_table;", "no cluster 'other'")):
                refused = load(sql, "-i")
                self.assertNotEqual(refused.returncode, 0, sql)
                self.assertIn(why, refused.stderr)
            self.assertEqual(c.run("sacct", *shown).count("\n"), 3)
            other = job.replace("900, 81", "902, 83").replace("job_name)", "job_name, nodelist)").replace("'whole')", "'whole', 'n7')")
            self.assertEqual(load(other + "; delete from job_table where alloc_nodes='n8' cluster='past';", "-i").returncode, 0)
            self.assertIn("83|whole", c.run("sacct", *shown))
            self.assertEqual(load("delete from job_table where alloc_nodes='n7' cluster='past';", "-i").returncode, 0)
            self.assertNotIn("83|", c.run("sacct", *shown))
            self.assertEqual(load("truncate table past_job_table;", stdin="n\n").returncode, 0)
            self.assertEqual(c.run("sacct", *shown).count("\n"), 3)
            c.sacctmgr("archive", "load", "insert=truncate table past_job_table;")
            self.assertEqual(c.run("sacct", *shown), "")

    @unittest.skipIf(ORACLE, "ours")
    def test_archives_of_scripts_and_environments(self):
        """As slurmdbd writes them since 23.02; Debian's is older. The job's number for its text leads to it, whichever is loaded first."""

        def archive(kind, *columns):
            text = lambda value: struct.pack(">I", len(value) + 1) + value.encode() + b"\0"
            return struct.pack(">HQH", 0x2700, BEGIN, kind) + text("past") + struct.pack(">I", 1) + b"".join(text(each) for each in columns)

        with Accounted(1, dbd=self.DBD, extra="TrackWCKey=yes\n") as c:
            assoc = accounts(c)["physics", "daemon"]
            for part in (archive(1500, "5", str(BEGIN), "abc", "#!/bin/sh\nhostname\n"),
                         (f'insert into "past_job_table" (job_db_inx, id_job, id_assoc, id_user, time_submit, time_eligible, time_start, time_end, state, '
                          f"script_hash_inx, env_hash_inx) values (900, 81, {assoc}, 1, {BEGIN}, {BEGIN}, {BEGIN}, {BEGIN + 60}, 3, 5, 6)").encode(),
                         archive(1499, "6", str(BEGIN), "def", "COLOUR=green")):
                with open(c.work + "/archive", "wb") as file:
                    file.write(part)
                c.sacctmgr("archive", "load", c.work + "/archive")
            self.assertIn("#!/bin/sh\nhostname\n", c.run("sacct", "-M", "past", "-j", 81, "-B"))
            self.assertIn("COLOUR=green", c.run("sacct", "-M", "past", "-j", 81, "--env-vars"))

    @unittest.skipIf(ORACLE, "ours")
    def test_the_configuration_says_what_goes(self):
        keys = "PurgeJobAfter=2days\nPurgeEventAfter=1\nArchiveJobs=yes\n"
        with Accounted(1, dbd=self.DBD + keys + "ArchiveDir=/tmp\n", extra="TrackWCKey=yes\n") as c:
            folder = self.fill(c)
            c.sacctmgr("archive", "dump", folder)
            files = os.listdir(c.work + "/archives")
            self.assertTrue(files and all("past_job_table" in file for file in files), files)
            self.assertEqual(c.run("sacctmgr", "-nP", "list", "events", "cluster=past", "start=2025-01-01", "end=2025-03-01", "format=nodename").split(),
                             [])
            script = c.work + "/script"
            with open(script, "w") as file:
                file.write(f"#!/bin/sh\nenv | grep SLURM_ | sort >> {c.work}/archives/told\n")
            os.chmod(script, 0o755)
            c.sacctmgr("archive", "dump", "Script=" + script)
            with open(c.work + "/archives/told") as file:
                lines = dict(line.split("=", 1) for line in file.read().splitlines())
            self.assertEqual(sorted(lines), ["SLURM_ARCHIVE_CLUSTER", "SLURM_ARCHIVE_EVENTS", "SLURM_ARCHIVE_JOBS", "SLURM_ARCHIVE_LAST_EVENT",
                                             "SLURM_ARCHIVE_LAST_JOB"])
            self.assertEqual((lines["SLURM_ARCHIVE_EVENTS"], lines["SLURM_ARCHIVE_JOBS"]), ("0", "1"))


if __name__ == "__main__":
    main()
