"""Two days at a site: more than two hundred jobs of three users and as many accounts, with live daemons.

The same jobs run with Debian's slurmctld and slurmdbd, whose records are kept in accounting.day.expected (see
test_accounting.py), and with flurmctld and flurmdbd. Then both databases are told when all that was, job by job: so every
time is known, hours are over that can be rolled up, and sacct, sreport and sacctmgr are compared with all their times.
"""

import os
import re
import sqlite3
import time
import unittest

from accounted import ORACLE, Accounted, AsSlurmdbd, cleaned
from cluster import main, wait_for
from test_accounting import OWN

BEGIN = int(time.mktime(time.strptime("2025-03-03", "%Y-%m-%d")))
ROUNDS = int(os.environ.get("FLURM_ROUNDS") or 12)
USERS = {"daemon": ("physics", "chemistry"), "games": ("chemistry",), "mail": ("physics", "history")}
# What a job's run leaves by chance; and times on the processor, which nobody can tell the databases.
CHANCE = {"AssocID", "DBIndex", "Flags", "Priority", "Reason", "SubmitLine", "WCKeyID", "WorkDir"} | OWN
MEASURED = re.compile(r"(Ave|Max|Min|TRESUsage|TotalCPU|UserCPU|SystemCPU|ConsumedEnergy|ReqCPUFreq)")
REPORTS = """
cluster utilization
cluster AccountUtilizationByUser
cluster UserUtilizationByAccount
job SizesByAccount
job SizesByAccount PrintJobCount
user TopUsage
""".strip().splitlines()
SPANS = [("2025-03-03", "2025-03-05"), ("2025-03-03T06:00:00", "2025-03-03T07:00:00"), ("2025-03-04", "2025-03-05"),
         ("2025-03-03T11:00:00", "2025-03-04T02:00:00")]


class Day:
    def __init__(self, cluster):
        self.c = cluster
        self.jobs = self.before = 0

    def submit(self, user, account, *options, tasks=1, **more):
        self.jobs += tasks
        return self.c.submit("-A", account, "-o", "/dev/null", *options, user=user, **more)

    def accounts(self):
        c = self.c
        c.sacctmgr("add", "account", "science")
        c.sacctmgr("add", "account", "physics,chemistry", "parent=science")
        c.sacctmgr("add", "account", "history")
        c.sacctmgr("add", "qos", "high", "priority=10")
        for user, accounts in USERS.items():
            for account in accounts:
                c.sacctmgr("add", "user", user, "account=" + account, "qos=normal,high", "fairshare=7")
        wait_for(lambda: c.try_run("sbatch", "--test-only", "-A", "history", "--qos=high", "--wrap", "true", user="mail").returncode == 0,
                 20, "the users at the controller")
        wait_for(lambda: c.run("srun", "-J", "first", "true") == "", 10, "a first job")
        # How many numbers were used up before it differs.
        first = wait_for(lambda: c.sacct("-a", "-X", "--name=first", "-S", "now-1hour"), 30, "its record")
        self.before = int(first[0]["JobID"]) - 1

    def round(self, number):
        c = self.c
        pairs = [(user, account) for user, accounts in USERS.items() for account in accounts]
        for at, (user, account) in enumerate(pairs):
            node = f"n{at % 2 + 1}"
            self.submit(user, account, "-w", node, "-J", f"small{at}", "--mem=10", "--wrap", "true")
            self.submit(user, account, "-w", node, "-J", "fails", "--comment", f"round {number}", "--wrap", f"exit {at + 1}")
        self.submit("daemon", "physics", "-w", "n1", "-c2", "--qos=high", "-J", "steps", "--wrap", "srun -J one true; srun -J two sh -c 'exit 7'")
        self.submit("games", "chemistry", "-N2", "-n2", "-J", "wide", "--wrap", "srun true")
        # It never could have run: of such jobs sacct tells who asks for them by number.
        held = c.submit("-A", "physics", "-o", "/dev/null", "--hold", "-J", "never", "-n3", "--wrap", "true", user="mail")
        long = self.submit("games", "chemistry", "-w", "n2", "-t", "7", "-J", "cancelled", "--wrap", "sleep 300")
        self.submit("daemon", "physics", "-w", "n1", "-J", "killed", "--wrap", "kill -9 $$")
        c.run("scancel", held, user="mail")
        c.wait_state(long, "RUNNING", seconds=60)
        c.run("scancel", long, user="root" if number % 2 else "games")
        # Last, for its tasks take their numbers when they start.
        self.submit("mail", "history", "-w", "n2", "-J", "array", "--array=1-4%1", "--wrap", "exit $((SLURM_ARRAY_TASK_ID % 2))", tasks=4)
        wait_for(lambda: not c.squeue("%i"), 60, "the end of the round")

    def run(self):
        self.accounts()
        for number in range(ROUNDS):
            self.round(number)
        # slurmctld tells how a job began some seconds after its end.
        wait_for(lambda: len(self.records()) == self.jobs and all(row["JobName"] != "allocation" for row in self.records()), 60,
                 f"{self.jobs} records")

    def records(self):
        rows = self.c.sacct("-a", "-X", "-S", "now-1hour", form="JobID,JobName,End")
        return [row for row in rows if row["JobName"] != "first" and row["End"] != "Unknown"]

    # What was when.

    def sql(self, *statements):
        if self.c.database:
            for text in statements:
                done = self.c.database.sql("use acct; " + text)
                if done.returncode != 0:
                    raise AssertionError(done.stderr)
            return
        with sqlite3.connect(self.c.dir + "/state/accounting.sqlite", timeout=30) as file:
            for text in statements:
                file.execute(text)

    def tell_times(self):
        """Jobs come ten minutes apart and run for up to two hours; steps as long as their job."""
        ours = not self.c.slurmdbd
        jobs, steps, events = ("jobs", "steps", "events") if ours else ("local_job_table", "local_step_table", "local_event_table")
        job_id, key, node = ("job_id", "db_index", "node") if ours else ("id_job", "job_db_inx", "node_name")
        number = f"({job_id} - {self.before})"
        submit = f"{BEGIN} + {number} * 600"
        self.sql(f"update {jobs} set time_submit = {submit}, time_eligible = case when time_eligible = 0 then 0 else {submit} end, "
                 f"time_start = case when time_start = 0 then 0 else {submit} + {number} % 90 end, "
                 f"time_end = {submit} + {number} % 90 + ({number} * 1009) % 7200",
                 f"update {steps} set time_start = (select j.time_start from {jobs} j where j.{key} = {steps}.{key}), "
                 f"time_end = (select j.time_end from {jobs} j where j.{key} = {steps}.{key})",
                 f"update {events} set time_start = {BEGIN} where {node} = ''")

    def transcript(self):
        c = self.c
        text = ""
        questions = {
            "all": ("-a",), "one user": ("-u", "games"), "an account": ("-a", "-A", "physics"), "failed": ("-a", "-s", "FAILED"),
            "a node": ("-a", "-N", "n2", "-X"), "qos": ("-a", "-q", "high"),
            "by number": ("-a", "-j", ",".join(str(self.before + number) for number in (13, 15, 16))),
            "truncated": ("-a", "-T", "-S", "2025-03-03T20:00:00"),
        }
        for title, words in questions.items():
            period = () if "-S" in words else ("-S", "2025-03-03")
            rows = c.sacct(*words, *period, "-E", "2025-03-06")
            text += f"== sacct {title}\n" + "".join(self.line(row) for row in rows)
        c.sacctmgr("roll", "2025-03-03", "2025-03-06", "0")
        for start, end in SPANS:
            for report in REPORTS:
                tres = "cpu" if report.startswith("job ") else "cpu,mem,billing"
                words = ("-P", "-t", "seconds", "-T", tres, *report.split(), "start=" + start, "end=" + end)
                text += f"== sreport {report} {start} {end}\n" + cleaned(c.run("sreport", *words))
        for words in ("assoc format=cluster,account,user,share,qos,defaultqos", "qos format=name,priority", "user withassoc format=user,defaultaccount,account"):
            text += f"== sacctmgr list {words}\n" + c.run("sacctmgr", "-P", "list", *words.split())
        return text

    def line(self, row):
        for name in ("JobID", "JobIDRaw"):
            row[name] = re.sub(r"^\d+", lambda number: str(int(number[0]) - self.before), row[name])
        kept = [f"{name}={value}" for name, value in row.items() if value and name not in CHANCE and not MEASURED.match(name)]
        return " ".join(kept) + "\n"


class TwoDays(AsSlurmdbd):
    def test_two_hundred_jobs_and_what_is_said_of_them(self):
        extra = 'PriorityType=priority/multifactor\nPriorityWeightFairshare=1000\n'
        with Accounted(2, ours=True, enforce="associations,qos", extra=extra) as c:
            day = Day(c)
            day.run()
            self.assertTrue(day.jobs > 200 or os.environ.get("FLURM_ROUNDS"))
            day.tell_times()
            self.compare("day", day.transcript())
            # sacct writes small what it is asked for.
            c.submit("-J", "MixedCase", "-o", "/dev/null")
            wait_for(lambda: c.sacct("-a", "-X", "--name=MixedCase", "-S", "now-1hour"), 30, "a name with capitals")


if __name__ == "__main__":
    main()
