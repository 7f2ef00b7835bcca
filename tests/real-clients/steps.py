"""What tests of salloc, srun and steps have in common."""

import os
import subprocess

from cluster import ClusterTest


class StepTest(ClusterTest):
    nodes = 3

    def srun(self, *argv, **options):
        return self.c.run("srun", *argv, **options)

    def start(self, *argv, **more):
        """A client in the background; killed at the end of the test."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SALLOC_"))}
        env["SLURM_CONF"] = self.c.conf
        process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, env=env, cwd=self.c.work, **more)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.stdout.close()  # what it began may hold the other end for long
        process.wait()

    def output_of(self, process, seconds=40):
        return process.communicate(timeout=seconds)[0]

    def step_ids(self):
        return sorted(line.strip() for line in self.c.run("squeue", "-h", "-s", "-o", "%i").splitlines())

    def script(self, *lines, options=()):
        """Runs a batch script to its end; returns its record and what it wrote."""
        job = self.c.submit("-o", "script-%j.out", *options, script="\n".join(lines))
        record = self.c.wait_end(job, 90)
        return record, self.c.read(f"script-{job}.out")
