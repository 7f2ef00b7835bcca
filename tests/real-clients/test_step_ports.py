"""srun --resv-ports and MpiParams=ports=: ports that a step has for itself."""

import os
import subprocess
import unittest

from cluster import REAL, ClusterTest, main, wait_for


class Ports(ClusterTest):
    """Four ports on each of two nodes."""

    nodes = 2
    extra = "MpiParams=ports=12000-12003\n"

    def numbers(self, *options):
        """Those that a step got, one task of which prints them."""
        text = self.c.run("srun", *options, "sh", "-c", "test $SLURM_PROCID = 0 && echo $SLURM_STEP_RESV_PORTS; true")
        out = []
        for part in filter(None, text.strip().split(",")):
            first, _, last = part.partition("-")
            out += range(int(first), int(last or first) + 1)
        return out

    def test_as_many_as_asked_for_in_turn(self):
        first, second = self.numbers("--resv-ports=2"), self.numbers("--resv-ports=2")
        self.assertEqual(sorted(first + second), [12000, 12001, 12002, 12003])

    def test_none(self):
        self.assertEqual(self.numbers("--resv-ports=0"), [])

    def test_one_more_than_tasks_on_a_node_by_default(self):
        self.assertEqual(len(self.numbers("-n1")), 2)
        self.assertEqual(len(self.numbers("-N2", "-n3")), 3)

    def test_more_than_there_are(self):
        done = self.c.try_run("srun", "--resv-ports=5", "true")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Unable to create step for job", done.stderr)
        self.assertIn("Requires more ports than can be reserved", done.stderr)

    def test_they_are_shown_and_waited_for(self):
        done = self.c.work + "/done"
        script = ("srun --overlap -n1 --resv-ports=3 sh -c 'while ! test -e " + done + "; do sleep 0.1; done' & "
                  "srun --overlap -n1 --resv-ports=3 printenv SLURM_STEP_RESV_PORTS; wait")
        env = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
        job = subprocess.Popen(["salloc", "-Q", "-n1", "sh", "-c", script], env={**env, "SLURM_CONF": self.c.conf},
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.c.work)
        self.addCleanup(job.wait)
        self.addCleanup(job.terminate)
        wait_for(lambda: "ResvPorts=12" in self.c.run("scontrol", "show", "steps"), 20, "a step with ports")
        self.assertEqual(self.c.run("scontrol", "-o", "show", "steps").count("ResvPorts=12"), 1)
        open(done, "w").close()
        if REAL:
            return  # there the second srun looks again after minutes only
        said, errors = job.communicate(timeout=90)
        self.assertRegex(said, r"^12\d{3}")


if __name__ == "__main__":
    main()
