"""Accounting: Debian's sacctmgr, sacct and slurmctld with flurmdbd.

What the clients print for the same actions is kept in accounting.*.expected, made with Debian's slurmdbd on MariaDB:
FLURM_REAL=1 FLURM_WRITE_EXPECTED=1 writes them anew, FLURM_REAL=1 alone says whether they are still true.
"""

import os
import re
import signal
import time
import unittest

from accounted import FOLDER, ORACLE, Accounted, AsSlurmdbd, cleaned, transcript
from cluster import main, wait_for

# For transcript().
ENTITIES = """
list tres
list qos format=id,name,priority,preempt,flags,usagefactor,graceTime
list assoc tree format=cluster,account,user,partition,share,defaultqos,qos
add account science description=research organization=university
add account physics,chemistry parent=science description=dept organization=university
add account bio parent=science fairshare=7 grpjobs=20 maxjobs=5 grptres=cpu=100,mem=4000 maxwall=2-0
add account science
list account format=account,description,organization
list account withassoc format=account,cluster,parentname,user,share
add qos high priority=100 flags=DenyOnLimit,NoReserve maxtresperuser=cpu=8 maxjobsperuser=3 gracetime=60 usagefactor=2
add qos low preempt=normal maxwall=60 description=scavenger mintresperjob=cpu=2 limitfactor=0.5
add qos low
add qos circle preempt=low
modify qos normal set preempt=circle
modify qos high set preempt+=low priority=200 flags=OverPartQOS maxjobsperuser=-1 maxtresperuser=cpu=-1,mem=100
list qos format=name,priority,preempt,flags,maxtrespu,maxjobspu,mintres,maxwall,gracetime,usagefactor,limitfactor,description
modify qos high set flags-=OverPartQOS description=better
list qos high format=name,flags,description
add user daemon account=physics defaultaccount=physics
add user daemon account=chemistry
add user games,mail account=bio,physics fairshare=3 maxjobs=2
add user nobodyhere account=physics
add user sys account=bio partition=debug qos=high defaultqos=high
add user games account=nothere
list user format=user,defaultaccount,admin
list user withassoc format=user,account,partition,share,maxjobs,defaultqos,qos
list user games withassoc withcoord format=user,account,defaultaccount,coordinators
list assoc tree format=cluster,account,user,partition,share,grpjobs,grptres,maxjobs,maxwall,qos,defaultqos
list assoc user=games format=account,user,maxjobs,maxwall,grpjobs
list assoc account=bio format=account,user,maxjobs,maxwall,grpjobs wopl
list assoc parent=science format=account,user,parentname
list assoc tree where account=science withsub format=account,user
modify account bio set maxjobs=9 grptres=cpu=50,mem=-1 maxtres=node=2 qos+=high
modify account science set maxwall=60 maxtres=cpu=30
modify user games where account=bio set maxjobs=-1 qos=low,high defaultqos=low
list assoc tree format=account,user,grptres,maxjobs,maxtres,maxwall,qos,defaultqos
modify user games where account=physics set maxtres=cpu=3 priority=77 grpsubmit=4 maxsubmit=8 grpwall=90 grptresmins=cpu=1000 maxtresmins=cpu=10 grptresrunmins=cpu=7
list assoc user=games format=account,user,maxtres,priority,grpsubmit,maxsubmit,grpwall,grptresmins,maxtresmins,grptresrunmins,maxwall
modify user games set defaultaccount=physics
modify user games set defaultaccount=nothere
modify user daemon set adminlevel=operator
list user format=user,defaultaccount,admin
modify account chemistry set parent=bio
modify account science set parent=bio
modify account science set parent=science
list assoc tree format=account,user,maxjobs,maxwall
modify account bio set description=life organization=institute
list account bio format=account,description,organization
add coordinator account=science user=mail
add coordinator account=physics user=games
list account withcoord format=account,coordinators
list user withcoord format=user,coordinators
mail: add account newlab parent=science
mail: add user sys account=newlab
mail: modify account science set maxjobs=3
mail: modify account newlab set maxjobs=3
mail: add account elsewhere
mail: add qos mine
mail: remove user sys where account=bio
mail: modify user sys set adminlevel=admin
sys: add account mine
sys: modify user sys set defaultaccount=newlab
sys: list user sys format=user,defaultaccount,admin
daemon: add account byoperator
daemon: modify qos high set priority=5
daemon: modify user mail set adminlevel=admin
list account format=account,organization
remove coordinator account=science user=mail
remove coordinator user=nobody
list account withcoord format=account,coordinators
add cluster other
add account shared cluster=other,local
add user backup account=shared
list cluster format=cluster,controlhost,rpc,share,qos
list assoc tree cluster=other format=cluster,account,user
add account north,south,west cluster=other,local
list assoc where account=north,south,west format=account,parentname,cluster
modify account where account=west cluster=other set parent=north
list assoc where account=west format=account,parentname,cluster
modify account where account=north cluster=other set parent=west
list assoc where account=north,west format=account,parentname,cluster
list account withassoc where account=north,south,west format=account,cluster
remove account north,south,west
modify cluster other set grpjobs=50 qos=high
list cluster format=cluster,grpjobs,qos
remove user backup where cluster=other account=shared
list assoc tree user=backup format=cluster,account,user
remove cluster other
list cluster format=cluster
add wckey key1 user=games cluster=local
list wckey format=cluster,wckey,user
remove user where user=games account=bio
list assoc user=games format=account,user
remove account physics
remove account chemistry,newlab
remove user games,sys
list user format=user,defaultaccount
list assoc tree format=account,user
remove account bio
remove account science
remove qos low,circle
list qos format=id,name,preempt
remove qos nothere
remove user nothere
remove account nothere
list assoc tree format=account,user,qos
add qos low
list qos format=id,name,preempt,maxwall
list event format=cluster,nodename,state,reason
list problem
list resource
list federation
list runaway
show nonsense
add account lab description=first organization=here
add account sub parent=lab grptres=cpu=5 qos=+high
add user daemon,games account=lab,sub maxjobs=3
add user games account=lab wckey=zeta,alpha
dump local file=DUMP
remove user daemon
remove account lab,sub
load file=DUMP
list assoc tree format=account,user,grptres,maxjobs,qos
list user format=user,defaultaccount
add user sys account=lab wckey=key2
list wckey format=wckey,cluster,user
list user sys withassoc format=user,defaultaccount,account
list assoc where account=lab user=sys format=cluster,account,user,parentname
list tres where type=cpu
list tres where id=4
list cluster where cluster=nothere
list qos where name=nothere
modify qos normal set maxsubmitjobsperuser=10 grptresmins=cpu=100 grptresrunmins=cpu=10 maxtresmins=cpu=5 maxtrespernode=cpu=2 maxtresperaccount=cpu=9 maxjobsperaccount=7 usagethreshold=0.5 gracetime=5 preemptmode=requeue preemptexempttime=60
list qos where name=normal
modify qos normal set grpjobs=-1 usagethreshold=-1 gracetime=-1 preemptexempttime=-1
list qos where name=normal
modify cluster local set maxjobs=100 fairshare=3
list cluster format=cluster,maxjobs,share
modify user where account=lab set maxjobs=-1 grpjobs=5
list assoc where account=lab format=account,user,maxjobs,grpjobs
archive dump
reconfigure
""".strip().splitlines()


class Entities(AsSlurmdbd):
    def test_the_clients_say_what_they_say_with_slurmdbd(self):
        with Accounted(1) as cluster:
            self.compare("entities", transcript(cluster, ENTITIES))


# Measured, or a moment's doing: whether there is a value is compared, not which.
MEASURED = re.compile(r"(Ave|Max|Min|TRESUsage|CPUTime|Elapsed|TotalCPU|UserCPU|SystemCPU|Planned|Suspended|ConsumedEnergy|Res[ve])")
# Numbers of the database, paths, and what depends on when the scheduler looked.
OWN = {"DBIndex", "WorkDir", "SubmitLine", "Priority", "Flags", "Reason", "AssocID", "WCKeyID", "Container", "Timelimit",
       "TimelimitRaw"}


def told(name, value):
    if name in OWN:
        return "-"
    if name in ("Submit", "Eligible", "Start", "End"):
        return "moment" if re.match(r"\d{4}-", value) else value
    if MEASURED.match(name):
        return "some" if value else ""
    return value


def ledger(cluster, heading, *words):
    lines = [f"== {heading}"]
    if not {"-S", "-j"} & set(words):
        words += ("-S", "now-1hour")  # the usual period begins at midnight, which may be now

    def order(row):  # the numbers of an array's tasks depend on when the scheduler looked
        job, _, step = row["JobID"].partition(".")
        return int(re.match(r"\d+", job)[0]), job, step, row["State"]

    for row in sorted(cluster.sacct(*words), key=order):
        # How many numbers were used up before the first job differs.
        for name in ("JobID", "JobIDRaw"):
            row[name] = re.sub(r"^\d+", lambda number: str(int(number[0]) - cluster.jobs_before), row[name])
        fields = [f"{name}={told(name, value)}" for name, value in row.items() if told(name, value) not in ("", "-")]
        lines.append(" ".join(fields))
    return "\n".join(lines) + "\n"


class Jobs(AsSlurmdbd):
    def test_sacct_says_what_it_says_with_slurmdbd(self):
        with self.cluster() as c:
            self.compare("jobs", self.jobs(c))

    def cluster(self, **options):
        return Accounted(1, enforce="associations,limits,qos", extra="AccountingStoreFlags=job_comment,job_script,job_env\n", **options)

    def jobs(self, c):
        c.sacctmgr("add", "account", "science")
        c.sacctmgr("add", "qos", "high")
        c.sacctmgr("add", "user", "daemon", "account=science", "qos=normal,high")
        c.sacctmgr("modify", "user", "root", "set", "qos=normal,high")
        # The controller has heard of them as soon as it takes such a job.
        wait_for(lambda: c.try_run("sbatch", "--test-only", "-A", "science", "--qos=high", "--wrap", "true",
                                   user="daemon").returncode == 0, 20, "the user at the controller")
        refused = c.refused("sbatch", "-A", "nothere", "--wrap", "true")
        c.run("srun", "-J", "first", "-n2", "true")
        c.jobs_before = int(wait_for(lambda: c.sacct("--name=first", "-X", "-S", "now-1hour"), 30, "the first job")[0]["JobID"]) - 1
        failed = c.submit("-J", "fails", "--comment=a comment", "--wrap", "srun -n2 true; exit 3")
        c.wait_end(failed)
        array = c.submit("--array=1-3%2", "-A", "science", "--qos=high", "--wrap", "exit 0", user="daemon")
        wait_for(lambda: not c.squeue("%i"), 30, "the end of the array")
        running = c.submit("-t5", "--wrap", "sleep 300")
        c.wait_state(running, "RUNNING")
        c.run("scancel", running, user="root")
        held = c.submit("--hold", "--wrap", "true", user="daemon")
        c.run("scancel", held, user="daemon")
        again = c.submit("--requeue", "-o", "/dev/null", script="[ -n \"$SLURM_RESTART_COUNT\" ] || sleep 300")
        c.wait_state(again, "RUNNING")
        c.run("scontrol", "requeue", again)
        c.wait_state(again, "PENDING")
        wait_for(lambda: c.job(again)["RunTime"] == "00:00:00" and "BeginTime" in c.job(again)["Reason"], 20, "its queue")
        c.run("scontrol", "update", f"jobid={again}", "StartTime=now")
        c.wait_state(again, "COMPLETED", seconds=60)
        paused = c.submit("--wrap", "sleep 2")
        c.wait_state(paused, "RUNNING")
        c.run("scontrol", "suspend", paused)
        c.wait_state(paused, "SUSPENDED")
        c.run("scontrol", "resume", paused)
        c.wait_end(paused)
        last = c.submit("--wrap", "exit 7")
        c.wait_end(last)
        # What began and what ended is told by different threads of slurmctld, in any order.
        wait_for(lambda: [(row["State"], row["JobName"]) for row in c.sacct("-j", last)] ==
                 [("FAILED", "wrap"), ("FAILED", "batch")], 30, "the last record")
        text = "== refused\n" + cleaned(refused)
        text += ledger(c, "all", "-a")
        text += ledger(c, "jobs", "-a", "-X")
        text += ledger(c, "runs", "-a", "-X", "-D", "-j", again)
        text += ledger(c, "user", "-u", "daemon", "-X")
        text += ledger(c, "account", "-a", "-A", "science", "-X")
        text += ledger(c, "failed", "-a", "-s", "F", "-S", "now-1hour", "-E", "now", "-X")
        text += ledger(c, "qos", "-a", "-q", "high", "-X")
        text += ledger(c, "name", "-a", "--name=fails", "-X")
        text += ledger(c, "task", "-j", array + "_2")
        text += ledger(c, "step", "-j", failed + ".0")
        text += ledger(c, "node", "-a", "-N", "n1", "-X", "-j", failed)
        text += ledger(c, "othernode", "-a", "-N", "n7", "-X")
        text += ledger(c, "before", "-a", "-E", "2020-01-01", "-S", "2019-01-01")
        text += "== script\n" + c.run("sacct", "-B", "-j", failed).replace(f"for {failed}\n", "for JOB\n")
        c.run("scontrol", "update", "node=n1", "state=drain", "reason=for tests")
        wait_for(lambda: c.table("event", "where", "nodes=n1"), 30, "the event")
        c.run("scontrol", "update", "node=n1", "state=resume")
        wait_for(lambda: c.table("event", "where", "nodes=n1")[0]["TimeEnd"] != "Unknown", 30, "its end")
        events = c.table("event", "format=cluster,nodename,state,reason,user,eventraw")
        text += "== events\n" + "".join(f"{event}\n" for event in events)
        modified = c.sacctmgr("modify", "job", "where", f"jobid={last}", "set", "comment=looked at", "derivedexitcode=9")
        text += "== modified\n" + re.sub(f"\\b{last}\\b", "LAST", cleaned(modified)) + ledger(c, "after", "-j", last, "-X")
        jobs = c.refused("sacctmgr", "-i", "modify", "job", "where", "jobid=4711", "set", "comment=x")
        text += "== none\n" + cleaned(jobs)
        held = c.submit("--hold", "--wrap", "true", user="daemon")
        wait_for(lambda: len(c.sacct("-j", held)) == 1, 30, "a job")
        busy = c.try_run("sacctmgr", "-i", "remove", "account", "science")
        text += "== busy\n" + re.sub(f"\\b{held} *", "HELD ", cleaned(busy.stdout + busy.stderr))
        return text


def known(cluster):
    """What the controller knows of accounting, without numbers of the database and what jobs used."""
    text = cluster.run("scontrol", "show", "assoc_mgr", "flags=users,assoc,qos")
    text = text.split("\n", 1)[1]  # a moment
    text = re.sub(r"\b(ID|Lft)=\d+", r"\1", re.sub(r"\(\d+\)", "()", text))
    text = text.replace("Not Set", "None")  # of one that sacctmgr added, until slurmctld starts again
    # Each record on a line of its own, in an order that does not depend on who was told first.
    records = re.split(r"\n(?=ClusterName=|UserName=|QOS=|User Records|Association Records|QOS Records)", text)
    return "\n".join(sorted(" ".join(record.split()) for record in records)) + "\n"


class Controller(AsSlurmdbd):
    STEPS = """
        add qos high,low priority=10
        modify qos high set preempt=low maxtresperuser=cpu=4,mem=100 maxwall=60 flags=DenyOnLimit
        add account science fairshare=5 grptres=cpu=20 maxjobs=3
        add account physics parent=science
        add user daemon,games account=physics maxjobs=2
        add user games account=science qos=high,low defaultqos=low
        add coordinator account=science user=mail
        add user mail account=science adminlevel=operator
        add coordinator account=science user=mail
        modify account science set grptres=cpu=-1,node=7 maxjobs=9 maxwall=30 qos+=high
        modify user daemon set maxjobs=-1 maxsubmit=5 fairshare=9 maxtres=cpu=2
        modify qos high set maxtresperuser=cpu=-1 preempt= grpjobs=4
        modify user games set defaultaccount=science
        add account bio parent=root
        modify account physics set parent=bio
        remove user daemon
        remove qos low
    """

    def test_it_hears_of_every_change(self):
        with Accounted(1, enforce="associations,limits,qos") as c:
            for line in filter(None, map(str.strip, self.STEPS.splitlines())):
                c.try_run("sacctmgr", "-i", *line.split())
            path = FOLDER + "/accounting.controller.expected"
            if os.environ.get("FLURM_WRITE_EXPECTED"):
                time.sleep(2)
                with open(path, "w") as file:
                    file.write(known(c))
            with open(path) as file:
                expected = file.read()
            try:
                wait_for(lambda: known(c) == expected, 20, "the controller's knowledge")
            except AssertionError:
                self.assertEqual(known(c), expected)


class Interrupted(unittest.TestCase):
    def nothing_is_changed_without_a_yes(self, c):
        done = c.try_run("sacctmgr", "add", "account", "maybe", stdin="n\n")
        self.assertIn("Changes Discarded", done.stdout)
        self.assertEqual([row["Account"] for row in c.table("account", "format=account")], ["root"])

    @unittest.skipIf(ORACLE, "ours")
    def test_what_was_not_heard_is_told_later_and_once(self):
        with Accounted(1) as c:
            self.nothing_is_changed_without_a_yes(c)
            first = c.submit("--wrap", "true")
            c.wait_end(first)
            os.kill(c.pid("flurmdbd"), signal.SIGKILL)
            jobs = [first] + [c.submit("--wrap", "true") for _ in range(5)]
            for job in jobs:
                c.wait_end(job)
            c.local_up()
            wait_for(lambda: [row["State"] for row in c.sacct("-a", "-X", "-D", "-S", "now-1hour", form="JobID,State")] == ["COMPLETED"] * 6, 90,
                     "all jobs once")
            rows = c.sacct("-a", "-X", "-D", "-S", "now-1hour", form="JobID,State,ExitCode")
            self.assertEqual([row["JobID"] for row in rows], jobs)


if __name__ == "__main__":
    main()
