"""Controllers come and go while clients work: from one to three to five and back, the killed and the leading one among those
that go. And one that is left alone for good goes on by hand."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from cluster import Cluster, REAL, REAL_CONTROLLER, kill, wait_for


class Loops:
    """Clients that work all the time; every failure is kept."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.jobs, self.failures = [], []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.loop, args=(work,)) for work in (self.submit, self.submit, self.list)]
        for thread in self.threads:
            thread.start()

    def loop(self, work):
        while not self.ending.is_set():
            work()

    def submit(self):
        done = self.cluster.try_run("sbatch", "--parsable", "-o", "/dev/null", "--mem=1", "--wrap", "sleep 0.2")
        if done.returncode == 0:
            self.jobs.append(done.stdout.strip())
        else:
            self.failures.append(done.stderr)
        time.sleep(0.1)

    def list(self):
        done = self.cluster.try_run("squeue")
        if done.returncode != 0:
            self.failures.append(done.stderr)
        time.sleep(0.1)

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()


@unittest.skipIf(REAL or REAL_CONTROLLER, "Slurm has no such members")
class Members(unittest.TestCase):
    def begin(self, controllers):
        self.cluster = Cluster(nodes=2, controllers=controllers, extra="MinJobAge=3600\n")
        self.cluster.up()
        self.addCleanup(self.cluster.__exit__)
        self.started = {}

    def flurm(self, *words):
        return subprocess.run([self.cluster.bin + "/flurm", "cluster", *words], capture_output=True, text=True, timeout=60)

    def order(self, *words):
        """An order that must be carried out; what was said."""
        done = self.flurm(*words, "--dir", self.cluster.dir)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        return done.stdout

    def refused(self, *words):
        done = self.flurm(*words, "--dir", self.cluster.dir)
        self.assertNotEqual(done.returncode, 0, f"{words}: {done.stdout}")
        return done.stderr

    def status(self):
        return json.loads(self.flurm("status", "--json", "--dir", self.cluster.dir).stdout)

    def members(self):
        """Those that vote and are there."""
        try:
            status = self.status()
        except json.JSONDecodeError:
            return []
        return sorted(row["name"] for row in status["details"] if row["votes"] and row["reached"])

    def wait_members(self, *names):
        try:
            wait_for(lambda: self.members() == sorted(names) and self.status()["leader"], 20, f"members {names}")
        except AssertionError as error:
            said = "".join(f"{name}: {self.last_words(name)}" for name in self.started)
            raise AssertionError(f"{error}\n{self.flurm('status', '--dir', self.cluster.dir).stdout}{said}") from None

    def last_words(self, name):
        with open(f"{self.cluster.folder}/{name}/output") as file:
            return "".join(file.readlines()[-6:]) or "(nothing)\n"

    def start(self, name, *listed):
        """A controller whose configuration lists these."""
        folder = f"{self.cluster.folder}/{name}"
        os.makedirs(folder, exist_ok=True)
        with open(self.cluster.conf) as file:
            lines = [line for line in file if not line.startswith("SlurmctldHost=") or line.split("=")[1].split("(")[0] in listed]
        with open(f"{folder}/slurm.conf", "w") as file:
            file.writelines(line.replace("/flurmctld.", f"/{name}.") for line in lines)
        shutil.copy(os.path.dirname(self.cluster.conf) + "/flurm.conf", folder)
        environment = {**os.environ, "FLURM_NODE_NAME": name, "FLURM_RA_DATA_DIR": f"{self.cluster.dir}/state/{name}"}
        with open(f"{folder}/output", "a") as output:
            process = subprocess.Popen([self.cluster.bin + "/flurmctld", "-D", "-f", f"{folder}/slurm.conf"], env=environment,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.started[name] = process

        def end():
            process.kill()
            process.wait()

        self.addCleanup(end)

    def clear(self, names):
        for name in names:
            kill(self.cluster.pid(name))
            shutil.rmtree(f"{self.cluster.dir}/state/{name}")

    def test_one_grows_to_five_and_shrinks_while_clients_work(self):
        names = [f"ctl{i}" for i in range(1, 6)]
        self.begin(controllers=5)
        self.clear(names)
        self.start("ctl2", "ctl2")
        self.wait_members("ctl2")
        self.assertIn("last controller", self.refused("remove", "ctl2"))
        self.assertIn("none of the controllers", self.refused("remove", "ctl9"))
        loops = Loops(self.cluster)
        self.addCleanup(loops.end)

        for name in ("ctl1", "ctl3"):
            self.start(name, "ctl1", "ctl2", "ctl3")
            self.order("add", name)
        self.wait_members("ctl1", "ctl2", "ctl3")
        self.assertIn("member already", self.refused("add", "ctl2"))
        self.order("add", "ctl4=127.0.0.4")
        self.order("add", "ctl5=127.0.0.5")
        self.start("ctl4", *names)
        self.start("ctl5", *names)
        self.wait_members(*names)

        # The one that founded it all dies, leading, and is given up.
        self.order("transfer-leadership", "ctl2")
        self.assertEqual(self.status()["leader"], "ctl2")
        self.started["ctl2"].kill()
        self.started["ctl2"].wait()
        self.order("remove", "ctl2")
        self.wait_members("ctl1", "ctl3", "ctl4", "ctl5")
        # The next leader is removed while it leads, and ends by itself.
        leader = self.status()["leader"]
        self.order("remove", leader)
        self.assertEqual(self.started[leader].wait(timeout=20), 0, self.last_words(leader))
        left = [name for name in names if name not in ("ctl2", leader)]
        self.wait_members(*left)
        # It cannot come back by itself.
        self.start(leader, *names)
        time.sleep(1)
        self.wait_members(*left)
        self.order("add", leader)

        def is_back():
            if self.started[leader].poll() is not None:  # it heard of its removal after it had begun, and ended
                self.start(leader, *names)
            return self.members() == sorted([leader, *left])

        wait_for(is_back, 20, f"{leader} again")
        self.order("remove", leader)
        self.order("force-election")
        self.wait_members(*left)
        self.order("remove", left[0])
        self.order("remove", left[1])
        self.wait_members(left[2])

        loops.end()
        self.assertEqual(loops.failures, [])
        self.assertGreater(len(loops.jobs), 20)
        self.assertEqual(len(loops.jobs), len(set(loops.jobs)))

        def completed():
            states = dict(line.split() for line in self.cluster.run("squeue", "-h", "-t", "all", "-o", "%i %T").splitlines())
            return all(states.get(job) == "COMPLETED" for job in loops.jobs)

        wait_for(completed, 30, "every job that was acknowledged, completed")
        print(len(loops.jobs), "jobs while five controllers came and four went", flush=True)

    def test_tls_is_switched_on_while_clients_work(self):
        self.begin(controllers=3)
        names = ("ctl1", "ctl2", "ctl3")
        self.wait_members(*names)
        loops = Loops(self.cluster)
        self.addCleanup(loops.end)
        flurm_conf = os.path.dirname(self.cluster.conf) + "/flurm.conf"
        with open(flurm_conf) as file:
            plain = file.read()
        for tls in ("prefer", "require"):
            with open(flurm_conf, "w") as file:
                file.write(plain + f"LinkTls={tls}\n")
            for name in names:
                done = subprocess.run([self.cluster.bin + "/flurm", "upgrade", "--controller", name, "--dir", self.cluster.dir],
                                      capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)
            self.wait_members(*names)
        loops.end()
        self.assertEqual(loops.failures, [])
        self.assertGreater(len(loops.jobs), 5)
        # What is not encrypted is no longer heard.
        port = int(re.search(r"ControllerPort=(\d+)", plain).group(1))
        with socket.create_connection(("127.0.0.1", port), 5) as stranger:
            stranger.sendall(b"FLCL\x01\x00" + bytes(100))
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(stranger.recv(100), b"")
        wait_for(lambda: "without TLS" in self.cluster.log("ctl1"), 10, "the refusal in the log")
        self.order("transfer-leadership")
        self.wait_members(*names)

    def test_a_controller_with_a_damaged_log_is_rebuilt_from_the_others(self):
        self.begin(controllers=3)
        names = ("ctl1", "ctl2", "ctl3")
        self.wait_members(*names)
        jobs = [self.cluster.submit("-o", "/dev/null") for _ in range(20)]
        self.order("transfer-leadership", "ctl1")
        directory = f"{self.cluster.dir}/state/ctl3"
        self.assertIn("in use", self.flurm("rebuild", directory, "--dir", self.cluster.dir).stderr)
        kill(self.cluster.pid("ctl3"))
        segment = min(name for name in os.listdir(directory) if name.startswith("open-"))
        with open(f"{directory}/{segment}", "r+b") as file:
            file.seek(1000)
            byte = file.read(1)[0]
            file.seek(1000)
            file.write(bytes([byte ^ 1]))
        self.start("ctl3", *names)
        self.assertNotEqual(self.started["ctl3"].wait(timeout=20), 0)
        with open(f"{self.cluster.folder}/ctl3/output") as file:
            said = file.read()
        self.assertIn(f"flurm cluster rebuild {directory}", said)

        done = self.flurm("rebuild", directory, "--dir", self.cluster.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(segment, os.listdir(f"{directory}/damaged-1"))
        self.start("ctl3", *names)
        self.wait_members(*names)
        wait_for(lambda: all(row["lag"] == 0 for row in self.status()["details"]), 20, "the rebuilt one has everything")
        # It counts again: with one of the others it is a majority, and has everything.
        kill(self.cluster.pid("ctl1"))
        wait_for(lambda: self.members() == ["ctl2", "ctl3"] and self.status()["leader"], 20, "another leader")
        kill(self.cluster.pid("ctl2"))
        self.assertIn("no majority", self.flurm("rebuild", f"{self.cluster.dir}/state/ctl2", "--dir", self.cluster.dir).stderr)
        for job in jobs:
            self.assertTrue(self.cluster.job(job), job)

    def test_the_last_one_recovers_by_hand(self):
        self.begin(controllers=3)
        self.wait_members("ctl1", "ctl2", "ctl3")
        job = self.cluster.run("sbatch", "--parsable", "-o", "/dev/null", "--wrap", "true").strip()
        self.order("transfer-leadership", "ctl1")
        self.clear(("ctl2", "ctl3"))
        self.assertRegex(self.refused("remove", "ctl2"), "no controller leads|only 1 of 2 controllers can be reached")
        directory = f"{self.cluster.dir}/state/ctl1"
        self.assertIn("in use", self.flurm("recover", directory, "--yes").stderr)
        os.kill(self.cluster.pid("ctl1"), signal.SIGKILL)
        wait_for(lambda: "--yes" in self.flurm("recover", directory).stderr, 10, "the warning")
        done = self.flurm("recover", directory, "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ctl1 is the only controller now", done.stdout)
        self.assertIn("just start it", self.flurm("recover", directory, "--yes").stderr)
        # All are started as their configuration lists them; two have nothing, and are taken in again.
        up = threading.Thread(target=self.cluster.up)
        up.start()
        self.wait_members("ctl1")
        self.order("add", "ctl2")
        self.order("add", "ctl3")
        up.join()
        self.wait_members("ctl1", "ctl2", "ctl3")
        self.assertTrue(self.cluster.job(job))
        self.cluster.run("sbatch", "-o", "/dev/null", "--wrap", "true")


if __name__ == "__main__":
    unittest.main()
