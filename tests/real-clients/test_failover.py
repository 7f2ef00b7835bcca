"""Controllers are killed, frozen and cut off at random while Slurm's clients work through the others. Nothing that was
acknowledged may be lost, nothing may happen twice, and everybody sees one history: some order of all operations on a job
explains what every client was told (linear.py).

Every second leader that falls does so in a burst of submissions, and is for its last moments not heard by the controller that
they come through: some were done, and nobody was told.

FLURM_ROUNDS: how many faults (12). What they cost is printed, never asserted.
"""

import bisect
import contextlib
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

from cluster import REAL, REAL_CONTROLLER, wait_for
from field import Field, can_make_namespaces
from linear import NEW_JOB, Op, explain, job_step, wrong_end

ROUNDS = int(os.environ.get("FLURM_ROUNDS", "12"))
SEED = int(os.environ.get("FLURM_SEED", str(os.getpid())))


# Jobs that all clients write to, and how many operations each of them takes.
SHARED, OPERATIONS = 4, 60
MUTE_S = 0.1  # less than makes a follower look for another leader
BURST = 10
STEADY_S = 0.5  # a client that reads all the time has had an answer since


class History:
    """What each client did: when it began and ended, and what it was told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.jobs = {}      # id: operations on it
        self.twice = []     # ids that were told to two clients
        self.failures = []  # commands that failed although their controller was untouched
        self.faults = []    # (time, kind, victim, was leader)
        self.calls = []     # (begin, end, writes)
        self.unknown = 0    # submissions of which nobody knows whether they arrived

    def add(self, job, op):
        with self.lock:
            self.jobs[job].append(op)


class Failover(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.field = Field(nodes=8, extra="MinJobAge=36000\nMaxJobCount=100000\nMessageTimeout=10\n")
        try:
            cls.field.up()
        except BaseException:
            cls.field.__exit__()
            raise
        cls.addClassCleanup(cls.field.__exit__)

    def setUp(self):
        self.history = History()
        self.ended = threading.Event()
        self.room = threading.Event()  # few jobs wait
        self.down = {}  # controllers that something happens to
        self.shared = []
        self.begun = self.field.work + "/begun"
        self.script = f"#!/bin/sh\necho $SLURM_JOB_ID >> {self.begun}\n"

    def call(self, dice, *argv, writes, stdin=None, name=None):
        """One command through a controller that nothing happens to: (when it began, when it ended, what it said). It says
        None when its outcome is not known; then it has no end either."""
        name = name or dice.choice([each for each in self.field.names if each not in self.down])
        begin = time.monotonic()
        done = self.call_through(name, *argv, stdin=stdin)
        end = time.monotonic()
        touched = any(victim == name and at < end for at, _, victim, _ in self.history.faults
                      if at > begin - 3) or name in self.down
        good = done is not None and done.returncode == 0
        with self.history.lock:
            if not touched:
                self.history.calls.append((begin, end, writes))
            if not good and not touched:
                self.history.failures.append((name, argv, done and done.stderr, round(begin - self.begin, 2), round(end - begin, 2)))
        return (begin, end, done.stdout) if good else (begin, None, None)

    def call_through(self, name, *argv, stdin=None):
        try:
            return self.field.try_run(*argv, stdin=stdin, env={"SLURM_CONF": self.field.only_conf(name)}, timeout=30)
        except subprocess.TimeoutExpired:
            return None

    def client(self, seed):
        dice = random.Random(seed)
        own = []
        writes = 0
        while not self.ended.is_set():
            what = dice.random()
            if what < 0.4 or not own:
                # More than the nodes can take would only make a queue.
                if len(own) > 20 and not self.room.is_set():
                    self.ended.wait(0.1)
                    continue
                if job := self.submit(dice):
                    own.append(job)
                continue
            with self.history.lock:
                job = dice.choice(self.shared if self.shared and dice.random() < 0.5 else own)
            if what < 0.6:
                writes += 1
                value = f"w{seed}-{writes}"
                begin, end, _ = self.call(dice, "scontrol", "update", f"jobid={job}", f"comment={value}", writes=True)
                self.history.add(job, Op(begin, end, "write", value))
            elif what < 0.67:
                begin, end, _ = self.call(dice, "scancel", job, writes=True)
                self.history.add(job, Op(begin, end, "cancel", None))
            elif what < 0.85:
                self.look(job, *self.call(dice, "scontrol", "-o", "show", "job", job, writes=False))
            else:
                self.look(job, *self.call(dice, *self.squeue(job), writes=False))

    def submit(self, dice, name=None):
        sleep = dice.choice(["0", "0.3", "2"])
        _, end, said = self.call(dice, "sbatch", "--parsable", "-o", "/dev/null", "--mem=1", writes=True,
                                 stdin=self.script + f"sleep {sleep}\n", name=name)
        with self.history.lock:
            if end is None:
                self.history.unknown += 1
                return None
            job = said.strip()
            if job in self.history.jobs:
                self.history.twice.append(job)
            self.history.jobs[job] = []
            self.shared = [each for each in self.shared if len(self.history.jobs[each]) < OPERATIONS]
            if len(self.shared) < SHARED:
                self.shared.append(job)
            return job

    @staticmethod
    def squeue(*jobs):
        return ("squeue", "-h", "-t", "all", "-o", "JobId=%i JobState=%T Comment=%k ") + (("-j", ",".join(jobs)) if jobs else ())

    def look(self, job, begin, end, said):
        """Keeps what somebody saw of the job, of whatever said it."""
        if end is None:
            return
        state = re.search(r"\bJobState=(\w+)", said)
        comment = re.search(r"\bComment=(w\S*)", said)
        if not state:
            self.history.failures.append(("no such job", job, said[:200]))
            return
        self.history.add(job, Op(begin, end, "read", (comment.group(1) if comment else "", state.group(1) in ("PENDING", "RUNNING"))))

    def test_nothing_is_lost_and_nothing_happens_twice(self):
        dice = random.Random(SEED)
        print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
        field, history = self.field, self.history
        styles = itertools.cycle(["", " in a burst"])
        self.begin = time.monotonic()
        readers = {name: self.start_reader(name) for name in field.names}
        clients = [threading.Thread(target=self.client, args=(SEED * 100 + n,)) for n in range(8)]
        clients.append(threading.Thread(target=self.watch_queue))
        for thread in clients:
            thread.start()
        try:
            for _ in range(ROUNDS):
                time.sleep(dice.uniform(1.0, 2.0))
                leader = wait_for(field.leader, 10, "a leader")
                followers = [name for name in field.names if name != leader]
                victim = leader if dice.random() < 0.5 else dice.choice(followers)
                fault = dice.choice([field.kill, field.freeze, field.cut])
                style = next(styles) if victim == leader else ""
                with self.burst_into_silence(dice, leader, dice.choice(followers)) if style else contextlib.nullcontext():
                    self.down[victim] = True
                    history.faults.append((time.monotonic(), fault.__name__ + style, victim, victim == leader))
                    undo = fault(victim)
                    time.sleep(dice.uniform(1.0, 2.0))
                undo()
                if fault == field.freeze:
                    self.ask_the_woken(victim)
                self.serves(victim)
                del self.down[victim]
        finally:
            self.ended.set()
            for thread in clients:
                thread.join()
            for reader in readers.values():
                reader.kill()
                reader.wait()
        self.check()
        self.report()

    def start_reader(self, name):
        with open(f"{self.field.dir}/log/reader.{name}", "w") as out:
            return subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "reader.py")], stdout=out,
                                    env={**os.environ, "SLURM_CONF": self.field.only_conf(name)})

    def answered(self, name):
        """When reads through this controller succeeded."""
        with open(f"{self.field.dir}/log/reader.{name}") as file:
            ends = [line.split()[1] for line in file if line.endswith("\n")]
        return [float(end) for end in ends if end != "-"]

    @contextlib.contextmanager
    def burst_into_silence(self, dice, leader, deaf):
        """Submissions come to `deaf` all at once, and while they are under way it hears the leader no more."""
        munged = self.field.process["munged"]
        munged.send_signal(signal.SIGSTOP)  # clients get as far as their credential
        clients = [threading.Thread(target=self.submit, args=(dice, deaf)) for _ in range(BURST)]
        for thread in clients:
            thread.start()
        time.sleep(0.25)
        munged.send_signal(signal.SIGCONT)
        time.sleep(dice.uniform(0.005, 0.04))
        unmute = self.field.mute(leader, deaf)
        time.sleep(MUTE_S)
        yield
        unmute()
        for thread in clients:
            thread.join()

    def ask_the_woken(self, name):
        """It may believe that it still leads. Whatever it answers must be true."""
        for job in list(self.shared):
            begin = time.monotonic()
            done = self.call_through(name, "scontrol", "-o", "show", "job", job)
            if done is not None and done.returncode == 0:
                self.look(job, begin, time.monotonic(), done.stdout)

    def watch_queue(self):
        while not self.ended.wait(1):
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                waiting = len(self.field.squeue("%i", "-t", "pending"))
                (self.room.set if waiting < 50 else self.room.clear)()

    def queue_empties(self):
        """Ends when nothing is left; fails when nothing moves any more."""
        left, since = None, time.monotonic()
        while True:
            now = sorted(self.field.squeue("%i %T %r %N"))
            if not now:
                return
            if now != left:
                left, since = now, time.monotonic()
            if time.monotonic() - since > 60:
                raise AssertionError(f"{len(left)} jobs do not move: {left[:10]}")
            time.sleep(0.5)

    def serves(self, name):
        env = {"SLURM_CONF": self.field.only_conf(name)}
        wait_for(lambda: self.field.try_run("scontrol", "ping", env=env).stdout.count("is UP") == 1, 30, f"{name} back")

    def check(self):
        field, history = self.field, self.history
        self.queue_empties()
        begin = time.monotonic()
        lines = {line.split()[0][6:]: line for line in field.run(*self.squeue()).splitlines()}
        end = time.monotonic()
        states = {job: line.split()[1][9:] for job, line in lines.items()}
        with open(self.begun) as file:
            runs = file.read().split()

        def none(strange, what):
            with self.subTest(what):
                self.assertEqual(strange, [], what)

        none(history.failures, "commands through untouched controllers")
        none([job for job in history.jobs if job not in states], "acknowledged and lost")
        none(history.twice, "one id told twice")
        with self.subTest("jobs that nobody submitted"):
            self.assertLessEqual(len(states) - len(history.jobs), history.unknown)
        none(sorted(job for job in set(runs) if runs.count(job) > 1), "ran twice")
        none([job for job in states if states[job] == "COMPLETED" and job not in runs], "completed without having run")
        none([(job, state) for job, state in states.items() if state not in ("COMPLETED", "CANCELLED")], "neither completed nor cancelled")
        none([job for job, ops in history.jobs.items() if states.get(job) == "CANCELLED" and all(op.kind != "cancel" for op in ops)],
             "cancelled by nobody")
        for job in history.jobs:
            self.look(job, begin, end, lines.get(job, ""))
        strange = [job for job, ops in history.jobs.items() if explain(ops, NEW_JOB, job_step) is None]
        for job in strange[:3]:
            wrong = wrong_end(history.jobs[job], NEW_JOB, job_step)[-12:]
            near = [fault for fault in history.faults if wrong[0].begin - 5 < fault[0] < wrong[-1].end + 1]
            print(f"No order explains what clients saw of job {job}, near", near, *wrong, sep="\n  ")
        none(strange, "not linearizable")
        print(f"{len(history.jobs)} jobs acknowledged, {len(states)} in the state, {len(runs)} runs; "
              f"{sum(map(len, history.jobs.values()))} operations, at most {max(map(len, history.jobs.values()))} on one job",
              flush=True)

    def report(self):
        history = self.history
        for writes, word in ((True, "writes"), (False, "reads")):
            calls = [(begin, end) for begin, end, w in history.calls if w == writes]
            print(f"{word} of clients of untouched controllers: {len(calls)}, ms p50 / p99 / max "
                  f"{spread([end - begin for begin, end in calls])}", flush=True)
            gaps = []
            for at, kind, _, led in history.faults:
                after = [end for begin, end in calls if begin >= at]
                if led and after:
                    gaps.append((kind, min(after) - at))
            table(f"from a leader's fault to the next {word[:-1]} that began after it and succeeded", gaps)
        answered = {name: self.answered(name) for name in self.field.names}
        gaps = []
        for at, kind, victim, led in history.faults:
            for name in self.field.names:
                ends = answered[name]
                place = bisect.bisect(ends, at)
                # One that still waits for an earlier fault says nothing about this one.
                if led and name != victim and 0 < place and ends[place - 1] > at - STEADY_S:
                    near = itertools.takewhile(lambda pair: pair[0] < at + 1, itertools.pairwise(ends[place - 1:]))
                    gaps.append((kind, max((end - max(last, at) for last, end in near), default=float("inf"))))
        table("a client that reads all the time, on each other controller: longest wait in the second after a leader's fault", gaps)


def spread(values):
    values = sorted(values)
    if not values:
        return "none"
    return " / ".join(f"{1000 * values[int(len(values) * part) if part < 1 else -1]:.0f}" for part in (0.5, 0.99, 1))


def table(what, gaps):
    kinds = {"all": [gap for _, gap in gaps]}
    for kind, gap in sorted(gaps):
        kinds.setdefault(kind, []).append(gap)
    print(f"  {what}, ms p50 / p99 / max:", flush=True)
    for kind, times in kinds.items():
        print(f"    {kind}: {len(times)}, {spread(times)}", flush=True)


if __name__ == "__main__":
    if REAL or REAL_CONTROLLER or not can_make_namespaces():
        print("Not run: needs root, network namespaces, and FLURM's own controllers.", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
