"""Controllers are killed, frozen and cut off at random while Slurm's clients work through the others. Nothing that was
acknowledged may be lost, nothing may happen twice, and everybody sees one history.

FLURM_ROUNDS: how many faults (12). What they cost is printed, never asserted.
"""

import contextlib
import os
import random
import re
import subprocess
import sys
import threading
import time
import unittest

from cluster import REAL, REAL_CONTROLLER, wait_for
from field import Field, can_make_namespaces

ROUNDS = int(os.environ.get("FLURM_ROUNDS", "12"))
SEED = int(os.environ.get("FLURM_SEED", str(os.getpid())))


class History:
    """What each client did: when it began and ended, and what it was told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.jobs = {}      # id: {"comments": [(begin, end, value, acknowledged)], "cancelled": end or None, ...}
        self.failures = []  # commands that failed although their controller was untouched
        self.faults = []    # (time, kind, victim, was leader)
        self.calls = []     # (begin, end, writes)
        self.unknown = 0    # submissions of which nobody knows whether they arrived


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
        self.down = {}  # controllers that something happens to, and since when
        self.begun = self.field.work + "/begun"
        self.script = f"#!/bin/sh\necho $SLURM_JOB_ID >> {self.begun}\n"

    def call(self, dice, *argv, writes, stdin=None):
        """One command through a controller that nothing happens to. None when its outcome is not known."""
        free = [name for name in self.field.names if name not in self.down]
        name = dice.choice(free)
        begin = time.monotonic()
        try:
            done = self.field.try_run(*argv, stdin=stdin, env={"SLURM_CONF": self.field.only_conf(name)}, timeout=30)
        except subprocess.TimeoutExpired:
            done = None
        end = time.monotonic()
        touched = any(victim == name and at < end for at, _, victim, _ in self.history.faults
                      if at > begin - 3) or name in self.down
        with self.history.lock:
            if not touched:
                self.history.calls.append((begin, end, writes))
            if (done is None or done.returncode != 0) and not touched:
                self.history.failures.append((name, argv, done and done.stderr, round(begin - self.begin, 2), round(end - begin, 2)))
        return done if done is not None and done.returncode == 0 else None

    def client(self, seed):
        dice = random.Random(seed)
        own = []
        while not self.ended.is_set():
            what = dice.random()
            if what < 0.4 or not own:
                # More than the nodes can take would only make a queue.
                if len(own) > 20 and not self.room.is_set():
                    self.ended.wait(0.1)
                    continue
                sleep = dice.choice(["0", "0.3", "2"])
                done = self.call(dice, "sbatch", "--parsable", "-o", "/dev/null", "--mem=1", writes=True,
                                 stdin=self.script + f"sleep {sleep}\n")
                if done:
                    job = done.stdout.strip()
                    with self.history.lock:
                        twice = job in self.history.jobs
                        self.history.jobs[job] = {"comments": [], "cancelled": None, "twice": twice}
                    own.append(job)
                else:
                    with self.history.lock:
                        self.history.unknown += 1
            elif what < 0.6:
                self.update(dice, dice.choice(own))
            elif what < 0.7:
                job = dice.choice(own)
                if self.call(dice, "scancel", job, writes=True):
                    self.history.jobs[job]["cancelled"] = time.monotonic()
            else:
                self.look(dice, dice.choice(own))

    def update(self, dice, job):
        """A job's comment is a register with one writer: this client."""
        comments = self.history.jobs[job]["comments"]
        value = f"c{len(comments) + 1}"
        begin = time.monotonic()
        comments.append([begin, None, value])
        done = self.call(dice, "scontrol", "update", f"jobid={job}", f"comment={value}", writes=True)
        if done:
            comments[-1][1] = time.monotonic()
        else:
            # Unknown: it may take effect later, so this client writes no more to it.
            self.history.jobs[job]["unknown"] = True

    def look(self, dice, job):
        """Reads the register. Its value must be the last acknowledged one, or one that was under way."""
        record = self.history.jobs[job]
        known = [each for each in record["comments"] if each[1] is not None]
        at_least = len(known)
        done = self.call(dice, "scontrol", "-o", "show", "job", job, writes=False)
        if not done:
            return
        comment = re.search(r" Comment=c(\d+)", done.stdout)
        seen = int(comment.group(1)) if comment else 0
        if seen < at_least and not record.get("unknown"):
            self.history.failures.append(("stale read", job, seen, at_least))
        if record["cancelled"] and re.search("JobState=(PENDING|RUNNING) ", done.stdout):
            self.history.failures.append(("cancelled job still there", job, done.stdout[:200]))

    def test_nothing_is_lost_and_nothing_happens_twice(self):
        dice = random.Random(SEED)
        print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
        field, history = self.field, self.history
        self.begin = time.monotonic()
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
                self.down[victim] = True
                history.faults.append((time.monotonic(), fault.__name__, victim, victim == leader))
                undo = fault(victim)
                time.sleep(dice.uniform(1.0, 2.0))
                undo()
                self.serves(victim)
                del self.down[victim]
        finally:
            self.ended.set()
            for thread in clients:
                thread.join()
        self.check()
        self.report()

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
        states = dict(line.split() for line in field.run("squeue", "-h", "-t", "all", "-o", "%i %T").splitlines())
        self.assertLessEqual(len(states) - len(history.jobs), history.unknown, "jobs that nobody submitted")
        with open(self.begun) as file:
            runs = file.read().split()
        self.assertEqual([job for job in history.jobs if job not in states], [], "acknowledged and lost")
        self.assertEqual([job for job, record in history.jobs.items() if record["twice"]], [], "one id told twice")
        self.assertEqual(sorted(job for job in set(runs) if runs.count(job) > 1), [], "ran twice")
        not_run = [job for job in states if states[job] == "COMPLETED" and job not in runs]
        self.assertEqual(not_run, [], "completed without having run")
        wrong = {job: state for job, state in states.items() if state not in ("COMPLETED", "CANCELLED")}
        self.assertEqual(wrong, {}, "neither completed nor cancelled")
        unasked = [job for job in history.jobs if states[job] == "CANCELLED" and history.jobs[job]["cancelled"] is None
                   and not history.jobs[job].get("unknown")]
        self.assertEqual(history.failures, [], "commands through untouched controllers")
        print(f"{len(history.jobs)} jobs acknowledged, {len(states)} in the state, {len(runs)} runs; cancelled without an "
              f"acknowledged scancel: {len(unasked)}", flush=True)

    def report(self):
        history = self.history
        def spread(values):
            values = sorted(values)
            if not values:
                return "none"
            return " / ".join(f"{1000 * values[int(len(values) * part) if part < 1 else -1]:.0f}" for part in (0.5, 0.99, 1))

        for writes, word in ((True, "writes"), (False, "reads")):
            calls = [(begin, end) for begin, end, w in history.calls if w == writes]
            print(f"{word} of clients of untouched controllers: {len(calls)}, ms p50 / p99 / max "
                  f"{spread([end - begin for begin, end in calls])}", flush=True)
            gaps = []
            for at, kind, victim, led in history.faults:
                after = [end for begin, end in calls if begin >= at]
                if led and after:
                    gaps.append(min(after) - at)
            print(f"  from a leader's fault to the next {word[:-1]} that began after it and succeeded: {len(gaps)} faults, "
                  f"ms p50 / p99 / max {spread(gaps)}", flush=True)


if __name__ == "__main__":
    if REAL or REAL_CONTROLLER or not can_make_namespaces():
        print("Not run: needs root, network namespaces, and FLURM's own controllers.", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
