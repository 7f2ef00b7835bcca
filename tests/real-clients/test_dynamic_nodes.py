"""Nodes that no file names: scontrol create nodename, delete nodename, slurmd -Z."""

import os
import socket
import subprocess
import unittest

from cluster import ClusterTest, is_root, main, need_slurms_nodes, wait_for


class DynamicNodes(ClusterTest):
    nodes = 2
    extra = "MaxNodeCount=5\n"

    def create(self, *words):
        self.c.run("scontrol", "create", *words)

    def shown(self):
        out = self.c.run("scontrol", "-F", "-o", "show", "node")
        return sorted(line.split()[0].removeprefix("NodeName=") for line in out.splitlines())

    def partition_nodes(self):
        return self.c.partition("debug")["Nodes"]

    def test_they_come_and_go(self):
        self.create("nodename=d[1-2]", "State=FUTURE", "Feature=x,y", "Weight=7", "RealMemory=1000")
        self.assertEqual(self.shown(), ["d1", "d2", "n1", "n2"])
        record = self.c.run("scontrol", "-F", "-o", "show", "node", "d1")
        for part in ("State=FUTURE+DYNAMIC_NORM", "AvailableFeatures=x,y", "Weight=7", "RealMemory=1000", "Partitions=debug"):
            self.assertIn(part, record)
        self.assertEqual(self.partition_nodes(), "d[1-2],n[1-2]")
        self.create("nodename=d1", "State=FUTURE")  # is there already
        self.create("nodename=e[1-9]", "State=FUTURE")  # as many as there may be
        self.assertEqual(self.shown(), ["d1", "d2", "e1", "n1", "n2"])
        job = self.c.submit("--wrap", "sleep 1000")
        node = self.c.wait_state(job, "RUNNING")["NodeList"]
        self.assertIn("Requested nodes are busy", self.c.refused("scontrol", "delete", "nodename=" + node))
        self.c.run("scontrol", "delete", "nodename=d[1-2],e1")
        self.assertEqual(self.shown(), ["n1", "n2"])
        self.assertEqual(self.partition_nodes(), "n[1-2]")
        self.assertEqual(self.c.state(job), "RUNNING")

    def test_refusals(self):
        only = "Only State=FUTURE and State=CLOUD allowed for nodes created by scontrol"
        for words, why in ((("nodename=d1",), only), (("nodename=d1", "State=IDLE"), only),
                           (("nodename=d1", "Nonsense=1", "State=CLOUD"), "Failed to parse nodeline"),
                           (("nodename=d1", "CPUs=x", "State=CLOUD"), "Failed to parse nodeline")):
            with self.subTest(words=words):
                self.assertIn(why, self.c.refused("scontrol", "create", *words))
        error = self.c.refused("scontrol", "delete", "nodename=none")
        self.assertIn("failed to delete nodes none", error)
        self.assertIn("Invalid node name specified", error)
        self.assertEqual(self.shown(), ["n1", "n2"])

    @unittest.skipUnless(is_root(), "needs a second user")
    def test_only_administrators(self):
        for words in (("create", "nodename=d1", "State=CLOUD"), ("delete", "nodename=n1")):
            self.assertIn("Invalid user id", self.c.refused("scontrol", *words, user="nobody"))

    def test_a_cloud_node_is_not_listed_before_it_is_on(self):
        self.create("nodename=c1", "State=CLOUD")
        self.assertEqual(self.shown(), ["n1", "n2"])
        self.assertEqual(self.partition_nodes(), "c1,n[1-2]")
        self.c.run("scontrol", "delete", "nodename=c1")

    def test_a_reserved_node_stays(self):
        self.c.run("scontrol", "create", "reservation", "reservationname=r", "starttime=now", "duration=5", "users=root", "nodes=n1")
        try:
            wait_for(lambda: "RESERVED" in self.c.node("n1")["State"], 20, "the reservation")
            self.assertIn("Requested nodes are busy", self.c.refused("scontrol", "delete", "nodename=n1"))
        finally:
            self.c.run("scontrol", "delete", "reservationname=r")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NodesThatCome(ClusterTest):
    nodes = 1
    extra = "MaxNodeCount=5\n"

    def test_a_node_of_ours_that_comes_by_itself(self):
        what = "Port=%d CPUs=2 Sockets=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=500 Feature=ours" % free_port()
        daemon = subprocess.Popen([self.c.bin + "/flurmnd", "-Z", "-N", "y1", "--conf", what, "-D", "-f", self.c.conf],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: self.c.try_run("scontrol", "show", "node", "y1").returncode == 0, 20, "the node")
            record = self.c.node("y1")
            self.assertEqual((record["CPUTot"], record["RealMemory"], record["AvailableFeatures"]), ("2", "500", "ours"))
            job = self.c.submit("-C", "ours", script="echo $SLURMD_NODENAME > ours")
            self.assertEqual(self.c.wait_end(job)["NodeList"], "y1")
            self.c.wait_text("ours", "y1\n")
            self.c.run("scontrol", "delete", "nodename=y1")
        finally:
            daemon.kill()
            daemon.wait()

    @unittest.skipUnless(is_root(), "slurmd needs root")
    def test_a_node_that_comes_by_itself(self):
        need_slurms_nodes()
        os.makedirs(os.path.dirname(self.c.conf) + "/../spool/z1", exist_ok=True)
        what = "CPUs=4 Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=500 Feature=new"
        slurmd = subprocess.Popen(["/usr/sbin/slurmd", "-Z", "-N", "z1", "--conf", what, "-D"], env=dict(os.environ, SLURM_CONF=self.c.conf),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: self.c.try_run("scontrol", "show", "node", "z1").returncode == 0, 20, "the node")
            job = self.c.submit("-C", "new", script="echo $SLURMD_NODENAME > where")
            self.assertEqual(self.c.wait_end(job)["NodeList"], "z1")
            self.c.wait_text("where", "z1\n")
            self.c.run("scontrol", "delete", "nodename=z1")
        finally:
            slurmd.kill()
            slurmd.wait()


if __name__ == "__main__":
    main()
