"""A cluster with its administrator's tool, and clients that never stop asking it for something."""

import json
import socket
import threading
import time

from cluster import Cluster


class Administered(Cluster):
    def flurm(self, *words, user=None):
        """The tool, for this cluster; it must succeed."""
        done = self.try_run(self.bin + "/flurm", *words, "--dir", self.dir, user=user)
        if done.returncode != 0:
            raise AssertionError(f"flurm {words} gave {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def flurm_refused(self, *words, user=None):
        return self.refused(self.bin + "/flurm", *words, "--dir", self.dir, user=user)

    def addresses(self):
        """Where the controllers listen."""
        ports = []
        for path, keys in ((self.conf, ("SlurmctldPort",)), (self.dir + "/etc/flurm.conf", ("HttpPort", "ControllerPort"))):
            with open(path) as file:
                ports += [int(line.split("=")[1]) for line in file if line.split("=")[0] in keys]
        return [(f"127.0.0.{i + 1}", port) for i in range(self.controllers) for port in ports]

    def page(self, *words):
        return json.loads(self.flurm(*words, "--json"))


class Load:
    """Loops of Slurm's clients, from `with` to its end. `failed` has every command that did not succeed, `jobs` every job
    number that sbatch printed, `slowest` the longest a command took, in seconds."""

    def __init__(self, cluster, begun, addresses=()):
        self.c = cluster
        self.addresses = addresses
        self.failed, self.jobs, self.cancelled = [], [], set()
        self.slowest, self.done = 0.0, 0
        self.begun = begun
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=loop) for loop in [self.submit] * 3 + [self.change] * 3 + [self.look] * 2 + [self.knock]]

    def run(self, *argv, **options):
        begin = time.monotonic()
        done = self.c.try_run(*argv, **options)
        took = time.monotonic() - begin
        self.slowest = max(self.slowest, took)
        self.done += 1
        if done.returncode != 0:
            self.failed.append((time.strftime("%H:%M:%S"), argv, round(took, 2), done.stdout, done.stderr))
        return done.stdout

    def submit(self):
        while not self.stop.is_set():
            job = self.run("sbatch", "--parsable", "-o", "/dev/null", "--mem=1",
                           stdin=f"#!/bin/sh\necho $SLURM_JOB_ID >> {self.begun}\n").strip()
            if job:
                self.jobs.append(job)

    def knock(self):
        """Slurm's clients try again when a connection is refused; here that is a failure."""
        while not self.stop.is_set():
            for address in self.addresses:
                try:
                    socket.create_connection(address, timeout=5).close()
                except OSError as error:
                    self.failed.append((time.strftime("%H:%M:%S"), "connect", address, str(error)))
            time.sleep(0.002)

    def look(self):
        while not self.stop.is_set():
            self.run("squeue", "-h")
            self.run("sinfo", "-h")

    def change(self):
        while not self.stop.is_set():
            job = self.run("sbatch", "--parsable", "-H", "-o", "/dev/null", "--wrap", "true").strip()
            if job:
                self.jobs.append(job)
                self.cancelled.add(job)
                self.run("scontrol", "update", f"JobId={job}", "Comment=changed")
                self.run("scancel", job)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def check(self, test):
        """Nothing failed, nothing was lost, and what ran did so once."""
        test.assertEqual(self.failed, [])
        test.assertEqual(len(set(self.jobs)), len(self.jobs), "a number given out twice")
        states = {}

        def ended():
            text = self.c.run("squeue", "-h", "-t", "all", "-o", "%i %T")
            states.update(line.split() for line in text.splitlines())
            return all(states.get(job) in ("COMPLETED", "CANCELLED") for job in self.jobs)

        deadline = time.monotonic() + 60
        while not ended():
            if time.monotonic() > deadline:
                test.fail({job: states.get(job) for job in self.jobs if states.get(job) not in ("COMPLETED", "CANCELLED")})
            time.sleep(0.2)
        with open(self.begun) as file:
            begun = file.read().split()
        test.assertEqual(sorted(begun, key=int), sorted(set(self.jobs) - self.cancelled, key=int), "each job runs once")
        print(f"{self.done} commands, the slowest {self.slowest:.2f} s", flush=True)
