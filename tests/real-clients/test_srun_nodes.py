"""Parallel steps on our nodes: Debian's srun, salloc, sattach and sbcast against flurmnd and flurmstepd."""

import difflib
import fcntl
import glob
import hashlib
import os
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import unittest

from cluster import REAL, REAL_CONTROLLER, REAL_NODES, Cluster, ClusterTest, is_root, kill, main, wait_for


class Launch(ClusterTest):
    """What a step prints, and what it ends with."""

    def test_a_task(self):
        self.assertEqual(self.c.run("srun", "echo", "hello"), "hello\n")

    def test_tasks_on_several_nodes(self):
        out = self.c.run("srun", "-N3", "-n7", "--label", "printenv", "SLURMD_NODENAME")
        self.assertEqual(sorted(out.splitlines()),
                         ["0: n1", "1: n1", "2: n1", "3: n1", "4: n2", "5: n2", "6: n3"])

    def test_standard_error_is_apart(self):
        done = self.c.try_run("srun", "-n2", "sh", "-c", "echo out; echo err >&2")
        self.assertEqual((done.stdout, done.stderr), ("out\nout\n", "err\nerr\n"))

    def test_exit_codes(self):
        done = self.c.try_run("srun", "-N2", "sh", "-c", "exit $((SLURM_PROCID+3))")
        self.assertEqual(done.returncode, 4)
        self.assertEqual(sorted(done.stderr.splitlines()),
                         ["srun: error: n1: task 0: Exited with exit code 3",
                          "srun: error: n2: task 1: Exited with exit code 4"])

    def test_a_task_that_is_killed(self):
        done = self.c.try_run("srun", "sh", "-c", "kill -SEGV $$")
        self.assertEqual(done.returncode, 139)
        self.assertRegex(done.stderr, "n[123]: task 0: Segmentation fault")

    def test_a_program_that_is_not_there(self):
        done = self.c.try_run("srun", "/no/such/program")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"error: execve\(\): /no/such/program: No such file or directory")

    def test_input_goes_to_all_tasks(self):
        self.assertEqual(self.c.run("srun", "-N2", "-n2", "cat", stdin="a line\n"), "a line\n" * 2)

    def test_input_goes_to_one_task(self):
        out = self.c.run("srun", "-N2", "-n3", "--label", "--input=2", "cat", stdin="a line\n")
        self.assertEqual(out, "2: a line\n")

    def test_much_output_arrives_whole(self):
        # Lines of several tasks come mixed, and with labels a line may be cut; so the tasks' lines differ.
        out = self.c.run("srun", "-N2", "-n2", "sh", "-c", "seq -f $SLURM_PROCID-%.0f 200000")
        for task in "01":
            lines = [line[2:] for line in out.splitlines() if line.startswith(task + "-")]
            self.assertEqual(lines, [str(n) for n in range(1, 200001)])

    def test_much_input_arrives_whole(self):
        text = "".join(f"{n}\n" for n in range(200000))
        done = self.c.run("srun", "-n2", "--label", "md5sum", stdin=text).splitlines()
        self.assertEqual(len({line[3:] for line in done}), 1)
        self.assertEqual(self.c.run("srun", "cat", stdin=text), text)

    def test_files_by_pattern(self):
        self.c.run("srun", "-N2", "-n3", "--output=out.%t.%n", "--error=err.%J", "sh", "-c", "echo out $SLURM_PROCID; echo err >&2")
        # Which of the nodes has two tasks the controller decides.
        names = sorted(name for name in os.listdir(self.c.work) if name.startswith("out."))
        self.assertEqual(names, ["out.0.0", "out.1.0", "out.2.1"])
        self.assertEqual(self.c.read("out.2.1"), "out 2\n")

    def test_labelled_files(self):
        self.c.run("srun", "-n2", "--label", "--output=lab.%t", "sh", "-c", "echo one; echo two")
        self.assertEqual(self.c.read("lab.1"), "1: one\n1: two\n")

    def test_a_file_that_cannot_be_written(self):
        done = self.c.try_run("srun", "--output=/no/such/dir/%t", "true")
        self.assertRegex(done.stderr, "task 0 launch failed|Could not open stdout file /no/such/dir/0")

    def test_unbuffered(self):
        self.assertEqual(self.c.run("srun", "-u", "printf", "no newline"), "no newline")

    def test_several_programs(self):
        with open(self.c.work + "/multi", "w") as file:
            file.write("0 echo first %t %o\n1-2 echo 'the rest' %t %o\n")
        out = self.c.run("srun", "-n3", "--multi-prog", "multi")
        self.assertEqual(sorted(out.splitlines()), ["first 0 0", "the rest 1 0", "the rest 2 1"])

    def test_steps_in_a_batch_job(self):
        job = self.c.submit("-N2", "-n4", "-o", "steps.out",
                            script="srun -n4 echo step; srun -N1 -n1 sh -c 'exit 3'; echo code $?; srun -n2 printenv SLURM_STEP_ID")
        self.c.wait_state(job, "COMPLETED")
        lines = self.c.read("steps.out").splitlines()
        self.assertEqual(lines.count("step"), 4)
        self.assertIn("code 3", lines)
        self.assertEqual(lines.count("2"), 2)

    def test_salloc(self):
        done = self.c.try_run("salloc", "-N2", "srun", "-n2", "printenv", "SLURM_NODEID")
        self.assertEqual(sorted(done.stdout.splitlines()), ["0", "1"])
        self.assertEqual(done.returncode, 0)

    def test_kill_on_bad_exit(self):
        done = self.c.try_run("srun", "-N2", "-n2", "-K", "sh", "-c", "test $SLURM_PROCID = 0 && exit 5; sleep 60")
        self.assertRegex(done.stderr, r"n\d: task 0: Exited with exit code 5")
        self.assertNotEqual(done.returncode, 0)

    def test_cancelled_step(self):
        job = self.c.submit("-o", "cancel.out", script="srun -o step.out -e step.err sh -c 'echo up; sleep 60'; echo ended $?")
        self.c.wait_text("step.out", "up")
        self.c.run("scancel", job + ".0")
        self.c.wait_state(job, "COMPLETED")
        self.assertRegex(self.c.read("step.err"), r"STEP \d+\.0 ON n\d CANCELLED AT")

    def test_time_limit(self):
        done = self.c.try_run("srun", "-t", "0:01", "sh", "-c", "echo up; sleep 120", timeout=110)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("DUE TO TIME LIMIT", done.stderr)

    def test_epilogs_of_all_tasks_that_fail_are_told(self):
        # Also those after the first task's end: its standard error carries what is told.
        with open(self.c.work + "/failing-epilog", "w") as file:
            file.write("#!/bin/sh\nsleep 0.1\nkill -9 $$\n")
            os.fchmod(file.fileno(), 0o755)
        done = self.c.try_run("srun", "-n4", "-O", "-N1", "--task-epilog=" + self.c.work + "/failing-epilog", "true")
        self.assertEqual(done.stderr.count("error: TaskEpilog failed status=9"), 4, done.stderr)

    def test_said_more_when_asked_for(self):
        done = self.c.try_run("srun", "--slurmd-debug=error", "true")
        self.assertRegex(done.stderr, r"debug levels are stderr='verbose', logfile='\w+', syslog='\w+'")

    @unittest.skipUnless(is_root(), "needs Slurm's user")
    def test_without_an_allocation(self):
        out = self.c.run("srun", "--no-allocate", "-w", "n2", "-N1", "printenv", "SLURMD_NODENAME")
        self.assertEqual(out, "n2\n")
        done = self.c.try_run("srun", "--no-allocate", "-w", "n2", "-N1", "true", user="nobody")
        self.assertNotEqual(done.returncode, 0)

    def test_two_steps_at_a_time(self):
        done = self.c.try_run("salloc", "-n2", "sh", "-c",
                              "srun -n1 --exact --mem=100 sleep 1 & srun -n1 --exact --mem=100 sleep 1 & wait; squeue -hs")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")

    def test_signal_to_a_step(self):
        job = self.c.submit("-n2", "-o", "signal.out",
                            script="srun -n2 sh -c 'trap \"echo got; exit 7\" USR1; echo up; while :; do sleep 0.1; done'; echo code $?")
        self.c.wait_text("signal.out", "up\nup\n")
        self.c.run("scancel", "-s", "USR1", job + ".0")
        self.c.wait_state(job, "COMPLETED")
        self.assertEqual(self.c.read("signal.out").count("got"), 2)
        self.assertIn("code 7", self.c.read("signal.out"))

    def test_tasks_wait_for_a_debugger(self):
        job = self.c.submit("-o", "debug.out", script="srun --debugger-test sleep 1000")
        self.c.wait_text("debug.out", "executable:")
        pid = re.search(r"pid:(\d+)", self.c.read("debug.out")).group(1)

        def stands_still():
            with open(f"/proc/{pid}/stat") as file:
                name, state = file.read().rsplit(")", 1)
            return name.endswith("(sleep") and state.split()[0] == "T"

        wait_for(stands_still, 20, "the task stopped in its program")
        self.c.run("scancel", job)
        self.c.wait_state(job, "CANCELLED")

    @unittest.skipIf(REAL or REAL_NODES, "wakes them first where they are cancelled, not where their time is over")
    def test_what_waits_for_a_debugger_ends_without_a_word(self):
        job = self.c.submit("-o", "woken.out", script="srun --overcommit -n8 --debugger-test echo woken")
        wait_for(lambda: os.path.exists(self.c.work + "/woken.out") and self.c.read("woken.out").count("executable:") == 8, 20, "the tasks")
        self.c.run("scancel", job)
        self.c.wait_state(job, "CANCELLED")
        self.assertNotIn("woken\n", self.c.read("woken.out"))

    def test_prolog_and_epilog_of_tasks(self):
        for name, text in (("prolog", "echo export FROM_PROLOG=yes; echo print printed"), ("epilog", "echo ended $SLURM_PROCID >> epilog.out")):
            with open(f"{self.c.work}/{name}", "w") as file:
                file.write(f"#!/bin/sh\n{text}\n")
            os.chmod(f"{self.c.work}/{name}", 0o755)
        out = self.c.run("srun", "-n2", "--task-prolog", self.c.work + "/prolog", "--task-epilog", self.c.work + "/epilog",
                         "sh", "-c", "echo $FROM_PROLOG")
        self.assertEqual(sorted(out.splitlines()), ["printed", "printed", "yes", "yes"])
        self.assertEqual(sorted(self.c.read("epilog.out").splitlines()), ["ended 0", "ended 1"])


class Others(ClusterTest):
    """sattach, sbcast and sstat."""

    extra = "JobAcctGatherType=jobacct_gather/linux\n"

    def test_sattach(self):
        job = self.c.submit("-n2", "-o", "/dev/null",
                            script="srun -n2 sh -c 'touch up.$SLURM_PROCID; while [ ! -e go ]; do sleep 0.1; done; echo line $SLURM_PROCID'")
        # A step that is known to the controller may have no tasks yet; a real slurmd sends clients away then too.
        wait_for(lambda: all(os.path.exists(f"{self.c.work}/up.{task}") for task in range(2)), 20, "the tasks")
        done = []
        follower = threading.Thread(target=lambda: done.append(self.c.try_run("sattach", "--label", job + ".0")))
        follower.start()
        time.sleep(1)
        open(self.c.work + "/go", "w").close()
        follower.join(30)
        os.unlink(self.c.work + "/go")
        self.assertEqual(sorted(done[0].stdout.splitlines()), ["0: line 0", "1: line 1"], done[0].stderr)
        self.c.wait_state(job, "COMPLETED")

    def broadcast(self, *options):
        text = os.urandom(300_000) + b"x" * 5_000_000
        with open(self.c.work + "/big", "wb") as file:
            file.write(text)
        os.chmod(self.c.work + "/big", 0o754)
        target = self.c.work + "/copy"
        # The nodes share this machine, and so the file: each would find the other's.
        done = self.c.try_run("salloc", "-N1", "sbcast", *options, self.c.work + "/big", target)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(target, "rb") as file:
            self.assertEqual(hashlib.md5(file.read()).digest(), hashlib.md5(text).digest())
        about = os.stat(target)
        os.unlink(target)
        return about

    def test_sbcast(self):
        self.assertEqual(self.broadcast().st_mode & 0o777, 0o754)

    def test_sbcast_in_small_blocks_with_times(self):
        about = self.broadcast("-p", "-s", "200k")
        self.assertEqual(int(about.st_mtime), int(os.stat(self.c.work + "/big").st_mtime))

    def test_sbcast_compressed(self):
        self.broadcast("--compress=lz4")

    def test_sbcast_does_not_overwrite(self):
        with open(self.c.work + "/there", "w") as file:
            file.write("old")
        done = self.c.try_run("salloc", "-N1", "sbcast", "/etc/passwd", self.c.work + "/there")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.c.read("there"), "old")
        self.c.run("salloc", "-N1", "sbcast", "-f", "/etc/passwd", self.c.work + "/there")
        self.assertNotEqual(self.c.read("there"), "old")

    def test_program_sent_along(self):
        out = self.c.run("srun", "-N1", f"--bcast={self.c.work}/sent-echo", "/bin/echo", "here")
        self.assertEqual(out, "here\n")

    def test_statistics_and_processes(self):
        with open(self.c.work + "/take", "w") as file:
            file.write("x=$(head -c $1 /dev/zero | tr '\\0' a)\necho > ready.$SLURM_PROCID\nsleep 60\n")
        with open(self.c.work + "/programs", "w") as file:
            file.write("0 sh take 1000\n1 sh take 30000000\n")
        job = self.c.submit("-n2", "-o", "/dev/null", script="srun -n2 --multi-prog programs")
        wait_for(lambda: os.path.exists(self.c.work + "/ready.1"), 20, "the tasks")
        form = "JobID,NTasks,MaxRSSTask,MaxRSS,AveRSS,Pids"
        out = self.c.run("sstat", "-nP", "--noconvert", "-j", job + ".0", "-o", form).strip().split("|")
        self.assertEqual(out[:3], [job + ".0", "2", "1"])
        most, mean = (int(float(size)) for size in out[3:5])
        self.assertGreater(most, 30_000_000)
        self.assertLess(most, 90_000_000)
        self.assertLess(mean, most)
        self.assertGreaterEqual(len(out[5].split(",")), 2)
        self.c.run("scancel", job)


    def test_list_of_processes(self):
        job = self.c.submit("-n2", "-N1", "-w", "n2", "-o", "list.out", script="srun -n2 sh -c 'echo $SLURM_PROCID $$; exec sleep 60'")
        wait_for(lambda: os.path.exists(self.c.work + "/list.out") and self.c.read("list.out").count("\n") == 2, 20, "the tasks")
        pids = dict(line.split() for line in self.c.read("list.out").splitlines())
        rows = [line.split() for line in self.c.run("scontrol", "listpids", job, "n2").splitlines()[1:]]
        for rank in "01":
            self.assertIn([pids[rank], job, "0", rank, rank], rows)
        self.assertTrue(any(row[2] == "batch" for row in rows), rows)
        self.c.run("scancel", job)
        wait_for(lambda: not glob.glob(f"{self.c.dir}/spool/n2/n2_{job}.*"), 20, "the end of its sockets")


class Tree(ClusterTest):
    """Messages that go from node to node, each passing them on to the next."""

    nodes = 4
    extra = "TreeWidth=1\n"

    def test_launch_and_end(self):
        done = self.c.try_run("srun", "-N4", "-n4", "sh", "-c", "echo $SLURMD_NODENAME; exit $SLURM_NODEID")
        self.assertEqual(sorted(done.stdout.split()), ["n1", "n2", "n3", "n4"])
        self.assertEqual(done.returncode, 3)
        # The controller's own orders go the same way.
        wait_for(lambda: not self.c.squeue("%i"), 10, "the end of the job on all nodes")

    @unittest.skipUnless(is_root(), "needs another user")
    def test_another_users_step(self):
        done = self.c.try_run("srun", "-N3", "-n3", "id", "-un", user="nobody")
        self.assertEqual((done.returncode, done.stdout), (0, "nobody\n" * 3))
        done = self.c.try_run("salloc", "-N3", "srun", "sh", "-c", "kill -TERM $$", user="nobody")
        self.assertNotEqual(done.returncode, 0)

    def test_signals_reach_all(self):
        job = self.c.submit("-N4", "-n4", "-o", "tree.out",
                            script="srun -n4 sh -c 'trap \"exit 7\" USR1; echo up; while :; do sleep 0.1; done'; echo code $?")
        wait_for(lambda: self.c.read("tree.out").count("up") == 4 if os.path.exists(self.c.work + "/tree.out") else 0, 20, "the tasks")
        self.c.run("scancel", "-s", "USR1", job + ".0")
        self.c.wait_state(job, "COMPLETED")
        self.assertIn("code 7", self.c.read("tree.out"))


@unittest.skipIf(REAL or REAL_NODES, "so many of Slurm's daemons take long to start")
class Wide(ClusterTest):
    """A step of many nodes is no work for the controller: its launch and its end go through the nodes."""

    nodes = 64
    extra = "TreeWidth=8\n"

    def test_what_the_controller_hears_of_a_step(self):
        out = self.c.run("salloc", "-N64", "--ntasks-per-node=1", "sh", "-c",
                         "sdiag -r > /dev/null; srun -n64 sh -c 'echo on $SLURMD_NODENAME'; sleep 2; sdiag")
        self.assertEqual(len(set(re.findall(r"on (n\d+)", out))), 64)
        heard = {name: int(count) for name, count in re.findall(r"^\t(REQUEST_\w+) +\( *\d+\) count:(\d+)", out, re.M)}
        self.assertEqual(heard["REQUEST_JOB_STEP_CREATE"], 1)
        # What comes from nodes within half a second comes together: one of all where nothing else keeps the machine busy.
        self.assertLessEqual(heard["REQUEST_STEP_COMPLETE"], 8)
        self.assertLessEqual(sum(heard.values()), 14, heard)


class Contained(ClusterTest):
    """PrologFlags=Contain and salloc's interactive step."""

    extra = "PrologFlags=Contain\nLaunchParameters=use_interactive_step\n"

    def test_the_extern_step_is_there_as_long_as_the_job(self):
        # The shell of the interactive step is the user's $SHELL, which a machine that only builds may not have.
        done = self.c.try_run("salloc", "-n2", stdin="squeue -hs -o %i\nsrun -n2 echo inside < /dev/null\nexit 3\n", env={"SHELL": "/bin/sh"})
        self.assertEqual(done.returncode, 3)
        steps = [line.split(".")[1] for line in done.stdout.splitlines() if "." in line]
        self.assertEqual(sorted(steps), ["extern", "interactive"])
        self.assertEqual(done.stdout.count("inside"), 2)

    @unittest.skipUnless(is_root(), "adopts as root")
    def test_a_login_becomes_part_of_the_job(self):
        # What Debian's pam_slurm_adopt says to the extern step.
        job = self.c.submit("-o", "/dev/null", script="sleep 60")
        self.c.wait_state(job, "RUNNING")
        path = f"{self.c.dir}/spool/n1/n1_{job}.{0xfffffffc}"
        wait_for(lambda: os.path.exists(path), 20, "the extern step")
        login = subprocess.Popen(["sleep", "60"])
        with socket.socket(socket.AF_UNIX) as step:
            step.connect(path)
            ask = lambda *numbers: (step.sendall(struct.pack(f"{len(numbers)}i", *numbers)), struct.unpack("i", step.recv(4))[0])[1]
            self.assertGreaterEqual(ask(9728), 9728)
            self.assertEqual(ask(20), os.getuid())
            self.assertEqual(ask(22, login.pid), 0)
        self.assertIn(str(login.pid), self.c.run("scontrol", "listpids", job, "n1").split())
        self.c.run("scancel", job)
        self.assertIn(login.wait(20), (-9, -15))

    def test_batch_jobs_have_one_too(self):
        job = self.c.submit("-o", "contain.out", script="squeue -hs -j $SLURM_JOB_ID -o %i; srun true")
        self.c.wait_state(job, "COMPLETED")
        self.assertEqual(sorted(self.c.read("contain.out").split()), [job + ".batch", job + ".extern"])


@unittest.skipUnless(is_root() and os.access("/sys/fs/cgroup/memory/cgroup.procs", os.W_OK), "needs cgroups of its own")
class Memory(ClusterTest):
    """Memory limits of steps, by the kernel."""

    extra = "ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup\n"

    @classmethod
    def setUpClass(cls):
        class WithCgroups(Cluster):
            def up(self):
                os.makedirs(self.dir + "/etc", exist_ok=True)
                with open(self.dir + "/etc/cgroup.conf", "w") as file:
                    file.write("ConstrainRAMSpace=yes\n")
                return super().up()

        cls.cluster_type = WithCgroups
        super().setUpClass()

    def test_a_step_with_less_than_its_job(self):
        with open(self.c.work + "/take", "w") as file:
            file.write("x=$(head -c 60000000 /dev/zero | tr '\\0' a)\necho took\n")
        job = self.c.submit("-n2", "--mem=400", "-o", "memory.out",
                            script="srun -n1 --mem=30 sh take; echo code $?; srun -n1 --mem=300 sh take")
        self.c.wait_end(job)
        text = self.c.read("memory.out")
        self.assertIn("Out Of Memory", text)
        self.assertEqual(text.count("took\n"), 1)
        self.assertNotIn("code 0", text)


PMI_PROGRAM = r"""
import os, socket
task = socket.socket(fileno=int(os.environ["PMI_FD"])).makefile("rwb", 0)
rank, size = int(os.environ["PMI_RANK"]), int(os.environ["PMI_SIZE"])
def ask(text):
    task.write(text.encode() + b"\n")
    return task.readline().decode().strip()
assert ask("cmd=init pmi_version=1 pmi_subversion=1") == "cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1"
name = ask("cmd=get_my_kvsname").split("kvsname=")[1]
for step in range(3):
    assert "rc=0" in ask(f"cmd=put kvsname={name} key=k{step}-{rank} value=v{step}.{rank}")
    assert ask("cmd=barrier_in") == "cmd=barrier_out rc=0"
    for other in range(size):
        answer = ask(f"cmd=get kvsname={name} key=k{step}-{other}")
        assert answer == f"cmd=get_result rc=0 value=v{step}.{other}", answer
assert ask("cmd=get kvsname=x key=nothing") == "cmd=get_result rc=1"
assert "vector" in ask("cmd=get kvsname=x key=PMI_process_mapping")
assert ask("cmd=finalize").startswith("cmd=finalize_ack")
print("done", rank, size)
"""

# Ranks that wait turn round and round, and there may be fewer processors than ranks.
MPI_PATIENCE = 240

MPI_PROGRAM = r"""
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char** argv) {
  int rank, size, sum = 0, token = 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (argc > 1 && rank == 1) MPI_Abort(MPI_COMM_WORLD, 5);
  if (argc > 1) for (;;) MPI_Barrier(MPI_COMM_WORLD);
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 0) {
    token = 1;
    MPI_Send(&token, 1, MPI_INT, 1 % size, 0, MPI_COMM_WORLD);
    MPI_Recv(&token, 1, MPI_INT, size - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  } else {
    MPI_Recv(&token, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    ++token;
    MPI_Send(&token, 1, MPI_INT, (rank + 1) % size, 0, MPI_COMM_WORLD);
  }
  if (rank == 0) printf("ring %d of %d, sum %d\n", token, size, sum);
  char* block = calloc(1, 1 << 20);
  double begin = MPI_Wtime();
  for (int i = 0; i < 64 && rank < 2 && size > 1; ++i) {
    if (rank == 0) MPI_Send(block, 1 << 20, MPI_CHAR, 1, 1, MPI_COMM_WORLD);
    if (rank == 1) MPI_Recv(block, 1 << 20, MPI_CHAR, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
  if (rank == 1) fprintf(stderr, "%.0f MiB/s\n", 64 / (MPI_Wtime() - begin));
  MPI_Finalize();
  return 0;
}
"""


class Mpi(ClusterTest):
    """srun --mpi=pmi2: a program that speaks PMI itself, and Debian's MPICH. srun --mpi=pmix: Debian's Open MPI."""

    def test_pmi_on_several_nodes(self):
        with open(self.c.work + "/pmi.py", "w") as file:
            file.write(PMI_PROGRAM)
        out = self.c.run("srun", "--mpi=pmi2", "-N3", "-n5", sys.executable, "pmi.py")
        self.assertEqual(sorted(out.splitlines()), [f"done {rank} 5" for rank in range(5)])

    def compiled(self, kind):
        if not shutil.which(f"mpicc.{kind}") or not glob.glob(f"/usr/include/*/{kind}/mpi.h") + glob.glob(f"/usr/lib/*/{kind}/include/mpi.h"):
            self.skipTest(f"needs Debian's lib{kind}-dev")
        program = f"{self.c.work}/ring-{kind}"
        if not os.path.exists(program):
            with open(program + ".c", "w") as file:
                file.write(MPI_PROGRAM)
            subprocess.run([f"mpicc.{kind}", "-o", program, program + ".c"], check=True)
        return program

    def ring(self, interface, kind, *options, tasks, env=None):
        done = self.c.try_run("srun", "--mpi=" + interface, f"-n{tasks}", *options, self.compiled(kind), env=env, timeout=MPI_PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (0, f"ring {tasks} of {tasks}, sum {tasks * (tasks - 1) // 2}\n"), done.stderr)
        print(f"{kind} {options}: {done.stderr.strip()}", file=sys.stderr)

    def abort(self, interface, kind, code, env=None):
        done = self.c.try_run("srun", "--mpi=" + interface, "-N2", "-n3", self.compiled(kind), "abort", env=env, timeout=MPI_PATIENCE)
        self.assertIn(done.returncode, code, done.stderr)  # without it the others would wait for good

    def test_mpich_ring(self):
        self.ring("pmi2", "mpich", "-N2", tasks=4)

    def test_mpich_abort_ends_the_step(self):
        self.abort("pmi2", "mpich", range(1, 256))

    # The nodes are one machine: what they exchange goes over loopback, and who waits leaves its few processors to others.
    over_loopback = {"OMPI_MCA_btl_tcp_if_include": "lo", "OMPI_MCA_mpi_yield_when_idle": "1"}

    def test_open_mpi_ring(self):
        self.ring("pmix", "openmpi", "-N1", tasks=2, env=self.over_loopback)
        self.ring("pmix", "openmpi", "-N3", tasks=5, env=self.over_loopback)

    def test_open_mpi_abort_ends_the_step_with_its_status(self):
        self.abort("pmix", "openmpi", [5], env=self.over_loopback)

    @unittest.skipUnless(shutil.which("mpirun.openmpi"), "needs Debian's openmpi-bin")
    def test_mpirun_starts_its_daemons_through_srun(self):
        program = self.compiled("openmpi")
        job = self.c.submit("-N3", "-n5", "-o", "mpirun.out", script=f"mpirun.openmpi --mca plm slurm {program}",
                            env={**self.over_loopback, "OMPI_ALLOW_RUN_AS_ROOT": "1",
                                 "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"})
        record = self.c.wait_end(job, MPI_PATIENCE)
        out = self.c.read("mpirun.out")
        self.assertEqual(record["JobState"], "COMPLETED", out)
        self.assertIn("ring 5 of 5, sum 10\n", out)

    @unittest.skipUnless(is_root(), "needs another user")
    def test_pmix_serves_as_the_user_and_leaves_nothing(self):
        look = "echo $PMIX_SERVER_TMPDIR; stat -c %U $PMIX_SERVER_TMPDIR"
        done = self.c.try_run("srun", "--mpi=pmix", "-n1", "sh", "-c", look, user="nobody")
        folder, owner = done.stdout.split()
        self.assertEqual(owner, "nobody", done.stderr)
        self.assertFalse(os.path.exists(folder))


@unittest.skipUnless(os.path.exists("/proc/self/numa_maps"), "needs a kernel with NUMA")
class MemoryBinding(ClusterTest):
    """srun --mem-bind on a machine with one NUMA node at least."""

    nodes = 1
    extra = "TaskPlugin=task/affinity\n"
    look = "cut -d' ' -f2 /proc/self/numa_maps | sort -u"

    def bound(self, how):
        done = self.c.try_run("srun", "-n1", "--cpu-bind=none", "--mem-bind=" + how, "sh", "-c", self.look)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = [re.sub(r"\[\d+\]", "[N]", line) for line in done.stderr.splitlines() if line.startswith("mem-bind")]
        return done.stdout.strip(), re.sub(" - [^,]*,", " - HOST,", said[0]) if said else ""

    def test_as_asked_for(self):
        self.assertEqual(self.bound("none"), ("default", ""))
        self.assertEqual(self.bound("map_mem:0"), ("bind:0", ""))
        self.assertRegex(str(self.bound("verbose,rank")), "bind:0.*mem-bind=RANK - HOST, task  0  0 .N.: mask 0x0*1 set")
        self.assertRegex(str(self.bound("verbose,prefer,mask_mem:0x1")),
                         "prefer:0.*mem-bind PREFER MASK - HOST, task  0  0 .N.: mask 0x0*1 set")

    def test_a_node_that_is_not_there(self):
        done = self.c.try_run("srun", "-n1", "--mem-bind=map_mem:63", "echo", "ran")
        self.assertEqual(done.stdout, "")


class MpiOnEightNodes(Mpi):
    nodes = 8

    def test_open_mpi_ring(self):
        self.ring("pmix", "openmpi", "-N8", tasks=8, env=self.over_loopback)

    def test_mpich_ring(self):
        self.ring("pmi2", "mpich", "-N8", tasks=8)

    test_pmi_on_several_nodes = test_mpich_abort_ends_the_step = None  # on three nodes they show as much
    test_open_mpi_abort_ends_the_step_with_its_status = test_pmix_serves_as_the_user_and_leaves_nothing = None
    test_mpirun_starts_its_daemons_through_srun = None


@unittest.skipUnless(REAL_CONTROLLER and is_root(), "compares with Debian's slurmd")
class SameAsSlurmd(unittest.TestCase):
    """What tasks see, under Debian's slurmctld once with slurmd and once with flurmnd."""

    maxDiff = None
    extra = ""
    cases = {
        "several nodes": ("-N2", "-n3"),
        "cpus and memory": ("-n2", "-c2", "--mem=100", "-J", "a name"),
        "bound": ("-N2", "--exclusive", "--mem-bind=verbose,local", "--cpu-bind=verbose,none"),
        "pmi": ("-N2", "-n3", "--mpi=pmi2"),
        "distribution": ("-N2", "-n4", "-m", "cyclic", "--ntasks-per-node=2"),
    }

    @classmethod
    def setUpClass(cls):
        cls.real = Cluster(2, cls.extra, real=True).__enter__()
        try:
            cls.ours = Cluster(2, cls.extra).__enter__()
        except BaseException:
            cls.real.__exit__()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.ours.__exit__()
        cls.real.__exit__()

    def normal(self, text, c):
        text = text.replace(c.folder, "FOLDER")
        text = re.sub(r"PMI_(FD|JOBID)=.*", r"PMI_\1=N", text)
        text = re.sub(r"(COMM_PORT|TASK_PID|JOB_ID|JOBID|LAUNCHER_PORT|PTY_PORT)=\d+", r"\1=N", text)
        text = re.sub(r"(WORKING_CLUSTER=local:[^:]*:)\d+", r"\1P", text)
        text = re.sub(r"slurmstepd(-n\d)?:", "slurmstepd:", text)
        # Whether the job before has left its nodes yet.
        text = re.sub(r"srun: job \d+ (queued and waiting for|has been allocated) resources\n", "", text)
        # Why tasks cannot be laid out is told in other words.
        text = re.sub(r"JobId=\d+ failed to distribute tasks .*|\d+ tasks of \d+ CPUs on \d+", "NO LAYOUT", text)
        return re.sub(r"\[\d+\]", "[PID]", text)

    def sees(self, c, options, *command):
        done = c.try_run("srun", *options, "--label", *command)
        return sorted(self.normal(done.stdout + done.stderr, c).splitlines()), done.returncode

    def same(self, options, *command):
        ours, real = self.sees(self.ours, options, *command), self.sees(self.real, options, *command)
        self.assertEqual(list(difflib.unified_diff(real[0], ours[0], "slurmd", "flurmnd", n=0, lineterm="")), [])
        self.assertEqual(ours[1], real[1])

    def test_environment(self):
        for name, options in self.cases.items():
            with self.subTest(name):
                self.same(options, "env")

    def test_surroundings(self):
        look = "ulimit -a; pwd; umask; id; grep -E 'Sig(Blk|Ign)|allowed' /proc/self/status; ls /proc/self/fd | wc -w"
        self.same(("-n2",), "sh", "-c", look)


class SameBinding(SameAsSlurmd):
    """The same with task/affinity."""

    extra = "TaskPlugin=task/affinity\n"
    cases = {
        "default": ("-n2", "--cpu-bind=verbose"),
        "whole nodes": ("-N2", "--exclusive", "--cpu-bind=verbose"),
        "a task per core": ("-n4", "-N1", "--exclusive", "--cpu-bind=verbose"),
        "cores": ("-n3", "--cpu-bind=verbose,cores"),
        "block": ("-n3", "-m", "block:block", "--cpu-bind=verbose,cores"),
        "threads": ("-n2", "-c2", "--cpu-bind=verbose,threads"),
        "sockets": ("-n2", "--cpu-bind=verbose,sockets"),
        "rank": ("-n2", "--exclusive", "--cpu-bind=verbose,rank"),
        "map": ("-n2", "--exclusive", "--cpu-bind=verbose,map_cpu:1,0"),
        "mask": ("-n2", "--exclusive", "--cpu-bind=verbose,mask_cpu:0x2,0x3"),
        "none": ("-n2", "--cpu-bind=verbose,none"),
        "outside": ("-n1", "--cpu-bind=verbose,map_cpu:77"),
    }


class SameHints(SameAsSlurmd):
    """The same on nodes with two threads a core, which the machine need not have; test_hints.py has what needs no machine."""

    extra = "TaskPlugin=task/affinity\nNodeName=DEFAULT CPUs=8 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2\n"
    cases = {hint + " " + " ".join(size): (*size, "--hint=" + hint, "--cpu-bind=verbose")
             for hint in ("compute_bound", "memory_bound", "multithread", "nomultithread")
             for size in (("-n1",), ("-n2",), ("-n2", "-c2"), ("-N2", "-n4", "--exclusive"))}


class Terminal(ClusterTest):
    """srun --pty, seen from a terminal."""

    def on_terminal(self, *command, feed=(), rows=37, columns=91):
        """Runs srun --pty on a terminal; feed: (text to wait for, what to do then). Returns what was shown."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
        env["SLURM_CONF"] = self.c.conf
        child = subprocess.Popen(["srun", "--pty", *command], stdin=slave, stdout=slave, stderr=slave, env=env,
                                 cwd=self.c.work, start_new_session=True,
                                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        shown, feed = b"", list(feed)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    part = os.read(master, 65536)
                except OSError:
                    break
                shown += part
            if feed and feed[0][0].encode() in shown:
                action = feed.pop(0)[1]
                action(master, child) if callable(action) else os.write(master, action.encode())
            if child.poll() is not None and not select.select([master], [], [], 0)[0]:
                break
        if child.poll() is None:
            child.kill()
        self.code = child.wait()
        os.close(master)
        return shown.decode()

    def test_size_and_terminal(self):
        shown = self.on_terminal("sh", "-c", "stty size; test -t 0 && test -t 1 && test -t 2 && echo all three; tty")
        self.assertIn("37 91\r\nall three\r\n/dev/pts/", shown)
        self.assertEqual(self.code, 0)

    def test_keys_and_exit_code(self):
        shown = self.on_terminal("bash", "--norc", feed=(("bash-", "echo $((6*7))\n"), ("42\r\n", "exit 9\n")))
        self.assertIn("42\r\n", shown)
        self.assertEqual(self.code, 9)

    def test_interrupt_key_reaches_the_program(self):
        self.on_terminal("sh", "-c", "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.1; done",
                         feed=(("ready", "\x03"),))
        self.assertEqual(self.code, 3)

    def test_new_size(self):
        def resize(master, child):
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 11, 222, 0, 0))

        shown = self.on_terminal("sh", "-c", "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done",
                                 feed=(("ready", resize),))
        self.assertIn("11 222", shown)


@unittest.skipIf(not is_root(), "needs root")
class Survival(ClusterTest):
    """SIGKILL of flurmnd while steps write."""

    nodes = 2

    def test_output_goes_on_and_ends_are_told(self):
        script = "i=0; while [ $i -lt 400 ]; do head -c 26215 /dev/zero | tr '\\0' $SLURM_PROCID; i=$((i+1)); sleep 0.01; done; exit 4"
        done = []
        runner = threading.Thread(target=lambda: done.append(self.c.try_run("srun", "-N2", "-n4", "sh", "-c", script, timeout=120)))
        runner.start()
        wait_for(lambda: self.c.squeue("%t") == [["R"]], 20, "the job")
        time.sleep(1)
        for name in ("n1", "n2"):
            kill(self.c.pid(name))
        time.sleep(1)
        self.c.up()
        runner.join(100)
        counts = {task: done[0].stdout.count(task) for task in "0123"}
        self.assertEqual(counts, {task: 400 * 26215 for task in "0123"})
        self.assertEqual(done[0].returncode, 4)
        wait_for(lambda: not self.c.squeue("%i"), 20, "the end of the job")

    def test_many_steps(self):
        """FLURM_STEPS: how many at a time (8). Each writes 10 MiB of its own; the nodes' daemons and the controller are killed meanwhile."""
        steps, pieces = int(os.environ.get("FLURM_STEPS", "8")), 40
        with open(self.c.work + "/write", "w") as file:
            file.write(f"i=0; while [ $i -lt {pieces} ]; do yes step$1 | head -c 262144; i=$((i+1)); sleep 0.1; done; exit $(($1 % 5))\n")
        script = f"""for s in $(seq {steps}); do
            (srun --overlap -n1 -N1 -w n$((s % 2 + 1)) sh write $s > out.$s 2> err.$s; echo $? > code.$s) &
        done; wait"""
        job = self.c.submit("-N2", "--ntasks-per-node=1", "--mem=50", "-o", "/dev/null", script=script)
        begun = lambda s: os.path.exists(f"{self.c.work}/out.{s}") and os.path.getsize(f"{self.c.work}/out.{s}") > 0
        wait_for(lambda: all(map(begun, range(1, steps + 1))), 60, "output of all steps")
        for name in ("n1", "n2", *(() if REAL_CONTROLLER else ("flurmctld",))):
            kill(self.c.pid(name))
        time.sleep(1)
        self.c.up()
        self.c.wait_end(job, seconds=200)
        for s in range(1, steps + 1):
            piece = (f"step{s}\n" * (262144 // 6 + 1))[:262144]
            out = self.c.read(f"out.{s}")
            self.assertTrue(out == piece * pieces, f"step {s}: {len(out)} bytes; {self.c.read(f'err.{s}')}")
            self.assertEqual(self.c.read(f"code.{s}").strip(), str(s % 5), self.c.read(f"err.{s}"))

    def test_an_end_without_a_daemon(self):
        done = []
        runner = threading.Thread(target=lambda: done.append(
            self.c.try_run("srun", "-N1", "-w", "n1", "sh", "-c", "sleep 2; exit 6", timeout=60)))
        runner.start()
        wait_for(lambda: self.c.squeue("%t") == [["R"]], 20, "the job")
        time.sleep(0.5)
        kill(self.c.pid("n1"))
        time.sleep(3)
        self.c.up()
        runner.join(50)
        self.assertEqual(done[0].returncode, 6)


if __name__ == "__main__":
    main()
