"""Options and habits of srun, salloc and sbcast that stand nowhere else: interrupts, limits, libraries sent along, PMI through
srun itself, and what a step keeps from other users."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
import unittest

from cluster import REAL, REAL_NODES, is_root, main
from steps import StepTest

TRAP = "trap 'echo got INT' INT; echo up > up; sleep 6; echo end"
PMI_LIBRARY = "/usr/lib/x86_64-linux-gnu/libpmi.so.0"

# Speaks PMI 1 through Slurm's library, which keeps the key-value space in srun.
PMI_1 = r"""
import ctypes, sys
pmi = ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL)
spawned, rank, size = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
def check(code):
    assert code == 0, code
check(pmi.PMI_Init(ctypes.byref(spawned)))
check(pmi.PMI_Get_rank(ctypes.byref(rank)))
check(pmi.PMI_Get_size(ctypes.byref(size)))
name, value = ctypes.create_string_buffer(256), ctypes.create_string_buffer(256)
check(pmi.PMI_KVS_Get_my_name(name, 256))
for lap in range(2):
    check(pmi.PMI_KVS_Put(name, b"lap%d-%d" % (lap, rank.value), b"card of %d" % rank.value))
    check(pmi.PMI_KVS_Commit(name))
    check(pmi.PMI_Barrier())
    other = (rank.value + 1) % size.value
    check(pmi.PMI_KVS_Get(name, b"lap%d-%d" % (lap, other), value, 256))
    print(lap, rank.value, "of", size.value, "has the", value.value.decode(), flush=True)
check(pmi.PMI_Finalize())
"""


class Interrupts(StepTest):
    """Ctrl-C, as the terminal sends it."""

    nodes = 1

    def interrupted(self, times, *options, command=TRAP):
        srun = self.start("srun", *options, "sh", "-c", command, start_new_session=True)
        self.c.wait_text("up", "up")
        time.sleep(0.5)  # srun has heard that the task runs
        for _ in range(times):
            os.kill(srun.pid, signal.SIGINT)
            time.sleep(0.3)
        out = self.output_of(srun)
        os.unlink(self.c.work + "/up")
        return srun.returncode, out

    def test_once_tells_how_it_stands(self):
        code, out = self.interrupted(1)
        self.assertIn("srun: interrupt (one more within 1 sec to abort)", out)
        self.assertRegex(out, r"srun: StepId=\d+\.0 task 0: running")
        self.assertIn("end", out)
        self.assertNotIn("got INT", out)
        self.assertEqual(code, 0)

    def test_twice_interrupts_the_tasks(self):
        code, out = self.interrupted(2)
        self.assertRegex(out, r"srun: sending Ctrl-C to StepId=\d+\.0")
        self.assertIn("got INT", out)
        self.assertIn("srun: forcing job termination", out)
        self.assertEqual(code, 0)
        code, out = self.interrupted(2, command="echo up > up; exec sleep 60")
        self.assertEqual(code, 130, out)

    def test_quit_on_interrupt(self):
        code, out = self.interrupted(1, "--quit-on-interrupt")
        self.assertNotIn("one more within", out)
        self.assertIn("got INT", out)
        self.assertIn("srun: forcing job termination", out)
        self.assertEqual(code, 0)
        code, out = self.interrupted(1, "--quit-on-interrupt", command="echo up > up; exec sleep 60")
        self.assertEqual(code, 130, out)

    def test_disable_status(self):
        code, out = self.interrupted(1, "--disable-status")
        self.assertRegex(out, r"srun: sending Ctrl-C to StepId=\d+\.0")
        self.assertNotIn("one more within", out)
        self.assertEqual(code, 0)


class Options(StepTest):
    nodes = 2
    extra = "AllowSpecResourcesUsage=YES\nPropagateResourceLimits=NONE\n"

    def limited(self, files, *argv):
        return self.c.run("sh", "-c", f"ulimit -n {files}; exec \"$@\"", "sh", *argv).split()

    def test_limits_come_along(self):
        of_node = self.limited(777, "srun", "sh", "-c", "ulimit -n")
        self.assertNotEqual(of_node, ["777"])
        self.assertEqual(self.limited(777, "srun", "--propagate=NOFILE", "sh", "-c", "ulimit -n"), ["777"])
        self.assertEqual(self.limited(777, "srun", "--propagate", "sh", "-c", "ulimit -n"), ["777"])
        self.assertEqual(self.limited(777, "srun", "--propagate=CORE,STACK", "sh", "-c", "ulimit -n"), of_node)
        self.limited(778, "sbatch", "--wait", "--propagate=NOFILE", "-o", "limits.out", "--wrap", "ulimit -n; srun sh -c 'ulimit -n'")
        self.assertEqual(self.c.read("limits.out").split(), ["778", *of_node])

    def test_steps_have_what_the_script_makes_of_its_environment(self):
        self.c.submit("--wait", "-o", "unset.out", env={"FIRST": "a", "SECOND": "a"},
                      script="unset FIRST; SECOND=b; srun sh -c 'echo ${FIRST-unset} $SECOND'")
        self.assertEqual(self.c.read("unset.out"), "unset b\n")

    def test_where_tasks_begin(self):
        self.assertEqual(self.c.run("srun", "-D", "/usr", "pwd"), "/usr\n")
        done = self.c.try_run("srun", "-D", self.c.work + "/nowhere", "pwd")
        self.assertEqual((done.returncode, done.stdout), (0, "/tmp\n"))
        self.assertIn(f"couldn't chdir to `{self.c.work}/nowhere': No such file or directory: going to /tmp instead", done.stderr)

    def test_what_of_the_environment_comes_along(self):
        show = ("/bin/sh", "-c", "echo ${MINE-unset} ${OTHER-unset} ${SLURM_JOB_ID+job}")
        for export, seen in (("ALL", "a b job"), ("NONE", "unset unset job"), ("MINE", "a unset job"), ("MINE=c", "c unset job")):
            out = self.c.run("srun", "--export=" + export, *show, env={"MINE": "a", "OTHER": "b"})
            self.assertEqual(out, seen + "\n", export)

    def test_those_that_stay_are_waited_for_a_while(self):
        begun = time.monotonic()
        done = self.c.try_run("srun", "-n2", "--overcommit", "--wait=2", "sh", "-c", "[ $SLURM_PROCID = 0 ] || exec sleep 60")
        self.assertLess(time.monotonic() - begun, 30)
        self.assertIn("srun: First task exited 2s ago", done.stderr)
        self.assertRegex(done.stderr, r"StepId=\d+\.0 task 1: running")
        self.assertRegex(done.stderr, r"Terminating StepId=\d+\.0")
        self.assertEqual(done.returncode, 137, done.stderr)

    def test_frequency_is_asked_for(self):
        self.assertEqual(self.c.run("srun", "--cpu-freq=high", "sh", "-c", "echo $SLURM_CPU_FREQ_REQ"), "High\n")
        self.assertIn("Invalid --cpu-freq argument", self.c.refused("srun", "--cpu-freq=bad", "true"))

    def test_cores_for_the_system(self):
        out = self.c.run("srun", "-S1", "--exclusive", "sh", "-c", "scontrol -o show job $SLURM_JOB_ID")
        self.assertIn(" CoreSpec=1 ", out)
        out = self.c.run("srun", "--thread-spec=1", "--exclusive", "sh", "-c", "scontrol -o show job $SLURM_JOB_ID")
        self.assertIn(" ThreadSpec=1 ", out)

    def test_libraries_are_sent_along(self):
        out = self.c.run("srun", "-N1", f"--bcast={self.c.work}/sent.env", "--send-libs", "env")
        self.assertTrue(os.path.isdir(self.c.work + "/sent.env_libs"))
        self.assertIn(f"LD_LIBRARY_PATH={self.c.work}/sent.env_libs\n", out)
        # With sbcast, for a later step. Those below /usr/lib are on every node (BcastExclude).
        os.mkdir(self.c.work + "/lib")
        shutil.copy("/lib/x86_64-linux-gnu/libselinux.so.1", self.c.work + "/lib")
        out = self.c.run("salloc", "-N1", "sh", "-c", f"""
            export LD_LIBRARY_PATH={self.c.work}/lib
            sbcast --send-libs /usr/bin/find {self.c.work}/later.find
            srun {self.c.work}/later.find {self.c.work}/later.find_libs""")
        self.assertIn("/libselinux.so", out)
        mode = os.stat(self.c.work + "/later.find_libs").st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o700)

    @unittest.skipUnless(os.path.exists(PMI_LIBRARY), "needs Debian's libpmi0")
    def test_pmi_1_through_srun(self):
        with open(self.c.work + "/pmi1.py", "w") as file:
            file.write(PMI_1)
        out = self.c.run("srun", "--mpi=none", "-N2", "-n4", "python3", "pmi1.py", PMI_LIBRARY)
        self.assertEqual(sorted(out.splitlines()),
                         [f"{lap} {rank} of 4 has the card of {(rank + 1) % 4}" for lap in (0, 1) for rank in range(4)])

    def test_files_of_all_nodes_are_gathered(self):
        """As sgather does it: each task puts the file of its node beside the others."""
        self.c.run("sbatch", "--wait", "-N2", "-o", "gather.out", "--wrap", f"""
            srun -N2 sh -c 'echo of $SLURMD_NODENAME > /tmp/gather.$SLURM_JOB_ID.$SLURMD_NODENAME'
            srun -N2 sh -c 'f=/tmp/gather.$SLURM_JOB_ID.$SLURMD_NODENAME; cp $f {self.c.work}/gathered.$SLURMD_NODENAME; rm $f'""")
        self.assertEqual([self.c.read(f"gathered.n{n}") for n in (1, 2)], ["of n1\n", "of n2\n"])


@unittest.skipIf(not is_root(), "needs another user")
class Foreign(StepTest):
    """What a user may not reach with a step of theirs."""

    nodes = 1
    user = "nobody"

    def setUp(self):
        super().setUp()
        self.secret = self.c.folder + "/secret"
        with open(self.secret, "w") as file:
            file.write("secret\n")
        os.chmod(self.secret, 0o600)

    def kept(self):
        with open(self.secret) as file:
            self.assertEqual(file.read(), "secret\n")
        self.assertEqual(os.stat(self.secret).st_uid, 0)

    def test_files_are_made_as_the_user(self):
        self.c.run("srun", "-o", "mine.out", "echo", "x", user=self.user)
        self.assertEqual(os.stat(self.c.work + "/mine.out").st_uid, pwd.getpwnam(self.user).pw_uid)
        os.symlink(self.secret, self.c.work + "/trap")
        for option in ("-o", "-e", "-i"):
            done = self.c.try_run("srun", option, "trap", "sh", "-c", "cat; echo x; echo y >&2", user=self.user)
            self.assertNotEqual(done.returncode, 0, option)
            self.assertIn("Permission denied", done.stderr)
            self.assertNotIn("secret", done.stdout)
        # What nodes open, not srun.
        done = self.c.try_run("srun", "-o", "%t-trap", "echo", "x", user=self.user)
        self.assertEqual(done.returncode, 0)
        os.symlink(self.secret, self.c.work + "/1-trap")
        self.c.try_run("srun", "-n2", "--overcommit", "-o", "%t-trap", "echo", "x", user=self.user)
        job = self.c.submit("-o", "trap", user=self.user)
        self.assertNotEqual(self.c.wait_end(job)["JobState"], "COMPLETED")
        self.kept()

    def test_sbcast_writes_as_the_user(self):
        os.symlink(self.secret, self.c.work + "/cast")
        os.symlink(self.c.folder + "/new", self.c.work + "/cast-new")  # the folder is root's
        for target in ("cast", "cast-new"):
            done = self.c.try_run("salloc", "sbcast", "-f", "/bin/true", f"{self.c.work}/{target}", user=self.user)
            self.assertNotEqual(done.returncode, 0, target)
        self.assertFalse(os.path.exists(self.c.folder + "/new"))
        self.kept()

    def test_links_that_change_while_files_are_opened(self):
        """The path leads now to a file of the user's, now to root's."""
        flip = subprocess.Popen(["sh", "-c", f"""while :; do
            ln -sfn {self.c.work}/own-file {self.c.work}/race; ln -sfn {self.secret} {self.c.work}/race; done"""])
        self.addCleanup(flip.wait)
        self.addCleanup(flip.kill)
        jobs = [self.c.submit("-o", "race", "-e", "race", "--wrap", "echo x; echo y >&2", user=self.user) for _ in range(8)]
        for job in jobs:
            self.c.wait_end(job, 60)
        self.kept()

    @unittest.skipIf(REAL or REAL_NODES, "our supervisor's sockets")
    def test_sockets_of_a_step(self):
        job = self.c.submit("-o", "held.out", "--wrap", "srun sh -c 'echo up; sleep 5; echo end'")
        self.c.wait_text("held.out", "up")
        found = subprocess.run(["find", self.c.dir + "/spool", "-type", "s"], capture_output=True, text=True).stdout.split()
        self.assertTrue([path for path in found if path.endswith(".sock")], found)
        script = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for path in sys.argv[1:]:
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    try:
        s.connect(path)
    except PermissionError:
        print("closed", path)
        continue
    try:
        for junk in (b"\\0\\0\\0\\1" * 4096, b"\\xff" * 65536):
            s.sendall(junk)
        while s.recv(4096):
            pass
    except (OSError, TimeoutError):
        pass
    print("open", path)
"""
        told = self.c.run("python3", "-c", script, *found)
        for line in told.splitlines():
            if line.endswith(".sock"):
                self.assertTrue(line.startswith("closed"), line)
        self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED")
        self.assertEqual(self.c.read("held.out"), "up\nend\n")

    def test_streams_of_another(self):
        job = self.c.submit("-o", "held2.out", "--wrap", "srun sh -c 'echo up; sleep 4'")
        self.c.wait_text("held2.out", "up")
        self.assertIn("no tasks running", self.c.try_run("sattach", job + ".0", user=self.user, timeout=30).stderr)
        for argv in (["scancel", job + ".0"], ["srun", "--jobid", job, "--overlap", "true"],
                     ["sbcast", "-f", "-j", job, "/bin/true", self.c.work + "/cast2"],
                     ["scontrol", "update", f"stepid={job}.0", "timelimit=1"]):
            self.assertNotEqual(self.c.try_run(*argv, user=self.user, timeout=30).returncode, 0, argv)
        self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED")


if __name__ == "__main__":
    main()
