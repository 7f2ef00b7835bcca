"""--hint of srun, salloc and sbatch on nodes with two threads a core, which the machine need not have: what a job gets, how its tasks
are to be bound, and what they find in their environment. What Slurm's daemons do (FLURM_REAL=1) is kept in hints.expected."""

import difflib
import os
import re
import unittest

from cluster import ClusterTest, is_root, main

HINTS = "compute_bound", "memory_bound", "multithread", "nomultithread"
SIZES = {
    "two tasks": ("-N1", "-n2"),
    "two tasks of two": ("-N1", "-n2", "-c2"),
    "five tasks": ("-N1", "-n5"),
    "two whole nodes": ("-N2", "-n4", "--exclusive"),
}
EXPECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hints.expected")
# Of the environment what hints may change.
LOOK = "env | grep -E '^(SLURM|SBATCH)_.*(HINT|BIND|THREAD|NTASKS|NPROCS|CPUS|TASKS_PER|DIST|CORE|SOCKET)' | sort"
SHOWN = "NumNodes NumCPUs NumTasks CPUs/Task ReqB:S:C:T TRES NtasksPerN:B:S:C CoreSpec CPU_IDs".split()


@unittest.skipIf(not is_root(), "needs root")
class Hints(ClusterTest):
    maxDiff = None
    nodes = 2
    extra = ("NodeName=DEFAULT CPUs=8 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2\nSelectTypeParameters=CR_Core\nDefMemPerCPU=\n")

    def normal(self, text):
        text = re.sub(r"slurmstepd(-\w+)?:", "slurmstepd:", text).replace(self.c.folder, "FOLDER")
        text = re.sub(r"(job|StepId=|JobId=) ?\d+", r"\1 J", text)
        return re.sub(r"\[\d+\]", "[PID]", text)

    def shows(self, job):
        words = self.c.run("scontrol", "-d", "show", "job", job).split()
        pairs = [word for word in words if word.split("=")[0] in SHOWN]
        return " ".join(pairs) + "\n"

    def said(self, done):
        lines = (done.stdout + done.stderr).splitlines()
        lines = [line for line in lines if not re.search(r"queued and waiting|has been allocated|Granted job|has been revoked|Relinquishing", line)]
        return "".join(self.normal(line) + "\n" for line in sorted(lines)) + f"-- {done.returncode}\n"

    def seen(self):
        text = ""
        for hint in HINTS:
            for name, options in SIZES.items():
                text += f"== srun {hint}: {name}\n"
                text += self.said(self.c.try_run("srun", *options, "--hint=" + hint, "--cpu-bind=verbose", "-l", "sh", "-c", LOOK))
            text += f"== sbatch {hint}\n"
            job = self.c.submit("-N1", "-n2", "--hint=" + hint, "-o", "batch.out", script=f"{LOOK}\nsrun --cpu-bind=verbose -l sh -c \"{LOOK}\" 2>&1 | sort")
            self.c.wait_end(job)
            text += self.shows(job) + self.normal(self.c.read("batch.out"))
            text += f"== salloc {hint}\n"
            text += self.said(self.c.try_run("salloc", "-N1", "-n2", "--hint=" + hint, "sh", "-c", LOOK + "; srun -n1 -l --cpu-bind=verbose true"))
        text += "== SLURM_HINT\n"
        text += self.said(self.c.try_run("srun", "-n2", "-l", "sh", "-c", LOOK, env={"SLURM_HINT": "nomultithread"}))
        for wrong in (("--hint=nonsense",), ("--hint=compute_bound", "--ntasks-per-core=1"), ("--hint=nomultithread", "--cpu-bind=cores"),
                      ("--hint=nomultithread", "--threads-per-core=2")):
            text += f"== {' '.join(wrong)}\n"
            text += self.said(self.c.try_run("srun", "-n1", "-l", *wrong, "sh", "-c", LOOK))
        return text

    def test_as_with_slurms_daemons(self):
        text = self.seen()
        if os.environ.get("FLURM_WRITE_EXPECTED"):
            with open(EXPECTED, "w") as file:
                file.write(text)
        with open(EXPECTED) as file:
            expected = file.read()
        self.assertFalse(list(difflib.unified_diff(expected.splitlines(), text.splitlines(), "slurmd", "flurmnd", lineterm="", n=8)),
                         "\n" + "\n".join(difflib.unified_diff(expected.splitlines(), text.splitlines(), "slurmd", "flurmnd", lineterm="", n=3)))


if __name__ == "__main__":
    main()
