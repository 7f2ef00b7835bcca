"""Input that is wrong: the client gets the words that a Slurm controller makes it print, and the controller goes on."""

import contextlib
import os
import socket
import struct
import unittest

from cluster import REAL, ClusterTest, main


class Refusals(ClusterTest):
    extra = "SchedulerParameters=max_script_size=20000\nMaxArraySize=100\nEnforcePartLimits=ALL\n" \
            "PartitionName=debug Nodes=ALL Default=YES MaxTime=60 State=UP\nPartitionName=shut Nodes=n1 State=INACTIVE\n"

    def sbatch_error(self, *options, script=None):
        options = options if script is not None else options + ("--wrap", "true")
        text = self.c.refused("sbatch", *options, stdin=None if script is None else "#!/bin/sh\n" + script + "\n")
        prefix = "sbatch: error: "
        lines = [line[len(prefix):] if line.startswith(prefix) else line for line in text.splitlines()]
        return lines[-1]

    def test_submission(self):
        for options, words in (
                (["-p", "nowhere"], "Batch job submission failed: Invalid partition name specified"),
                (["-N9"], "Batch job submission failed: Node count specification invalid"),
                (["-n100"], "Batch job submission failed: More processors requested than permitted"),
                (["--mem=99999"], "Batch job submission failed: Requested node configuration is not available"),
                (["-c9"], "Batch job submission failed: Requested node configuration is not available"),
                (["-w", "n9"], "Batch job submission failed: Invalid node name specified"),
                (["-C", "nofeature"], "Batch job submission failed: Invalid feature specification"),
                (["-t", "90"], "Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)"),
                (["--dependency=nonsense:1"], "Batch job submission failed: Job dependency problem"),
                (["--array=0-100"], "Batch job submission failed: Invalid job array specification"),
                (["-L", "nolicense:1"], "Batch job submission failed: Invalid license specification"),
                (["-p", "shut"], "Batch job submission failed: Required partition not available (inactive or drain)"),
                (["--gres=gpu:1"], "Invalid generic resource (gres) specification"),
                (["--reservation=none"], "Batch job submission failed: Requested reservation is invalid"),
        ):
            with self.subTest(options=options):
                self.assertEqual(self.sbatch_error(*options), words)

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
        done = self.c.submit()
        self.c.wait_end(done)
        self.assertIn("already", self.c.refused("scontrol", "update", f"jobid={done}", "timelimit=1").lower())
        self.c.run("scancel", job)


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
