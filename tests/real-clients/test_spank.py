"""SPANK plugins made with Debian's slurm/spank.h, on our nodes: every call, what each item answers there, options,
the environment, refusals and crashes. With FLURM_REAL=1 the same expectations meet Slurm's own slurmd."""

import difflib
import os
import re
import subprocess
import unittest

import cluster
from cluster import Cluster, ClusterTest, main, wait_for

USER = "nobody"


class SpankCluster(Cluster):
    """A cluster whose plugstack.conf names the witness, and what `also` adds."""

    also = ""

    def __init__(self, nodes, extra):
        super().__init__(nodes, extra)
        self.plugin = self.folder + "/witness.so"
        self.notes = self.folder + "/notes"
        os.mkdir(self.notes)
        os.chmod(self.notes, 0o1777)
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "spank_plugin.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.plugin, source], check=True, timeout=60)
        os.mkdir(self.folder + "/plugins")
        with open(self.folder + "/plugstack.conf", "w") as file:
            file.write("# the site's plugins\ninclude plugins/*.conf\n")
        self.configure()
        with open(self.extra, "a") as file:
            file.write(f"PlugStackConfig={self.folder}/plugstack.conf\n")

    def configure(self, *arguments, kind="required"):
        """The witness's line; it holds from the next step on."""
        with open(self.folder + "/plugins/witness.conf", "w") as file:
            file.write(f"{kind} {self.plugin} {self.notes} {' '.join(arguments)}  # and its arguments\n")

    def noted(self, name):
        try:
            with open(f"{self.notes}/{name}") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def calls(self, name):
        """Pairs of a call and the lines noted in it."""
        parts = re.split(r"^(?=\S)", self.noted(name), flags=re.M)[1:]
        return [(part.split()[0], part) for part in parts]


def plain(text, job):
    """Without what differs from run to run."""
    return re.sub(rf"(S_JOB_(ARRAY_)?ID rc=0) {job}$", r"\1 JOB", text, flags=re.M)


def in_order(calls):
    """The notes, by the place of the call in a step's life: tasks call beside the supervisor, and each other."""
    places = ["init", "init_post_opt", "user_init", "task_init_privileged", "task_post_fork", "task_init", "task_exit",
              "exit"]
    return [part for _, part in sorted(calls, key=lambda each: (places.index(each[0]), each[1]))]


@unittest.skipUnless(os.path.exists("/usr/include/slurm/spank.h") and cluster.is_root(), "needs root and slurm/spank.h")
class Spank(ClusterTest):
    maxDiff = None
    nodes = 2
    extra = "PrologFlags=contain\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\n"
    cluster_type = SpankCluster

    def setUp(self):
        super().setUp()
        self.c.configure()
        for name in os.listdir(self.c.notes):
            if not name.startswith("slurmd"):
                os.unlink(f"{self.c.notes}/{name}")

    def wait_calls(self, name, last):
        wait_for(lambda: any(call == last for call, _ in self.c.calls(name)), 20, f"{last} in {name}")
        return self.c.calls(name)

    def compare(self, name, text):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"spank.{name}.expected")
        if os.environ.get("FLURM_UPDATE_GOLDEN"):
            with open(path, "w") as file:
                file.write(text)
        with open(path) as file:
            expected = file.read()
        self.assertEqual("".join(difflib.unified_diff(expected.splitlines(True), text.splitlines(True))), "")

    def test_every_call_of_a_step(self):
        done = self.c.try_run("srun", "-N2", "-n3", "--mem=100", "--witness-word=apple", "--witness-flag", "sh", "-c",
                              "echo $SLURM_JOB_ID $SLURM_PROCID $WITNESS ${WITNESS_GOES-gone}", user=USER,
                              env={"WITNESSED": "yes indeed", "WITNESS_GOES": "no"})
        self.assertEqual(done.returncode, 0, done.stderr)
        job = done.stdout.split()[0]
        self.assertEqual(sorted(done.stdout.splitlines()), [f"{job} {i} task_init gone" for i in range(3)])
        text = ""
        for node in (0, 1):
            calls = self.wait_calls(f"remote.0.{node}", "exit")
            order = [call for call, _ in calls]
            # What tasks do by themselves comes in any order; each call has its place among those of its process.
            shared = [call for call in order if not call.startswith("task_init")]
            tasks = 2 if node == 0 else 1
            self.assertEqual(shared, ["init", "init_post_opt", "user_init"] + ["task_post_fork"] * tasks +
                             ["task_exit"] * tasks + ["exit"])
            self.assertEqual(sorted(call for call in order if call.startswith("task_init")),
                             ["task_init"] * tasks + ["task_init_privileged"] * tasks)
            self.assertGreater(order.index("task_init"), max(i for i, c in enumerate(order) if c == "task_post_fork"))
            text += "".join(f"node {node} {part}" for part in in_order(calls))
        self.compare("step", plain(text, job))

    def test_every_call_of_a_batch_job(self):
        job = self.c.submit("-o", "batch.out", "--witness-flag", script="echo $WITNESS", user=USER)
        self.c.wait_end(job)
        self.assertEqual(self.c.read("batch.out"), "task_init\n")
        text = "".join(in_order(self.wait_calls("remote.-5.0", "exit")))
        text = re.sub(r"/\S*/job\d+/slurm_script", "SCRIPT", text)
        self.compare("batch", plain(text, job))
        text = "".join(part for _, part in self.wait_calls("remote.-4.0", "exit"))
        self.compare("extern", plain(text, job))

    def test_calls_around_a_job(self):
        job = self.c.submit("--witness-flag", user=USER)
        self.c.wait_end(job)
        text = "".join(part for _, part in self.wait_calls("job_script.0.0", "job_epilog"))
        self.compare("around_job", plain(text, job))

    def test_daemon_begins_and_ends(self):
        self.assertEqual([call for call, _ in self.c.calls("slurmd.0.0")], ["init"] * 2)

    def test_what_plugins_say(self):
        self.c.configure("say")
        done = self.c.try_run("srun", "true", user=USER)
        lines = [line for line in done.stderr.splitlines() if "witness" in line]
        lines = [line.replace("slurmstepd-n1", "slurmstepd") for line in lines]
        remote = lines[lines.index("witness: local_user_init") + 2:]
        remote = [line for line in remote if not line.endswith(": exit")]  # srun's own
        calls = ("user_init", "task_init_privileged", "task_post_fork", "task_init", "task_exit")
        self.assertEqual(sorted(remote), sorted(line for call in calls for line in
                                                (f"witness: {call}", f"slurmstepd: error: witness error: {call}")))

    def test_refusals(self):
        refused = {"init": "Plugin initialization failed", "init_post_opt": "Plugin initialization failed",
                   "user_init": "spank_user failed", "task_init_privileged": "spank_task_init_privileged failed",
                   "task_init": "Failed to invoke spank plugin stack", "task_post_fork": "spank task 0 post-fork failed"}
        for call, complaint in refused.items():
            with self.subTest(call):
                self.c.configure("fail=" + call)
                done = self.c.try_run("srun", "-w", "n1", "echo", "ran", user=USER)
                self.assertEqual(done.stdout, "")
                self.assertIn(complaint, done.stderr)
                self.assertEqual(done.returncode, 1 if call.startswith("task_init") else 0)
        self.c.configure("fail=task_init", kind="optional")
        self.assertEqual(self.c.run("srun", "echo", "ran", user=USER), "ran\n")

    def test_plugin_that_cannot_be_loaded(self):
        with open(self.c.folder + "/plugins/witness.conf", "w") as file:
            file.write("optional /nowhere/plugin.so\n")
        self.assertEqual(self.c.run("srun", "echo", "ran", user=USER), "ran\n")

    @unittest.skipIf(cluster.REAL or cluster.REAL_NODES, "slurmd waits for a slurmstepd that crashed")
    def test_crashes_cost_no_more_than_the_step(self):
        daemon = self.c.pid("n1")
        for call in ("task_post_fork", "task_init"):
            with self.subTest(call):
                self.c.configure("crash=" + call)
                self.assertNotEqual(self.c.try_run("srun", "-w", "n1", "true", user=USER).returncode, 0)
                self.c.configure()
                self.assertEqual(self.c.run("srun", "-w", "n1", "echo", "well", user=USER), "well\n")
        self.assertEqual(self.c.pid("n1"), daemon)
        os.kill(daemon, 0)


if __name__ == "__main__":
    main()
