"""Fair share: what sshare and sprio print.

What they print for Debian's slurmctld and slurmdbd is kept in accounting.fair_share.expected (see test_accounting.py).
"""

import re
import time
import unittest

from accounted import ORACLE, Accounted, AsSlurmdbd
from cluster import main, wait_for

RULE = """PriorityType=priority/multifactor
PriorityCalcPeriod=1
PriorityWeightFairshare=100000
PriorityWeightQOS=1000
PriorityWeightAssoc=500
PriorityWeightAge=0
"""


class FairShare(AsSlurmdbd):
    def cluster(self, flags):
        return Accounted(1, RULE + flags, enforce="associations,qos", ours=True)

    def accounts(self, c):
        c.sacctmgr("add", "qos", "high", "priority=40")
        c.sacctmgr("add", "qos", "low", "priority=10")
        c.sacctmgr("add", "account", "science", "fairshare=30", "qos=normal,high,low")
        c.sacctmgr("add", "account", "physics", "parent=science", "fairshare=2")
        c.sacctmgr("add", "account", "arts", "fairshare=10", "qos=normal,high,low")
        c.sacctmgr("add", "account", "idle", "fairshare=0")
        c.sacctmgr("add", "user", "daemon", "account=science", "fairshare=1")
        c.sacctmgr("add", "user", "games", "account=physics", "fairshare=3", "priority=100")
        c.sacctmgr("add", "user", "sys", "account=physics", "fairshare=1", "priority=25")
        c.sacctmgr("add", "user", "mail", "account=arts", "fairshare=1")
        c.sacctmgr("add", "user", "news", "account=arts", "fairshare=parent")
        c.sacctmgr("add", "user", "backup", "account=idle", "fairshare=1")

    def shares(self, c, columns):
        lines = c.run("sshare", "-a", "-P", "-o", columns).splitlines()
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def used(self, c):
        return dict(line.split("|") for line in self.shares(c, "User,RawUsage").splitlines()[1:])

    def factors(self, c):
        lines = c.run("sprio", "-h", "-o", "%u %F %Q %B %Y").splitlines()
        return "\n".join(sorted(" ".join(line.split()) for line in lines)) + "\n"

    def story(self, name, flags):
        with self.cluster(flags) as c:
            self.accounts(c)
            # Slurm ranks whoever is new with its next PriorityCalcPeriod.
            wait_for(lambda: "backup" in c.run("sshare", "-a", "-P"), 30, "the users at the controller")
            ranked = (lambda: "|0.000000|" not in self.shares(c, "User,FairShare,Cluster")) if not flags else lambda: True
            if ORACLE:
                wait_for(ranked, 90, "ranks")
            text = f"== {name} before\n"
            # The classic way Slurm knows no NormUsage until its next PriorityCalcPeriod.
            columns = "Account,User,RawShares,NormShares,RawUsage,EffectvUsage,FairShare,LevelFS,GrpTRESMins,TRESRunMins"
            text += self.shares(c, columns + ("" if flags else ",NormUsage"))
            c.run("scontrol", "update", "partition=debug", "state=down", user="root")
            for user, qos in (("daemon", "high"), ("games", "low"), ("mail", "normal"), ("sys", "high"), ("backup", "normal")):
                c.submit("--qos=" + qos, "-o", "/dev/null", "--wrap", "true", user=user)
            wait_for(lambda: len(self.factors(c).splitlines()) == 5, 30, "all jobs in the queue")
            text += f"== {name} factors\n" + self.factors(c)
            return text

    def test_as_slurm_prints_it(self):
        self.compare("fair_share", self.story("tree", "") + self.story("classic", "PriorityFlags=NO_FAIR_TREE\n"))

    def in_use(self, name, flags):
        """`sshare` while jobs run: shares of usage in twelfths, ranks as they are; the classic way in eighteenths, factors in tenths. And
        those of `sprio`. Jobs that are over cannot be compared: what they used after
        the last PriorityCalcPeriod Slurm never counts."""
        with Accounted(3, RULE + flags, enforce="associations,limits,qos", ours=True) as c:
            self.accounts(c)
            wait_for(lambda: "backup" in c.run("sshare", "-a", "-P"), 30, "the users at the controller")
            jobs = [c.submit("-t", "600", "-o", "/dev/null", "--wrap", "sleep 1000", user=user) for user in ("daemon", "games", "games", "sys", "mail", "mail")]
            for job in jobs:
                c.wait_state(job, "RUNNING")
            wait_for(lambda: min(int(self.used(c)[user]) for user in ("daemon", "games", "sys", "mail")) >= (40 if flags else 20), 150, "usage of all")
            if ORACLE and flags:
                time.sleep(65)  # its effective usage is that of the PriorityCalcPeriod before
            text, part = "", 18 if flags else 12
            for words in (["-a", "-l"], ["-a", "-l", "-m"], ["-l", "-A", "physics"], ["-U", "-l"], ["-a", "-u", "games,mail"]):
                names, *rows = (line.split("|") for line in c.run("sshare", "-P", *words).splitlines())
                text += f"== {name} sshare {' '.join(words)}\n" + "|".join(names) + "\n"
                for values in rows:
                    row = dict(zip(names, values))
                    for each in ("NormUsage", "EffectvUsage"):
                        if row.get(each):
                            row[each] = f"{float(row[each]) * part:.0f}/{part}"
                    if flags and row.get("FairShare"):
                        row["FairShare"] = f"{float(row['FairShare']):.1f}"
                    for each in ("RawUsage", "LevelFS"):
                        if row.get(each) not in (None, "", "0", "inf", "0.000000"):
                            row[each] = "some"
                    if row.get("TRESRunMins"):
                        row["TRESRunMins"] = re.sub(r"=[1-9]\d*", "=some", row["TRESRunMins"])
                    text += "|".join(row[each].rstrip() for each in names) + "\n"
            c.run("scontrol", "update", "partition=debug", "state=down", user="root")
            for user in ("games", "daemon", "backup", "mail", "sys"):
                c.submit("-o", "/dev/null", "--wrap", "true", user=user)

            def ranked():
                shares = sorted(line.split() for line in c.run("sprio", "-h", "-o", "%u %F").splitlines())
                return "".join(f"{user} {int(share) / 100000:.1f}\n" for user, share in shares) if len(shares) == 5 else None

            wait_for(lambda: len(set(c.run("sprio", "-h", "-o", "%F").split())) > 1 and ranked(), 90, "all jobs in the queue")
            return text + f"== {name} sprio\n" + ranked()

    def test_what_is_used_as_slurm_prints_it(self):
        self.compare("fair_share_used", self.in_use("tree", "") + self.in_use("classic", "PriorityFlags=NO_FAIR_TREE\n"))

    def threshold(self, name, flags):
        """Who may run in a QOS with UsageThreshold, and when he who may not does. Slurm compares the share times its weight."""
        with Accounted(2, RULE.replace("Fairshare=100000", "Fairshare=1") + flags, enforce="associations,limits,qos", ours=True) as c:
            self.accounts(c)
            c.sacctmgr("add", "qos", "frugal", "flags=EnforceUsageThreshold", "usagethreshold=0.6")
            c.sacctmgr("modify", "account", "science,arts", "set", "qos+=frugal")
            wait_for(lambda: "backup" in c.run("sshare", "-a", "-P"), 30, "the users at the controller")
            c.wait_state(c.submit("-t", "600", "-o", "/dev/null", "--wrap", "sleep 1000", user="sys"), "RUNNING")
            wait_for(lambda: int(self.used(c)["sys"]) >= 10, 150, "usage")
            c.run("scontrol", "update", "partition=debug", "state=down", user="root")
            jobs = {user: c.submit("--qos=frugal", "-o", "/dev/null", "--wrap", "sleep 1000", user=user) for user in ("sys", "mail")}
            if ORACLE:
                time.sleep(65)  # it compares the share that its last PriorityCalcPeriod gave the job, or one of the classic way
            c.run("scontrol", "update", "partition=debug", "state=up", user="root")
            c.wait_state(jobs["mail"], "RUNNING")
            looked = lambda: "".join(f"{user} {c.run('squeue', '-h', '-j', job, '-o', '%T %r').strip()}\n" for user, job in jobs.items())
            wait_for(lambda: "UsageThreshold" in looked(), 60, "the reason: " + looked() + self.shares(c, "User,FairShare"))
            text = f"== {name} above and below\n" + looked()
            c.sacctmgr("modify", "qos", "frugal", "set", "usagethreshold=0.001")
            c.wait_state(jobs["sys"], "RUNNING", seconds=90)
            c.sacctmgr("modify", "qos", "frugal", "set", "usagethreshold=0.9999")
            text += f"== {name} what runs goes on\n" + looked()
            return text

    def test_usage_threshold(self):
        self.compare("fair_share_threshold", self.threshold("tree", "") + self.threshold("classic", "PriorityFlags=NO_FAIR_TREE\n"))

    @unittest.skipIf(ORACLE, "ours")
    def test_who_used_something_comes_after_the_others(self):
        with self.cluster("") as c:
            self.accounts(c)
            wait_for(lambda: "games" in self.used(c), 30, "the users at the controller")
            ranks = lambda: dict(line.split("|") for line in self.shares(c, "User,FairShare").splitlines()[1:])
            self.assertEqual(ranks()["games"], ranks()["sys"])
            c.wait_end(c.submit("-o", "/dev/null", "--wrap", "sleep 3", user="games"))
            wait_for(lambda: int(self.used(c)["games"]) >= 2, 30, "what was used")
            after = {user: float(rank) for user, rank in ranks().items() if rank}
            self.assertEqual(min(after, key=after.get), "backup")  # of an account without shares
            self.assertLess(after["games"], after["sys"])
            self.assertLess(after["sys"], after["mail"])


if __name__ == "__main__":
    main()
