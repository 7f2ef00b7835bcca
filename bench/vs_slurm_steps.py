"""Steps, for bench/vs-slurm: how soon srun's tasks run and end, and how fast their output comes.

What is started runs as the caller, on the nodes of one machine: all of them share its processors.
"""

import os
import shutil
import subprocess
import tempfile
import time

MPI_PROGRAM = """
#include <mpi.h>
int main(int argc, char** argv) { MPI_Init(&argc, &argv); MPI_Barrier(MPI_COMM_WORLD); return MPI_Finalize(); }
"""


def seconds(cluster, script, limit):
    """How long a shell script takes that calls the cluster's clients."""
    begin = time.monotonic()
    subprocess.run(["sh", "-ec", script], env=cluster.env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, text=True, timeout=limit, cwd="/tmp")
    return time.monotonic() - begin


def middle(cluster, script, times, limit):
    return 1000 * sorted(seconds(cluster, script, limit) for _ in range(times))[times // 2]


def measure(cluster, plan, limit):
    """{row: (value, unit, higher is better)}"""
    folder = tempfile.mkdtemp(prefix="flurm-steps-", dir="/tmp")
    try:
        rows = {"srun -n1 true, p50": (middle(cluster, "srun -n1 true", plan["srun"], limit), "ms", False)}
        wide = f"srun -N{cluster.nodes} -n64 -O true"
        rows["srun -n64 true on all nodes, p50"] = (middle(cluster, wide, plan["wide"], limit), "ms", False)
        size = plan["output"]
        rows[f"{size} MB of output"] = (size / seconds(cluster, f"srun -n1 head -c {size}000000 /dev/zero", limit), "MB/s", True)
        steps = plan["steps"]
        loop = f"salloc -Q -n1 sh -ec 'for i in $(seq {steps}); do srun -n1 true; done'"
        rows[f"{steps} steps in one allocation"] = (steps / seconds(cluster, loop, limit), "/s", True)
        if shutil.which("mpicc.openmpi"):
            source, program = folder + "/hello.c", folder + "/hello"
            with open(source, "w") as file:
                file.write(MPI_PROGRAM)
            subprocess.run(["mpicc.openmpi", "-o", program, source], check=True)
            os.chmod(folder, 0o755)
            # On one node: several of Slurm's on one machine take each other's files.
            hello = f"srun --mpi=pmix -N1 -n{plan['ranks']} -O {program}"
            # Its ranks wait by spinning; with many more of them than CPUs one run says little.
            rows[f"Open MPI, {plan['ranks']} ranks through PMIx, p50"] = (middle(cluster, hello, plan["wide"], limit), "ms", False)
        return rows
    finally:
        shutil.rmtree(folder)
