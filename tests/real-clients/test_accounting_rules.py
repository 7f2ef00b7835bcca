"""What users are shown and told with accounting: PrivateData for coordinators, accounts and QOS of partitions, licenses
among TRES, MinPrioThreshold.

What Debian's clients print with Debian's slurmctld and slurmdbd is kept in accounting.rules.expected (see test_accounting.py).
"""

import re
import unittest

from accounted import Accounted, AsSlurmdbd, cleaned
from cluster import main, wait_for

USERS = {"daemon": "lab", "games": "deep", "mail": "other", "backup": "other", "sys": "other"}
PRIVATE = """
squeue -h -o "%u %a"
squeue -h -u games -o "%u %a"
scontrol -o show job
sprio -h -o "%u %a"
sshare -a -P -h -o account,user,rawshares
sshare -P -h -o account,user,rawshares
sshare -P -h -A deep -o account,user,rawshares
scontrol -o show assoc_mgr flags=users
scontrol -o show assoc_mgr flags=assoc
scontrol -o show assoc_mgr flags=qos
sacct -a -X -P -n -S now-1hour -o user,account
sacctmgr -n -P list assoc format=account,user
sacctmgr -n -P list user format=user,defaultaccount
sacctmgr -n -P list account format=account
""".strip().splitlines()


def words(line):
    return [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]


def names_of(text):
    """Of records of jobs and associations only whose they are, each line once, in an order of their own."""
    rows = set()
    for line in cleaned(text).splitlines():
        found = [f"{key}={value}" for key, value in re.findall(r"\b(UserId|UserName|Account|QOS|ParentAccount)=([^\s(]*)", line)]
        rows.add(" ".join(found) or line.rstrip())
    return "".join(row + "\n" for row in sorted(rows) if row)


class Told(AsSlurmdbd):
    maxDiff = None

    def accounts(self, c):
        """Accounts lab and, below it, deep; other beside them."""
        c.sacctmgr("add", "account", "lab,other")
        c.sacctmgr("add", "account", "deep", "parent=lab")
        for user, account in USERS.items():
            c.sacctmgr("add", "user", user, "account=" + account)
        self.until(lambda: all(f"UserName={user}(" in c.run("scontrol", "show", "assoc_mgr", "flags=users") for user in USERS))

    def until(self, condition):
        wait_for(condition, 60, "what is waited for")

    def sbatch(self, c, *options, user):
        return c.run("sbatch", "--parsable", "-o", "/dev/null", *options, "--wrap", "sleep 1000", user=user).strip()

    def private(self):
        hidden = "PrivateData=accounts,jobs,usage,users\n"
        with Accounted(1, "PriorityType=priority/multifactor\nPriorityWeightAge=1\n" + hidden, "associations,qos", ours=True, dbd=hidden) as c:
            self.accounts(c)
            c.sacctmgr("modify", "user", "sys", "set", "adminlevel=operator")
            c.sacctmgr("add", "coordinator", "account=lab", "user=daemon")
            c.run("scontrol", "update", "partition=debug", "state=down")
            jobs = [self.sbatch(c, user=user) for user in ("daemon", "games", "mail")]
            self.until(lambda: len(c.run("sprio", "-h").splitlines()) == 3)
            self.until(lambda: len(c.sacct("-a", "-X", "-S", "now-1hour")) == 3)
            self.until(lambda: "games" in c.run("squeue", user="daemon"))
            text = ""
            for user in ("daemon", "games", "mail", "backup", "sys"):
                for line in PRIVATE:
                    done = c.try_run(*words(line), user=user)
                    text += f"== {user}: {line}\n{names_of(done.stdout + done.stderr)}"
            return text + f"== jobs\n{len(jobs)}\n"

    def partitions(self):
        extra = ("PartitionName=forlab Nodes=ALL AllowAccounts=lab\nPartitionName=nolab Nodes=ALL DenyAccounts=lab\n"
                 "PartitionName=forhigh Nodes=ALL AllowQos=high\nPartitionName=nohigh Nodes=ALL DenyQos=high\n")
        with Accounted(1, extra, "associations,limits,qos", ours=True) as c:
            self.accounts(c)
            c.sacctmgr("add", "qos", "high")
            c.sacctmgr("modify", "user", "daemon", "set", "qos+=high")
            self.until(lambda: c.try_run("sbatch", "--test-only", "--qos=high", "--wrap", "true", user="daemon").returncode == 0)
            asked = (("daemon", "-p", "forlab"), ("games", "-p", "forlab"), ("daemon", "-p", "nolab"), ("daemon", "-p", "forhigh"),
                     ("daemon", "-p", "forhigh", "-q", "high"), ("daemon", "-p", "nohigh", "-q", "high"), ("games", "-p", "forlab,nolab"),
                     ("games", "-p", "forlab,forhigh"))
            text = ""
            jobs = {}
            for user, *options in asked:
                done = c.try_run("sbatch", "--parsable", "-H", "-o", "/dev/null", *options, "--wrap", "true", user=user)
                jobs[user, *options] = done.stdout.strip()
                text += f"== sbatch {user} {' '.join(options)}\n{done.stderr}"
            job = self.sbatch(c, "-H", user="games")
            own = self.sbatch(c, "-H", user="daemon")
            for who, line in (("games", f"jobid={job} partition=forlab"), ("games", f"jobid={job} partition=forhigh"),
                              ("daemon", f"jobid={own} partition=forhigh"), ("daemon", f"jobid={own} qos=high"),
                              ("daemon", f"jobid={own} partition=nohigh"), ("root", f"jobid={own} account=deep"), ("root", f"jobid={job} qos=high")):
                done = c.try_run("scontrol", "update", *line.split(), user=who)
                text += f"== {who}: scontrol update {line.split(' ', 1)[1]}\n" + re.sub(" for job .*", " for job JOB", cleaned(done.stdout + done.stderr))
            return text

    def reasons(self):
        """A partition that changes while jobs wait in it."""
        extra = "PartitionName=some Nodes=ALL\n"
        with Accounted(1, extra, "associations,limits,qos", ours=True) as c:
            self.accounts(c)
            c.run("scontrol", "update", "partition=some", "state=down")
            first = self.sbatch(c, "-p", "some", user="daemon")
            second = self.sbatch(c, "-p", "some", user="games")
            text = ""

            def told(title, words):
                """What squeue and scontrol say of the first, when it is `words`."""
                show = lambda: c.run("squeue", "-h", "-j", first, "-o", "%T %r").strip()
                wait_for(lambda: words in show(), 60, f"{words}, {show()}")
                reason = re.search(r"Reason=(.*) Dependency", c.run("scontrol", "-o", "show", "job", first))[1]
                return f"== {title}\n{show()}\n{reason}\n" + c.run("squeue", "-h", "-j", second, "-o", "%T %r")

            text += told("down", "PENDING PartitionDown")
            c.run("scontrol", "update", "partition=some", "denyaccounts=lab")
            c.run("scontrol", "update", "partition=some", "state=up")
            self.until(lambda: c.state(second) == "RUNNING")
            text += told("denied account", "denies lab")
            c.run("scontrol", "update", "partition=some", "denyaccounts=", "allowaccounts=deep")
            text += told("not an allowed account", "allows deep")
            c.run("scontrol", "update", "partition=some", "allowaccounts=all", "denyqos=normal")
            text += told("denied QOS", "QOS not permitted")
            c.run("scontrol", "update", "partition=some", "denyqos=")
            self.until(lambda: c.state(first) == "RUNNING")
            return text

    def licenses(self):
        extra = "Licenses=matlab:4,idl:2\nAccountingStorageTRES=license/matlab,license/idl\n"
        with Accounted(1, extra, ours=True) as c:
            text = ""
            for name, options in (("both", "matlab:2,idl:1"), ("one", "idl"), ("none", "")):
                job = c.submit("-o", "/dev/null", "-J", name, *(["-L", options] if options else []), "--wrap", "srun true")
                c.wait_end(job)
                # slurmctld tells the end of a job at once, and how it began some seconds later.
                self.until(lambda job=job, name=name: [(row["End"] != "Unknown", row["JobName"]) for row in c.sacct("-j", job, form="End,JobName")] ==
                           [(True, each) for each in (name, "batch", "true")])
                rows = c.sacct("-j", job, form="JobName,ReqTRES,AllocTRES,State")
                text += f"== {name}\n" + "".join(" ".join(row.values()) + "\n" for row in sorted(rows, key=lambda row: row["JobName"]))
            holder = c.submit("-o", "/dev/null", "-L", "matlab:4", "--wrap", "sleep 1000")
            c.wait_state(holder, "RUNNING")
            waiting = c.submit("-o", "/dev/null", "-L", "matlab:1", "--wrap", "true")
            self.until(lambda: c.job(waiting)["Reason"] == "Licenses")
            c.run("scancel", waiting)
            self.until(lambda: [row["State"][:9] for row in c.sacct("-j", waiting, "-X", form="State")] == ["CANCELLED"])
            rows = c.sacct("-j", waiting, "-X", form="ReqTRES,AllocTRES,Reason")
            text += "== waited\n" + "".join(" ".join(row.values()) + "\n" for row in rows)
            return text

    def reserved(self):
        """MinPrioThreshold: who has less priority waits without nodes that are set aside for him."""
        rule = "PriorityType=priority/multifactor\nPriorityWeightQOS=1000\nSchedulerParameters=bf_interval=1\n"
        with Accounted(1, rule, "associations,limits,qos", ours=True) as c:
            self.accounts(c)
            c.sacctmgr("add", "qos", "early", "priority=10")
            c.sacctmgr("add", "qos", "late", "minpriothresh=4000000")
            c.sacctmgr("modify", "user", "backup", "set", "qos+=early,late")
            self.until(lambda: c.try_run("sbatch", "--test-only", "--qos=late", "--wrap", "true", user="backup").returncode == 0)
            text = "== qos\n" + c.run("sacctmgr", "-P", "list", "qos", "early,late", "format=name,priority,minpriothreshold")
            whole = ("-t", "10", "--exclusive")
            c.wait_state(self.sbatch(c, *whole, user="mail"), "RUNNING")
            late, early = (self.sbatch(c, *whole, "--qos=" + qos, user="backup") for qos in ("late", "early"))
            self.until(lambda: c.job(early)["StartTime"] != "Unknown")
            return text + f"== reserved\n{c.job(early)['Reason']} {c.job(late)['StartTime']}\n"

    def test_reserved(self):
        self.compare("rules.reserved", self.reserved())

    def test_private_data(self):
        self.compare("rules.private", self.private())

    def test_partitions(self):
        self.compare("rules.partitions", self.partitions())

    def test_reasons(self):
        self.compare("rules.reasons", self.reasons())

    def test_licenses(self):
        self.compare("rules.licenses", self.licenses())


if __name__ == "__main__":
    main()
