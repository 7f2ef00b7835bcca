"""Clients and nodes without a slurm.conf: they ask the controller for it (SLURM_CONF_SERVER, --conf-server).

Until they have it they look for MUNGE at its usual place, so they run in mounts of their own where the cluster's socket is
there; this needs root. Ends with 77, and the reason, for another user."""

import os
import re
import subprocess
import sys
import unittest

import debian13
from cluster import Cluster, is_root, main, need_slurms_nodes, wait_for

ENTER = """
set -e
socket=$1; shift
mount -t tmpfs none /run
mkdir /run/munge
ln -s "$socket" /run/munge/munge.socket.2
if [ -d /etc/slurm ]; then mount -t tmpfs none /etc/slurm; fi
exec "$@"
"""


def server_of(cluster):
    with open(cluster.conf) as file:
        return "127.0.0.1:" + re.search(r"SlurmctldPort=(\d+)", file.read())[1]


def enter(cluster, *argv):
    return ["unshare", "--mount", "sh", "-c", ENTER, "enter", cluster.dir + "/munge/socket", *argv]


def without_conf(cluster):
    """Environment for Cluster.try_run(): no SLURM_CONF (Slurm takes an empty one for none), but the server."""
    return {"SLURM_CONF_SERVER": server_of(cluster)}


class Configless(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster(3, "SlurmctldParameters=enable_configless\n").__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.c.__exit__()

    def client(self, *argv, **more):
        return self.c.run("env", "-u", "SLURM_CONF", *enter(self.c, *argv), env=without_conf(self.c), **more)

    def test_clients(self):
        self.assertIn("n[1-3]", self.client("sinfo"))
        job = self.client("sbatch", "--parsable", "-o", "out", "--wrap", "echo ran").strip()
        self.c.wait_state(job, "COMPLETED")
        self.assertEqual(self.c.read("out"), "ran\n")
        self.assertIn(job, self.client("squeue", "-t", "all"))
        self.assertIn("local", self.client("scontrol", "show", "config"))

    def test_clients_of_release_24_11(self):
        self.c.root = debian13.folder_or_none()
        if not self.c.root:
            self.skipTest("no clients of release 24.11 here")
        run = debian13.Debian13Cluster.try_run
        done = run(self.c, "env", "-u", "SLURM_CONF", "sinfo", "-h", "-o", "%N", env=without_conf(self.c))
        self.assertEqual(done.stdout.strip(), "n[1-3]", done.stderr)
        done = run(self.c, "env", "-u", "SLURM_CONF", "sbatch", "--parsable", "--wrap", "true", env=without_conf(self.c))
        self.c.wait_state(done.stdout.strip(), "COMPLETED")

    def take_over_n3(self, *argv):
        """Ends the daemon of n3 and starts this one in its place; a job must then run there."""
        os.kill(self.c.pid("n3"), 9)
        with open(self.c.folder + "/node.out", "ab") as out:
            node = subprocess.Popen(enter(self.c, *argv, "-D", "-N", "n3", "--conf-server", server_of(self.c)),
                                    stdout=out, stderr=out, env={k: v for k, v in os.environ.items() if k != "SLURM_CONF"})
        try:
            cached = self.c.dir + "/spool/n3/conf-cache/slurm.conf"
            wait_for(lambda: os.path.exists(cached), 20, cached)
            with open(cached) as ours, open(self.c.conf) as original:
                self.assertEqual(ours.read(), original.read())
            job = self.c.submit("-w", "n3", "-o", "node.%j", "--wrap", "echo $SLURMD_NODENAME")
            self.c.wait_state(job, "COMPLETED", seconds=30)
            self.assertEqual(self.c.read("node." + job), "n3\n")
        finally:
            node.terminate()
            node.wait(30)
            os.remove(cached)
            self.c.up()

    def test_our_node(self):
        self.take_over_n3(self.c.bin + "/flurmnd")

    def test_node_of_slurm(self):
        need_slurms_nodes()
        self.take_over_n3("/usr/sbin/slurmd")

    def test_the_files_of_nodes_are_not_for_everybody(self):
        as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        done = self.c.try_run("env", "-u", "SLURM_CONF", *enter(self.c, *as_nobody, "/usr/sbin/slurmd", "-D", "-N", "n3",
                                                              "--conf-server", server_of(self.c)))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Invalid user id", done.stderr)


class Disabled(unittest.TestCase):
    def test_refusal(self):
        with Cluster(1) as cluster:
            done = cluster.try_run("env", "-u", "SLURM_CONF", *enter(cluster, "sinfo"), env=without_conf(cluster))
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("ConfigLess mode is disabled in slurm configuration", done.stderr)


if __name__ == "__main__":
    if not is_root():
        print("Not run: mounting MUNGE's socket where it is looked for needs root.", file=sys.stderr)
        sys.exit(debian13.SKIPPED)
    debian13.mounts_or_stop()
    main()
