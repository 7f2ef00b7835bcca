"""Every verb of `scontrol`, and what each `show` says, on a cluster of ours and on Debian's slurmctld and slurmd of the same
configuration: what is printed, what is refused and with which words, and the exit code."""

import os
import re
import shutil
import unittest

from cluster import Cluster, main, need_slurms_nodes

EXTRA = "Licenses=lic:4\n"

# Lines that are other in any two clusters: moments, paths, ports, process ids, what was measured.
OTHER = [
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "MOMENT"),
    (r"/tmp/flurm-[^/\s]*", "DIR"),
    (r"\bPort=\d+", "Port=N"),
    (r"\b(CPULoad|FreeMem|AllocNode:Sid|RunTime|LastSchedEval|Version|OS|UserId|GroupId)=\S*", r"\1=N"),
    (r"(Last slurmctld msg time|Slurmd PID|Version|Active Steps|Boot time|Actual.*|Hostname|Slurmd (?:Debug|Logfile)|Now|Start time)(\s*=).*", r"\1\2 N"),
]


def settled(text):
    for pattern, instead in OTHER:
        text = re.sub(pattern, instead, text)
    return text


class ScontrolVerbs(unittest.TestCase):
    maxDiff = None

    # Verbs that need nothing, in the order in which both clusters get them. Each is a line of words.
    VERBS = """
        --version
        version
        ping
        show bbstat
        show dwstat
        show burstbuffer
        show federation
        show frontend
        show topology
        show topology n1
        show topo nosuch
        show license
        show licenses lic
        show license nosuch
        show reservation
        show reservation nosuch
        show hostlist n1,n2,n7
        show hostlistsorted n7,n1
        show hostnames n[1-3]
        show aliases n1
        show aliases nosuch
        show daemons
        show partition nosuch
        show node nosuch
        show node n1,nosuch
        show job 4711
        show step 4711.0
        show slurmd
        show slurmd n2
        show slurmd nosuch
        show assoc_mgr
        show nosuch
        show
        show powercap
        show layouts
        show cache
        show events
        show config extra words
        completing
        errnumstr 2017
        errnumstr 2
        errnumstr words
        errnumstr
        token
        token username=root lifespan=10
        token lifespan=infinite
        hold
        hold 4711
        hold jobname=nosuch
        uhold 4711
        holdu 4711
        release 4711
        release jobname=nosuch
        requeue 4711
        requeuehold 4711
        requeue State=SpecialExit 4711
        top 4711
        top words
        wait_job 4711
        wait_job words
        wait_job
        notify 4711 hello
        notify 4711
        notify words hello
        pidinfo 1
        pidinfo
        listpids
        listpids 4711
        listpids 4711.0
        listpids 4711 n2
        getent n1
        callerid 1.1.1.1 1 2.2.2.2 2 4
        setdebug info
        setdebug 3
        setdebug verbose
        setdebug info
        setdebug nosuch
        setdebug 12
        setdebug info nodes=n1
        setdebugflags +Backfill
        setdebugflags -Backfill
        setdebugflags +NoSuch
        setdebugflags Backfill
        schedloglevel enable
        schedloglevel 0
        schedloglevel nosuch
        fsdampeningfactor 2
        fsdampeningfactor 0
        fsdampeningfactor words
        takeover
        takeover 1
        takeover 7
        write
        write batch_script 4711
        write nosuch
        cancel_reboot n1
        cancel_reboot nosuch
        reboot nosuch
        create
        create nosuch=1
        create nodename=n2
        create partitionname=debug
        create reservation
        create reservation=r duration=10
        create reservation=r starttime=now duration=10 users=nosuch nodes=n1
        create reservation=r starttime=now duration=10 users=root nodes=nosuch
        delete
        delete nosuch=1
        delete jobid=1
        delete partitionname=nosuch
        delete reservationname=nosuch
        delete nodename=nosuch
        update
        update nosuch=1
        update jobid=4711 priority=5
        update jobid=words priority=5
        update stepid=4711.0 timelimit=5
        update nodename=nosuch state=resume
        update nodename=n1 state=nosuch
        update nodename=n1 state=down
        update nodename=n1 weight=5
        update nodename=n1 weight=words
        update nodename=n1 comment=some
        update nodename=n1 extra=more
        update nodename=n1 activefeatures=some
        update nodename=n1 availablefeatures=some
        update nodename=n1 cpubind=core
        update nodename=n1 cpubind=nosuch
        update nodename=n1 nodeaddr=127.0.0.1
        update nodename=n1 state=drain
        update nodename=n1 state=drain reason=words
        update nodename=n1 state=undrain
        update nodename=n1 state=fail reason=words
        update nodename=n1 state=resume
        update nodename=n1 state=idle
        update nodename=n1 state=power_up
        update nodename=n1 state=power_down
        update nodename=n1 state=resume
        update nodename=n1 resumeafter=60
        update partitionname=nosuch state=up
        update partitionname=debug state=nosuch
        update partitionname=debug maxtime=words
        update partitionname=debug nodes=nosuch
        update partitionname=debug allowgroups=nosuch
        update reservationname=nosuch duration=5
        update frontendname=nosuch state=resume
        update suspendexcnodes=n1
        update powercap=10
        update burstbuffer=x
        nosuch
        shutdown nosuch
        reconfigure extra words
    """

    @classmethod
    def setUpClass(cls):
        if not shutil.which("slurmctld", path="/usr/sbin"):
            raise unittest.SkipTest("needs Debian's slurmctld to compare with")
        need_slurms_nodes()
        cls.both = [Cluster(nodes=3, extra=EXTRA, real=real).__enter__() for real in (False, True)]

    @classmethod
    def tearDownClass(cls):
        for cluster in cls.both:
            cluster.__exit__()

    def same(self, *words, **options):
        """Gives both the words, and returns what Slurm's said."""
        ours, theirs = (cluster.try_run("scontrol", *words, **options) for cluster in self.both)
        with self.subTest(scontrol=" ".join(words), **options):
            self.assertEqual(settled(theirs.stdout), settled(ours.stdout), "Slurm's is the first")
            self.assertEqual(settled(theirs.stderr), settled(ours.stderr), "Slurm's is the first")
            self.assertEqual(theirs.returncode, ours.returncode, "Slurm's is the first")
        return theirs

    def test_verbs(self):
        for line in self.VERBS.split("\n"):
            if line.strip():
                self.same(*line.split())

    def test_verbs_about_jobs(self):
        running = [cluster.submit("-w", "n2", "-n1", "-J", "run", "-o", "said.%j", "--wrap", "sleep 300") for cluster in self.both]
        held = [cluster.submit("-n1", "-J", "held", "--hold", "--begin=now+1hour", "--wrap", "true") for cluster in self.both]
        array = [cluster.submit("-n1", "--array=1-3", "-J", "many", "--hold", "--begin=now+1hour", "--wrap", "true") for cluster in self.both]
        self.assertEqual(len({*zip(running, held, array)}), 1, "the same job ids")
        for cluster, job in zip(self.both, running):
            cluster.wait_state(job, "RUNNING")
        names = {"RUN": running[0], "HELD": held[0], "MANY": array[0]}
        for line in self.ABOUT_JOBS.split("\n"):
            words = re.sub("RUN|HELD|MANY", lambda found: names[found[0]], line).split()
            if words:
                self.same(*words)
        self.same("update", f"jobid={running[0]}", "timelimit=5", user="nobody")
        self.same("suspend", running[0], user="nobody")
        self.same("uhold", held[0], user="nobody")
        self.same("setdebug", "info", user="nobody")
        self.same("reconfigure", user="nobody")
        self.same("update", "nodename=n1", "state=resume", user="nobody")
        self.same("fsdampeningfactor", "3", user="nobody")
        for cluster in self.both:
            cluster.run("scancel", running[0], held[0], array[0])

    ABOUT_JOBS = """
        wait_job RUN
        notify RUN hello there
        top RUN
        write batch_script RUN -
        write batch_script RUN /dev/null
        write batch_script HELD -
        hold RUN
        uhold HELD
        release HELD
        uhold MANY
        uhold MANY_2
        release MANY_2
        hold MANY
        release jobname=many
        hold jobname=many
        suspend HELD
        resume RUN
        suspend RUN
        resume RUN
        requeue HELD
        update jobid=RUN timelimit=5
        update jobid=RUN numcpus=90
        update jobid=RUN nosuch=1
        update jobid=HELD partition=nosuch
        update jobid=HELD dependency=afterok:RUN
        update jobid=HELD dependency=nosuch
        update jobid=HELD dependency=
        update jobid=HELD licenses=nosuch
        update jobid=HELD licenses=lic:2
        update jobid=HELD features=nosuch
        update jobid=HELD reqnodelist=nosuch
        update jobid=HELD starttime=words
        update jobid=HELD account=a
        update jobid=HELD jobname=other nice=5 comment=some
        update jobid=HELD gres=nosuch:1
        update jobid=MANY arraytaskthrottle=2
        update jobid=RUN arraytaskthrottle=2
        update stepid=RUN.batch timelimit=5
        update stepid=RUN.7 timelimit=5
        show step RUN.7
        show job RUN.7
    """


if __name__ == "__main__":
    main()
