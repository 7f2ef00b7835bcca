"""Parallel steps on our nodes: Debian's srun, salloc, sattach and sbcast against flurmnd and flurmstepd."""

import os
import re
import unittest

from cluster import ClusterTest, is_root, main, wait_for


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


if __name__ == "__main__":
    main()
