"""The same jobs under Debian's slurmctld with Debian's slurmd and with flurmnd: environment, streams, messages, states
and exit codes must be the same."""

import socket
import unittest

from peer import AllReal, Peer, USER, normal
from cluster import main, wait_for

EXTRA = "PropagateResourceLimits=ALL\nJobAcctGatherType=jobacct_gather/linux\n"
WHAT_A_JOB_SEES = "env | sort; pwd; umask; id; ulimit -a; readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2; ls /proc/$$/fd; cat"
LOOK = ("JobState", "Reason", "ExitCode", "Restarts", "NodeList")


def sees(c, name, *options, **more):
    """Submits a job that prints what it sees; returns that."""
    job = c.submit("-o", f"{c.work}/{name}", *options, script=WHAT_A_JOB_SEES, user=USER, **more)
    c.wait_state(job, "COMPLETED")
    return normal(c.read(name), c)


def plain(c):
    return sees(c, "plain", "-n3", "-c2", "--mem=50", "-J", "a name", "--nice=5", env={"FOO": "a b", "HOME": "/tmp"})


def several_nodes(c):
    return sees(c, "nodes", "-N2", "-n3", "--mem-per-cpu=20", "--exclusive")


def array_without_environment(c):
    job = c.submit("-o", f"{c.work}/%A_%3a_%x_%u_%N_%n_%s_%t", "--array=3", "--export=NONE", "-J", "nm",
                   script=WHAT_A_JOB_SEES, user=USER)
    c.wait_state(job + "_3", "COMPLETED")
    return normal(c.read(f"{job}_003_nm_{USER}_{socket.gethostname().split('.')[0]}_0_batch_0"), c)


def arguments_and_streams(c):
    with open(f"{c.work}/in", "w") as file:
        file.write("input\n")
    with open(f"{c.work}/script", "w") as file:
        file.write("#!/bin/bash\n#SBATCH -J x\necho \"$@\"; cat; echo err >&2\n")
    job = c.run("sbatch", "--parsable", "-i", "in", "-o", "out.%j", "-e", "err.%j", "script", "a b", "c", user=USER).strip()
    c.wait_state(job, "COMPLETED")
    again = c.run("sbatch", "--parsable", "-i", "in", "-o", f"out.{job}", "--open-mode=append", "script", "d", user=USER).strip()
    c.wait_state(again, "COMPLETED")
    return c.read(f"out.{job}") + "|" + c.read(f"err.{job}")


def outcome(c, name, *options, during=None, states=("COMPLETED", "FAILED", "CANCELLED"), **more):
    """State and messages of a job; `during` is called while it runs."""
    job = c.submit("-o", f"{c.work}/{name}", *options, user=USER, **more)
    if during:
        c.wait_state(job, "RUNNING")
        c.wait_text(name, "up")
        during(job)
    c.wait_state(job, *states)
    # Why a job waits is known only after the planner's next pass.
    record = wait_for(lambda: (lambda now: now["Reason"] != "None" and now)(c.job(job)), 20, f"reason of {job}") \
        if "PENDING" in states else c.job(job)
    try:
        text = normal(c.read(name), c)
    except OSError:
        text = "no file"
    if "PENDING" in states:
        c.run("scancel", job)
    return [record[key] for key in LOOK if key != "NodeList"], text.replace(f"JOB {job} ON {record['NodeList']}", "JOB")


# One process: a shell that outlives its child by a moment says "Terminated", and signals come to both in any order.
SLEEPER = "echo up; exec sleep 60"


CASES = {
    "exit code": lambda c: outcome(c, "code", "--wrap", "exit 7"),
    "signal": lambda c: outcome(c, "signal", "--wrap", "kill -USR1 $$"),
    "no directory": lambda c: outcome(c, "nodir", "-D", "/nonexist", "--wrap", "pwd")[0],
    "no output file": lambda c: outcome(c, "nofile", "-o", "/nonexist/x", "--wrap", "true"),
    "no interpreter": lambda c: bad_interpreter(c),
    "cancelled": lambda c: outcome(c, "cancel", script=SLEEPER, during=lambda job: c.run("scancel", job)),
    "signalled": lambda c: outcome(c, "usr1", script="trap 'echo got; exit 5' USR1; echo up; sleep 60 & wait",
                                   during=lambda job: c.run("scancel", "-b", "-s", "USR1", job)),
    "killed shell": lambda c: outcome(c, "term", script="echo up; sleep 60; exit 0", during=lambda job: c.run("scancel", "-b", "-s", "TERM", job)),
    "requeued": lambda c: outcome(c, "requeue", script=SLEEPER, during=lambda job: c.run("scontrol", "requeue", job),
                                  states=("PENDING",)),
    "held again": lambda c: outcome(c, "hold", script=SLEEPER, during=lambda job: c.run("scontrol", "requeuehold", job),
                                    states=("PENDING",)),
    "notified": lambda c: outcome(c, "notify", script="echo up; until grep -q hello notify; do sleep 0.1; done",
                                  during=lambda job: c.run("scontrol", "notify", job, "hello there")),
    "left behind": lambda c: outcome(c, "behind", script="setsid sleep 300 & exit 2"),
}


def bad_interpreter(c):
    with open(f"{c.work}/bad", "w") as file:
        file.write("#!/no/such\n")
    job = c.run("sbatch", "--parsable", "-o", "bad.out", "bad", user=USER).strip()
    record = c.wait_state(job, "FAILED")
    return [record[key] for key in LOOK[:-1]], normal(c.read("bad.out"), c)


class Same(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.real = AllReal(2, EXTRA).__enter__()
        try:
            cls.ours = Peer(2, EXTRA).__enter__()
        except BaseException:
            cls.real.__exit__()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.ours.__exit__()
        cls.real.__exit__()

    def same(self, look):
        self.assertEqual(look(self.ours), look(self.real))

    def test_environment_of_a_plain_job(self):
        self.same(plain)

    def test_environment_on_several_nodes(self):
        self.same(several_nodes)

    def test_login_environment_of_an_array_task(self):
        self.same(array_without_environment)

    def test_arguments_and_streams(self):
        self.same(arguments_and_streams)

    def test_outcomes(self):
        for name, case in CASES.items():
            with self.subTest(name):
                self.same(case)

    def test_show_node(self):
        keys = ("NodeName", "Arch", "CoresPerSocket", "CPUTot", "NodeHostName", "OS", "RealMemory", "Sockets", "Boards",
                "ThreadsPerCore", "TmpDisk", "State")
        self.same(lambda c: wait_for(lambda: (lambda n: n["State"] == "IDLE" and [n[key] for key in keys])(c.node("n1")), 20))


if __name__ == "__main__":
    main()
