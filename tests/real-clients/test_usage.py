"""Usage: what flurmdbd rolls up, as Debian's sreport prints it.

A small controller of the test (tests/feed) reports some days of the past, across the end of a month: jobs that cross every
border, arrays that wait, suspended jobs, nodes that are down, a cluster that grows, reservations. What sreport says of them
is kept in usage.reports.expected, made with Debian's slurmdbd (see test_accounting.py).
"""

import sqlite3
import time
import unittest

from accounted import ORACLE, STORE, Accounted, AsSlurmdbd, cleaned
from cluster import main
from past import BEGIN, accounts, feed, story

REPORTS = """
cluster utilization start=2025-01-30 end=2025-02-03
cluster utilization start=2025-01-30T03:00:00 end=2025-01-30T09:00:00
cluster utilization start=2025-01-01 end=2025-02-01
cluster accountutilizationbyuser start=2025-01-30 end=2025-02-03
cluster accountutilizationbyuser start=2025-01-31T22:00:00 end=2025-02-01T02:00:00
cluster accountutilizationbyuser start=2025-01-30 end=2025-02-03 accounts=physics
cluster accountutilizationbyuser tree start=2025-01-30 end=2025-02-03 users=games
cluster userutilizationbyaccount start=2025-01-30 end=2025-02-03
cluster userutilizationbywckey start=2025-01-30 end=2025-02-03
cluster wckeyutilizationbyuser start=2025-01-30 end=2025-02-03
job sizesbyaccount start=2025-01-30 end=2025-02-03
job sizesbyaccount printjobcount start=2025-01-30 end=2025-02-03
job sizesbyaccount flatview start=2025-01-30 end=2025-02-03 grouping=4,16
job sizesbyaccountandwckey start=2025-01-30 end=2025-02-03
job sizesbywckey start=2025-01-30 end=2025-02-03
reservation utilization start=2025-01-30 end=2025-02-03
user topusage start=2025-01-30 end=2025-02-03
user topusage start=2025-01-30 end=2025-02-03 topcount=1 group
""".strip().splitlines()


class Usage(AsSlurmdbd):
    def reports(self, c):
        text = ""
        for line in REPORTS:
            tres = "cpu" if line.startswith("job ") else "cpu,mem,billing"
            done = c.try_run("sreport", "-P", "-t", "seconds", "-T", tres, "-M", "past", *line.split())
            text += f"== {line}\n" + cleaned(done.stdout + done.stderr)
        return text

    def test_sreport_says_what_it_says_with_slurmdbd(self):
        with Accounted(1, dbd="TrackWCKey=yes\n", extra="TrackWCKey=yes\n") as c:
            lines = story(accounts(c))
            feed(c, lines)
            c.sacctmgr("roll", "2025-01-30", "2025-02-04", "0")
            first = self.reports(c)
            self.compare("usage", first)
            if ORACLE:
                return
            # Told twice and rolled up twice it is the same.
            feed(c, lines)
            c.sacctmgr("roll", "2025-01-30T05:00:00", "2025-02-04", "0")
            self.assertEqual(self.reports(c), first)

    @unittest.skipIf(ORACLE, "ours")
    def test_what_comes_late_is_counted(self):
        with Accounted(1) as c:
            assocs = accounts(c)
            feed(c, f"tres time={BEGIN} tres=1=64,2=256000 nodes=n[1-8]\n")
            c.sacctmgr("roll")
            late = (f"job id=1 account=physics assoc={assocs['physics', 'daemon']} uid=1 gid=1 submit={BEGIN} "
                    f"start={BEGIN + 5400} end={BEGIN + 9000} cpus=4 tres=1=4 nodes=n1\n")
            feed(c, late)
            c.sacctmgr("roll")

            def used(start, end):
                rows = c.run("sreport", "-P", "-n", "-t", "seconds", "-M", "past", "cluster", "utilization", "start=" + start,
                             "end=" + end)
                return rows.split("|")[1] if rows else None

            self.assertEqual(used("2025-01-30T01:00:00", "2025-01-30T02:00:00"), "7200")
            self.assertEqual(used("2025-01-30", "2025-01-31"), "14400")
            self.assertEqual(used("2025-01-01", "2025-02-01"), "14400")

    @unittest.skipIf(ORACLE or STORE != "sqlite", "ours, and the test writes into its file")
    def test_who_asks_waits_for_a_roll_up_that_runs(self):
        with Accounted(1) as c:
            assocs = accounts(c)
            feed(c, f"tres time={BEGIN} tres=1=64,2=256000 nodes=n[1-8]\n"
                 f"job id=1 account=physics assoc={assocs['physics', 'daemon']} uid=1 gid=1 submit={BEGIN} start={BEGIN} "
                 f"end={BEGIN + 3600} cpus=4 tres=1=4 nodes=n1\n")
            c.sacctmgr("roll", "2025-01-29", "2025-01-30", "0")
            with sqlite3.connect(c.dir + "/state/accounting.sqlite", timeout=30) as file:
                file.execute("update rollups set busy_until = ? where cluster = 'past'", [time.time() + 4])  # as if another daemon were at it
            c.sacctmgr("roll", "2025-01-30", "2025-01-31", "0")
            rows = c.run("sreport", "-P", "-n", "-t", "seconds", "-M", "past", "cluster", "utilization", "start=2025-01-30", "end=2025-01-31")
            self.assertEqual(rows.split("|")[1:2], ["14400"])


if __name__ == "__main__":
    main()
