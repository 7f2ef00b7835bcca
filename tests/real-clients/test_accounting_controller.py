"""Accounting of flurmctld: what it tells flurmdbd, and Debian's slurmdbd, of jobs, steps, nodes and reservations.

What sacct prints for the same jobs is kept in accounting.jobs.expected, made with Debian's slurmctld and slurmdbd (see
test_accounting.py).
"""

import os
import signal
import unittest

import test_accounting
from accounted import ORACLE, Accounted
from cluster import kill, main, wait_for

STORED = "AccountingStoreFlags=job_comment,job_script,job_env\n"


class Jobs(test_accounting.Jobs):
    def test_sacct_says_what_it_says_with_slurmdbd(self):
        with Accounted(1, enforce="associations,limits,qos", extra=STORED, ours=True) as c:
            self.compare("jobs", self.jobs(c))

    @unittest.skipIf(ORACLE, "ours")
    def test_slurmdbd_is_told_the_same(self):
        with Accounted(1, enforce="associations,limits,qos", extra=STORED, ours=True, slurmdbd=True) as c:
            self.compare("jobs", self.jobs(c))


@unittest.skipIf(ORACLE, "ours")
class Once(unittest.TestCase):
    """Every record arrives, and once, whoever was away meanwhile."""

    def all_once(self, c, jobs):
        words = ("-a", "-D", "-S", "now-1hour")
        expected = sorted((job + step, "COMPLETED") for job in jobs for step in ("", ".batch", ".0"))

        def told():
            rows = c.sacct(*words, form="JobID,State,Submit,Start,End")
            ended = all(row["End"] != "Unknown" for row in rows)
            return sorted((row["JobID"], row["State"]) for row in rows) if ended else None

        wait_for(lambda: told() == expected, 90, "all records once")

    def work(self, c, count=3):
        return [c.submit("-o", "/dev/null", "--wrap", "srun true") for _ in range(count)]

    def test_the_daemon_is_away_while_jobs_run(self):
        with Accounted(1, ours=True) as c:
            jobs = self.work(c)
            for job in jobs:
                c.wait_end(job)
            kill(c.pid("flurmdbd"))
            jobs += self.work(c)
            for job in jobs[3:]:
                c.wait_end(job)
            kill(c.pid("flurmctld"))  # it remembers
            c.local_up()
            self.all_once(c, jobs)

    def test_the_leader_is_lost_while_the_daemon_is_away(self):
        with Accounted(1, ours=True, controllers=3) as c:
            jobs = self.work(c)
            for job in jobs:
                c.wait_end(job)
            kill(c.pid("flurmdbd"))
            jobs += self.work(c)
            for job in jobs[3:]:
                c.wait_end(job)
            kill(c.pid("ctl1"))
            kill(c.pid("ctl2"))
            c.local_up()
            jobs += self.work(c)
            for job in jobs[6:]:
                c.wait_end(job)
            self.all_once(c, jobs)

    def test_a_daemon_that_stops_in_the_midst_of_reports(self):
        with Accounted(1, ours=True) as c:
            jobs = []
            for _ in range(3):
                jobs += self.work(c)
                os.kill(c.pid("flurmdbd"), signal.SIGKILL)
                c.local_up()
            for job in jobs:
                c.wait_end(job)
            self.all_once(c, jobs)


if __name__ == "__main__":
    main()
