"""Input that is wrong: the client gets the words that a Slurm controller makes it print, and the controller goes on."""

import contextlib
import os
import socket
import struct
import unittest

from cluster import REAL, ClusterTest, is_root, main


def sbatch_errors(cluster, *options, script=None):
    """Every line that sbatch writes when the job is refused."""
    options = options if script is not None else options + ("--wrap", "true")
    text = cluster.refused("sbatch", *options, stdin=None if script is None else "#!/bin/sh\n" + script + "\n")
    return [line.removeprefix("sbatch: error: ") for line in text.splitlines()]


class Refusals(ClusterTest):
    extra = "SchedulerParameters=max_script_size=20000\nMaxArraySize=100\nEnforcePartLimits=ALL\n" \
            "PartitionName=debug Nodes=ALL Default=YES MaxTime=60 State=UP\nPartitionName=shut Nodes=n1 State=INACTIVE\n" \
            "PartitionName=one Nodes=n1 MaxTime=30\nPartitionName=moved Nodes=ALL State=DRAIN Alternate=one\n"

    def sbatch_error(self, *options, script=None):
        return sbatch_errors(self.c, *options, script=script)[-1]

    def test_submission(self):
        config = "Requested node configuration is not available"
        cpus = "CPU count per node can not be satisfied"
        memory = "Memory specification can not be satisfied"
        shape = "Socket, core and/or thread specification can not be satisfied"
        for options, words in (
                (["-p", "nowhere"], ["invalid partition specified: nowhere", "Invalid partition name specified"]),
                (["-p", "debug,nowhere"], ["invalid partition specified: nowhere", "Invalid partition name specified"]),
                (["-N9"], ["Node count specification invalid"]),
                (["-n100"], ["More processors requested than permitted"]),
                (["--mem=99999"], [memory, config]),
                (["--mem-per-cpu=99999"], [memory, config]),
                (["--mem-per-cpu=3000", "-n2", "-N1"], [config]),
                (["-c9"], [cpus, config]),
                (["--mincpus=5", "--mem=99999"], [cpus, config]),
                (["--array=1-3", "-c9"], [cpus, config]),
                (["--begin=now+60", "-c9"], [cpus, config]),
                (["--tmp=5000"], ["Temporary disk specification can not be satisfied", config]),
                (["--sockets-per-node=3"], [shape, config]),
                (["-B", "2:2:1"], [shape, config]),
                (["-n12", "-N1"], [config]),
                (["-x", "n[1-3]"], [config]),
                (["-w", "n9"], ["Invalid node name specified"]),
                (["-w", "n2", "-p", "one"], ["Requested nodes not in this partition"]),
                (["-C", "nofeature"], ["Invalid feature specification"]),
                (["--prefer=nofeature"], ["Invalid preferred feature specification"]),
                (["--contiguous", "-w", "n1,n3", "-N2"], ["Node count specification invalid"]),
                (["-t", "90"], ["Requested time limit is invalid (missing or exceeds some limit)"]),
                (["--time-min=90"], ["Invalid time-min specification (exceeds job's time or other limits)"]),
                (["--time-min=20", "-t", "10"], ["Invalid time-min specification (exceeds job's time or other limits)"]),
                (["--dependency=nonsense:1"], ["Job dependency problem"]),
                (["--array=0-100"], ["Invalid job array specification"]),
                (["-L", "nolicense:1"], ["Invalid license specification"]),
                (["-p", "shut"], ["Required partition not available (inactive or drain)"]),
                (["-p", "shut,one", "-N2"], ["Node count specification invalid"]),
                (["--reservation=none"], ["Requested reservation is invalid"]),
        ):
            with self.subTest(options=options):
                words[-1] = "Batch job submission failed: " + words[-1]
                self.assertEqual(sbatch_errors(self.c, *options), words)
        self.assertEqual(sbatch_errors(self.c, "--gres=gpu:1"), ["Invalid generic resource (gres) specification"])

    def test_only_asked_when_it_would_start(self):
        for option, words in (("-c9", ["Requested node configuration is not available"]),
                              ("-N9", ["Node count specification invalid"]),
                              ("--partition=no", ["invalid partition specified: no", "Invalid partition name specified"])):
            with self.subTest(option=option):
                words[-1] = "allocation failure: " + words[-1]
                self.assertEqual(sbatch_errors(self.c, "--test-only", option), words)

    def test_an_impossible_job_may_be_held(self):
        job = self.c.submit("--hold", "-c9")
        self.c.wait_reason(job, "JobHeldUser")
        self.assertEqual(sbatch_errors(self.c, "--hold", "-C", "nofeature")[-1],
                         "Batch job submission failed: Invalid feature specification")

    def test_the_alternate_of_a_closed_partition(self):
        job = self.c.submit("-p", "moved", "--hold")
        self.assertEqual(self.c.job(job)["Partition"], "one")

    def test_huge_script(self):
        self.assertEqual(self.sbatch_error(script="# " + "x" * 30000),
                         "Batch job submission failed: Pathname of a file, directory or other parameter too long")

    def test_unknown_jobs(self):
        self.assertIn("Invalid job id specified", self.c.try_run("scancel", "-v", "4242").stderr)
        self.assertIn("Invalid job id specified", self.c.refused("scontrol", "show", "job", "4242"))
        self.assertIn("Invalid job id specified", self.c.refused("scontrol", "update", "jobid=4242", "name=x"))
        self.assertIn("Invalid job id specified", self.c.refused("scontrol", "hold", "4242"))

    def test_updates_that_cannot_be(self):
        job = self.c.submit("--hold")
        for words, answer in ((["partition=nowhere"], "Invalid partition name specified"),
                              (["features=nofeature"], "Invalid feature specification"),
                              (["dependency=nonsense:1"], "Job dependency problem")):
            with self.subTest(words=words):
                self.assertIn(answer, self.c.refused("scontrol", "update", f"jobid={job}", *words))
        self.c.run("scancel", job)
        done = self.c.submit()
        self.c.wait_end(done)
        self.assertIn("already", self.c.refused("scontrol", "update", f"jobid={done}", "timelimit=1").lower())

    def test_updates_by_an_operator(self):
        """Each of a job of its own: Slurm keeps what it refuses, and refuses what comes after for it."""
        limits = "Requested partition configuration not available now"
        for words, answer in (
                ("numcpus=100", limits),
                ("numnodes=2-1", "Node count specification invalid"),
                ("timemin=20", "Invalid time-min specification (exceeds job's time or other limits)"),
                ("partition=shut", "Required partition not available (inactive or drain)"),
                ("prefer=nofeature", "Invalid preferred feature specification"),
                ("deadline=now-100", "Invalid time specified"),
                ("priority=5", "Job is in held state, pending scheduler release"),
                ("reservation=none", "Requested reservation is invalid"),
                ("gres=gpu:1", "Invalid generic resource (gres) specification"),
                ("corespec=1", "Access/permission denied"),
                ("burstbuffer=x", "Requested operation not supported on this system"),
                ("reqnodelist=n9", "Invalid node name specified"),
                ("licenses=none:1", "Invalid license specification")):
            with self.subTest(words=words):
                job = self.c.submit("--hold", "-t", "10")
                self.assertEqual(self.c.refused("scontrol", "update", f"jobid={job}", words).strip(), f"{answer} for job {job}")
                self.c.run("scancel", job)
        for words, field, value in (("timelimit=90", "TimeLimit", "01:30:00"),
                                    ("arraytaskthrottle=2", "JobState", "PENDING")):
            with self.subTest(words=words):
                job = self.c.submit("--hold", "-t", "10")
                self.c.run("scontrol", "update", f"jobid={job}", words)
                self.assertEqual(self.c.job(job)[field], value)

    @unittest.skipUnless(is_root(), "needs a second user")
    def test_updates_by_the_owner_and_by_a_stranger(self):
        for words, answer in (
                ("timelimit=90", "Access/permission denied"),
                ("shared=yes", "Access/permission denied"),
                ("deadline=now+10000", "Access/permission denied"),
                ("admincomment=x", "Access/permission denied"),
                ("contiguous=yes", "Access/permission denied")):
            with self.subTest(words=words):
                job = self.c.submit("--hold", "-t", "10", user="nobody")
                self.assertEqual(self.c.refused("scontrol", "update", f"jobid={job}", words, user="nobody").strip(),
                                 f"{answer} for job {job}")
                self.c.run("scancel", job)
        job = self.c.submit("--hold", "-t", "10", user="nobody")
        self.c.run("scontrol", "update", f"jobid={job}", "timelimit=50", user="nobody")
        self.assertEqual(self.c.job(job)["TimeLimit"], "00:50:00")
        for words in (("update", f"jobid={job}", "name=x"), ("hold", job), ("release", job)):
            with self.subTest(words=words):
                self.assertIn("Invalid user id", self.c.refused("scontrol", *words, user="daemon"))


PARTITIONS = """PartitionName=debug Nodes=ALL Default=YES MaxTime=60 State=UP
PartitionName=half Nodes=n1 MaxTime=30 MaxNodes=1
PartitionName=pair Nodes=n[1-3] MinNodes=2 MaxNodes=2
PartitionName=mem Nodes=n[1-2] MaxMemPerNode=1000
PartitionName=down Nodes=n1 State=DOWN
"""


class LimitsNotEnforced(ClusterTest):
    """EnforcePartLimits=NO: what the partition's limits forbid waits until they are others."""
    extra = "EnforcePartLimits=NO\n" + PARTITIONS

    def test_reasons(self):
        jobs = [(self.c.submit(*options.split()), options, reason) for options, reason in (
            ("-N9", "PartitionNodeLimit"),
            ("-n100", "PartitionConfig"),
            ("-N2 -p half", "PartitionNodeLimit"),
            ("-N1-1 -p pair", "PartitionNodeLimit"),
            ("-N5 -p half,pair", "PartitionNodeLimit"),
            ("-t 90", "PartitionTimeLimit"),
            ("-c9 -t 90", "PartitionTimeLimit"),
            ("-t 40 -p half", "PartitionTimeLimit"),
            ("--mem=2000 -p mem", "MaxMemPerLimit"),
            ("--mem-per-cpu=600 -c2 -p mem", "MaxMemPerLimit"),
            ("-t 90 -p down", "PartitionDown"),
        )]
        for job, options, reason in jobs:
            with self.subTest(options=options):
                self.c.wait_reason(job, reason)
                self.assertEqual(self.c.job(job)["StartTime"], "Unknown")
        self.c.run("scontrol", "update", "partition=debug", "MaxTime=120")
        self.c.wait_state(jobs[5][0], "COMPLETED", seconds=70)

    def test_what_no_node_can_do_is_refused(self):
        for options in ("-c9", "-c9 -p down", "-n100 -p debug,half", "-w n2 -p half"):
            with self.subTest(options=options):
                self.assertEqual(sbatch_errors(self.c, *options.split())[-1],
                                 "Batch job submission failed: Requested node configuration is not available")

    def test_the_partition_without_that_limit_takes_it(self):
        for options in ("-N2 -p half,debug", "-t 40 -p half,debug", "--mem=2000 -p mem,half", "-p down,half"):
            with self.subTest(options=options):
                self.c.wait_state(self.c.submit(*options.split()), "COMPLETED", seconds=70)


class LimitsOfAny(ClusterTest):
    """EnforcePartLimits=ANY: one partition whose limits allow the job is enough."""
    extra = "EnforcePartLimits=ANY\n" + PARTITIONS

    def test_one_is_enough(self):
        job = self.c.submit("-N2", "-p", "half,debug", "--hold")
        self.assertEqual(self.c.job(job)["Partition"], "half,debug")
        for options, words in (
                ("-N2 -p half", "Node count specification invalid"),
                ("-t 90 -p debug,half", "Requested time limit is invalid (missing or exceeds some limit)"),
                ("-t 40 -p half,pair", "Requested partition configuration not available now"),
                ("--mem=99999 -p half,mem", "Requested node configuration is not available")):
            with self.subTest(options=options):
                self.assertEqual(sbatch_errors(self.c, *options.split())[-1], "Batch job submission failed: " + words)


class Hostile(ClusterTest):
    nodes = 1

    def port(self):
        with open(self.c.conf) as file:
            return int(next(line for line in file if line.startswith("SlurmctldPort=")).split("=")[1])

    def still_there(self):
        self.assertIn("is UP", self.c.run("scontrol", "ping"))
        self.c.wait_end(self.c.submit())

    def test_other_munge_key(self):
        """A client whose credentials are of another key gets Slurm's words for it."""
        import cluster
        with cluster.Cluster(nodes=1) as other, open(self.c.conf) as ours, open(other.conf) as theirs:
            socket_line = next(line for line in theirs if line.startswith("AuthInfo="))
            mixed = self.c.work + "/mixed.conf"
            with open(mixed, "w") as file:
                file.writelines(socket_line if line.startswith("AuthInfo=") else line for line in ours)
            done = self.c.try_run("squeue", env={"SLURM_CONF": mixed})
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr, "Zero Bytes were transmitted or received|authentication")
        self.still_there()

    def test_no_munge(self):
        with open(self.c.conf) as ours, open(self.c.work + "/none.conf", "w") as file:
            file.writelines("AuthInfo=socket=/nonexistent\n" if line.startswith("AuthInfo=") else line for line in ours)
        done = self.c.try_run("squeue", env={"SLURM_CONF": self.c.work + "/none.conf"})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("If munged is up, restart with --num-threads=10", done.stderr)
        self.still_there()

    def test_random_and_truncated_bytes(self):
        header = bytes.fromhex("2600000003f0000000000000000000000000")
        for text in (b"\0", os.urandom(5000), b"GET / HTTP/1.0\r\n\r\n", struct.pack(">I", 0x7fffffff) + b"x" * 100,
                     struct.pack(">I", 10) + b"abc", struct.pack(">I", len(header)) + header,
                     struct.pack(">I", len(header)) + header[:9], struct.pack(">I", 0)):
            with socket.create_connection(("127.0.0.1", self.port()), timeout=5) as link:
                link.settimeout(20)
                with contextlib.suppress(OSError):  # closed while we still send: as good an answer as any
                    link.sendall(text)
                    link.shutdown(socket.SHUT_WR)
                    while link.recv(4096):
                        pass
        self.still_there()

    @unittest.skipIf(REAL, "Slurm's own controller does not answer with 256 idle connections")
    def test_a_thousand_idle_connections(self):
        links = []
        try:
            for _ in range(1000):
                links.append(socket.create_connection(("127.0.0.1", self.port()), timeout=10))
            self.still_there()
        finally:
            for link in links:
                link.close()


if __name__ == "__main__":
    main()
