"""Accounting of flurmctld: what it tells flurmdbd, and Debian's slurmdbd, of jobs, steps, nodes and reservations.

What sacct prints for the same jobs is kept in accounting.jobs.expected and accounting.fates.expected, made with Debian's
slurmctld and slurmdbd (see test_accounting.py).
"""

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
import unittest

import cluster
import test_accounting
from accounted import ORACLE, Accounted
from cluster import fields, kill, main, wait_for


class Jobs(test_accounting.Jobs):
    def cluster(self, **options):
        return super().cluster(ours=True, **options)

    @unittest.skipIf(ORACLE, "ours")
    def test_slurmdbd_is_told_the_same(self):
        with self.cluster(slurmdbd=True) as c:
            self.compare("jobs", self.jobs(c))


class Fates(test_accounting.AsSlurmdbd):
    """Ways in which jobs and steps come to an end, each with the records that it leaves."""

    EXTRA = "PrologFlags=Contain\nKillWait=1\nGresTypes=gpu\n"

    def told(self, c, title, *jobs, runs=1):
        """`runs`: of all jobs together, tasks of arrays and components apart."""

        def cleaned_up():
            # What the extern step used is told when the nodes have cleaned up, after the job's end. Until then sacct gives the
            # step the job's end and state, and no usage: slurmctld's and slurmdbd's do the same.
            left = c.squeue("%i", "-t", "COMPLETING")
            return not left and re.search(r"DBD Agent queue size: +0$", c.run("sdiag"), re.M)

        def over():
            rows = c.sacct("-a", "-D", "-S", "now-1hour", "-j", ",".join(jobs), form="JobID,JobName,End")
            # slurmctld tells the end of a job at once, and how it began some seconds later.
            ended = all(row["End"] != "Unknown" and row["JobName"] != "allocation" for row in rows)
            return ended and len([row for row in rows if "." not in row["JobID"]]) == runs

        wait_for(cleaned_up, 30, f"the end of {title}")
        wait_for(over, 30, f"the records of {title}")
        self.keep(c, title, *jobs)

    def keep(self, c, title, *jobs):
        c.jobs_before = int(jobs[0]) - 1
        records = test_accounting.ledger(c, title, "-a", "-D", "-j", ",".join(jobs), "-S", "now-1hour")
        # Energy nobody measures; whether Slurm says 0 or nothing depends on which step ends last. Accounts and QOS are not
        # what this is about.
        self.text += re.sub(r"\b(ConsumedEnergy|ConsumedEnergyRaw|Account|QOS|QOSRAW)=\S+ ?", "", records)

    def stands_still(self, c, output):
        before = c.read(output)
        time.sleep(0.5)
        return c.read(output) == before

    def fates(self, c):
        self.text = ""
        whole = c.submit("-N1", "-n2", "-o", "/dev/null", "--wrap", "srun -n2 sh -c 'exit 3'; srun -J second true; srun -n1 sh -c 'kill -9 $$'; exit 4")
        c.wait_end(whole)
        self.told(c, "steps", whole)
        killed = c.submit("-n1", "-o", "/dev/null", "--wrap", "srun sleep 100; exit 0")
        wait_for(lambda: killed + ".0" in c.run("squeue", "-h", "-s", "-o", "%i"), 20, "a step")
        c.run("scancel", killed + ".0")
        c.wait_end(killed)
        self.told(c, "killed step", killed)
        het = c.submit("-n1", "-J", "left", ":", "-n2", "-J", "right", "-o", "/dev/null", "--wrap", "srun --het-group=0,1 true")
        c.wait_end(het)
        self.told(c, "heterogeneous", het, runs=2)
        held = c.submit("--hold", "--array=1-4", "-o", "/dev/null", "--wrap", "true")
        c.run("scontrol", "update", f"jobid={held}", "name=renamed", "comment=new")
        c.run("scontrol", "release", held)
        c.wait_end(held)
        wait_for(lambda: not c.squeue("%i"), 30, "the end of the array")
        self.told(c, "array", held, runs=4)
        later = c.submit("--begin=now+1hour", "--wrap", "true")
        c.run("scontrol", "update", f"jobid={later}", "TimeLimit=7")
        wait_for(lambda: c.sacct("-j", later, "-X"), 30, "what waits")
        c.run("scancel", later)
        self.told(c, "waiting", later)
        lost = c.submit("--no-requeue", "-w", "n2", "-o", "/dev/null", "--wrap", "sleep 100")
        again = '[ -n "$SLURM_RESTART_COUNT" ] || sleep 300'
        back = c.submit("--requeue", "-w", "n2", "-o", "/dev/null", script=again)
        for job in (lost, back):
            c.wait_state(job, "RUNNING")
        c.run("scontrol", "update", "node=n2", "state=down", "reason=for tests")
        wait_for(lambda: c.state(back) == "PENDING" and c.state(lost) == "NODE_FAIL", 30, "what a lost node leaves")
        c.try_run("scontrol", "update", "node=n2", "state=resume")  # unless it has registered again
        wait_for(lambda: "IDLE" in c.node("n2")["State"], 30, "the node")
        c.run("scontrol", "update", f"jobid={back}", "ReqNodeList=n1", "StartTime=now")
        c.wait_state(back, "COMPLETED", seconds=60)
        self.told(c, "lost node", lost, back, runs=3)
        paused = c.submit("-o", "ticks", "--wrap", "while sleep 0.05; do echo; done")
        c.wait_text("ticks", "\n")
        c.run("scontrol", "suspend", paused)
        c.wait_state(paused, "SUSPENDED")
        # A job whose node has not heard of that is not killed, but asked to end.
        wait_for(lambda: self.stands_still(c, "ticks"), 30, "the stop")
        c.run("scancel", paused)
        c.wait_end(paused)
        self.told(c, "suspended", paused)
        done = c.submit("-o", "/dev/null", "--wrap", "true")
        c.wait_end(done)
        c.run("scontrol", "requeuehold", done)
        c.wait_state(done, "PENDING")
        wait_for(lambda: c.job(done)["RunTime"] == "00:00:00", 20, "its next run")
        c.run("scontrol", "release", done)
        c.run("scontrol", "update", f"jobid={done}", "StartTime=now")
        c.wait_state(done, "COMPLETED", seconds=60)
        self.told(c, "requeued", done, runs=2)
        c.run("salloc", "-n1", "-J", "room", "srun", "true")
        room = wait_for(lambda: c.sacct("-a", "--name=room", "-X", "-S", "now-1hour"), 20, "the allocation")[0]["JobID"]
        self.told(c, "allocation", room)
        stuck = c.submit("-w", "n1", "-o", "/dev/null", "--wrap", "sleep 100")
        c.wait_state(stuck, "RUNNING")
        wait_for(lambda: [row["State"] for row in c.sacct("-j", stuck)] == ["RUNNING"] * 3, 30, "records of steps")
        node = c.pid("n1")
        os.kill(node, signal.SIGSTOP)
        try:
            c.run("scancel", stuck)
            wait_for(lambda: c.sacct("-j", stuck, "-X")[0]["End"] != "Unknown", 30, "the end")
            self.keep(c, "cleaning up", stuck)
        finally:
            os.kill(node, signal.SIGCONT)
        self.told(c, "cleaned up", stuck)
        events = c.table("event", "format=cluster,nodename,state,reason,user")
        self.text += "== events\n" + "".join(f"{event}\n" for event in events)
        return self.text

    def test_sacct_says_what_it_says_with_slurmctld(self):
        with Accounted(2, extra=self.EXTRA, ours=True) as c:
            self.compare("fates", self.fates(c))

    @unittest.skipIf(ORACLE, "ours")
    def test_slurmdbd_is_told_the_same(self):
        with Accounted(2, extra=self.EXTRA, ours=True, slurmdbd=True) as c:
            self.compare("fates", self.fates(c))


class Resized(Fates):
    """Jobs that change their size: a record for each."""

    EXTRA = Fates.EXTRA + "SchedulerParameters=permit_job_expansion\n"

    def fates(self, c):
        self.text = ""
        job = c.submit("-N2", "-n2", "-o", "ranks", "--wrap", "srun sh -c 'echo on $SLURMD_NODENAME; sleep 100'")
        c.wait_text("ranks", "on n2")
        self.recorded(c, job, 4)
        time.sleep(1)  # records are told apart by the second in which they begin
        c.run("scontrol", "update", "jobid=" + job, "ReqNodeList=n1")
        wait_for(lambda: len(c.sacct("-D", "-X", "-j", job)) == 2, 30, "the second record")
        self.keep(c, "fewer nodes", job)
        c.run("srun", "--overlap", "--jobid=" + job, "-J", "later", "true")
        time.sleep(1)
        c.run("scancel", job)
        c.wait_end(job)
        self.told(c, "fewer nodes, and over", job, runs=2)
        return self.text

    def recorded(self, c, job, rows):
        wait_for(lambda: len([row for row in c.sacct("-j", job) if row["State"] == "RUNNING"]) == rows, 30, "records")

    def test_sacct_says_what_it_says_with_slurmctld(self):
        with Accounted(2, extra=self.EXTRA, ours=True) as c:
            self.compare("resized", self.fates(c))
            if not ORACLE:  # in which the job that gave all away never ends
                self.gives_all_away(c)

    @unittest.skipIf(ORACLE, "ours")
    def test_slurmdbd_is_told_the_same(self):
        with Accounted(2, extra=self.EXTRA, ours=True, slurmdbd=True) as c:
            self.compare("resized", self.fates(c))

    def gives_all_away(self, c):
        with open(c.dir + "/etc/slurm.conf") as file:
            text = file.read()
        with open(c.dir + "/etc/slurm.conf", "w") as file:
            file.write(text.replace("PrologFlags=Contain", ""))  # nor has it an extern step
        c.run("scontrol", "reconfigure")
        allocate = ("salloc", "--no-shell", "-N1")
        job = re.search(r"allocation (\d+)", c.try_run(*allocate, "-w", "n1").stderr)[1]
        more = re.search(r"allocation (\d+)", c.try_run(*allocate, "-w", "n2", "-d", "expand:" + job).stderr)[1]
        c.run("scontrol", "update", "jobid=" + more, "NumNodes=0")
        c.run("scancel", job)
        c.wait_end(job)
        form = "JobID,State,NodeList,AllocTRES"
        told = lambda: [list(row.values()) for row in c.sacct("-D", "-X", "-j", f"{job},{more}", form=form)]
        one, two = ("billing=%d,cpu=%d,mem=%s,node=%d" % what for what in ((1, 1, "256M", 1), (2, 2, "512M", 2)))
        wait_for(lambda: len(told()) == 4 and "RUNNING" not in str(told()), 30, "four records")
        self.assertEqual(sorted(told()), sorted([
            [job, "RESIZING", "n1", one], [job, "CANCELLED by 0", "n[1-2]", two],
            [more, "RESIZING", "n2", one], [more, "COMPLETED", "None assigned", ""]]))
        self.assertNotIn("Unknown", [row["End"] for row in c.sacct("-D", "-X", "-j", f"{job},{more}")])


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

    def status(self, c):
        return json.loads(c.run(c.bin + "/flurm", "cluster", "status", "--json", "--dir", c.dir))["accounting"]

    def test_the_daemon_is_away_while_jobs_run(self):
        with Accounted(1, ours=True) as c:
            jobs = self.work(c)
            for job in jobs:
                c.wait_end(job)
            kill(c.pid("flurmdbd"))
            jobs += self.work(c)
            for job in jobs[3:]:
                c.wait_end(job)
            self.assertRegex(c.run("sdiag"), r"DBD Agent queue size: +[1-9]")
            wait_for(lambda: self.status(c)["connected"] is False, 30, "that the daemon is missed")
            self.assertGreater(self.status(c)["waiting"], 0)
            kill(c.pid("flurmctld"))  # it remembers
            c.local_up()
            self.all_once(c, jobs)
            wait_for(lambda: self.status(c) == {"waiting": 0, "connected": True}, 30, "an empty queue")

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

    def test_kills_of_everything_in_turn(self):
        """FLURM_ROUNDS kills of the leading controller, of flurmdbd and of its database, while jobs come and end. What the
        controllers say of their jobs afterwards is what the database says of them."""
        chance = random.Random(os.environ.get("FLURM_SEED"))
        with Accounted(2, ours=True, controllers=3, extra="MinJobAge=3600\n") as c:
            stop, printed = threading.Event(), []

            def submit():
                while not stop.is_set():
                    done = c.try_run("sbatch", "--parsable", "-o", "out.%j", "--mem=1", "--wrap", "srun --mem=0 true; exit $((SLURM_JOB_ID % 3))")
                    if done.returncode == 0:
                        printed.append(done.stdout.strip())
                    stop.wait(0.3)

            threads = [threading.Thread(target=submit) for _ in range(2)]
            for thread in threads:
                thread.start()
            try:
                for round_ in range(int(os.environ.get("FLURM_ROUNDS") or 3)):
                    self.kill_one(c, ("leader", "flurmdbd", "database" if c.database else "flurmdbd")[round_ % 3])
                    stop.wait(chance.uniform(0.5, 3))
                    c.local_up()
                    stop.wait(chance.uniform(0.5, 3))
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.records_are_the_jobs(c, printed)

    def kill_one(self, c, victim):
        if victim == "database":
            c.database.stop()
            c.database.run()
            return
        if victim == "leader":
            victim = wait_for(lambda: self.leader(c), 10, "a leader")
        kill(c.pid(victim))

    def leader(self, c):
        done = subprocess.run([c.bin + "/flurm", "cluster", "status", "--json", "--dir", c.dir], capture_output=True, text=True, timeout=30)
        return next((row["name"] for row in json.loads(done.stdout)["details"] if row.get("leads")), None)

    def records_are_the_jobs(self, c, printed):
        names = "JobID", "State", "ExitCode", "Submit", "Start", "End"

        def of_controllers():
            rows = [fields(line) for line in c.run("scontrol", "-o", "show", "job").splitlines()]
            return sorted((row["JobId"], row["JobState"], row["ExitCode"], row["SubmitTime"], row["StartTime"], row["EndTime"]) for row in rows)

        wait_for(lambda: all(row[1] in cluster.ENDED for row in of_controllers()), 120, "all jobs ended")
        jobs = of_controllers()
        self.assertEqual(set(printed) - {row[0] for row in jobs}, set(), "acknowledged, and gone")
        self.assertGreater(len(jobs), 3)

        def of_database(step=""):
            rows = c.sacct("-a", "-D", "-S", "now-1hour", form=",".join(names))
            return sorted(tuple(row[name].removesuffix(step) for name in names) for row in rows
                          if row["JobID"].endswith(step) and (step or "." not in row["JobID"]))

        try:
            wait_for(lambda: of_database() == jobs, 90, "the records of all jobs")
        except AssertionError:
            self.assertEqual(of_database(), jobs)
        # An srun whose controller dies under it says so and gives up.
        stepped = [row[0] for row in jobs if not c.read("out." + row[0])]
        self.assertEqual([row[0] for row in of_database(".batch")], [row[0] for row in jobs])
        self.assertEqual([row[0] for row in of_database(".0")], stepped)


if __name__ == "__main__":
    main()
