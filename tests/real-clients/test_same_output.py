"""What Slurm's clients print about our cluster and about one of Debian's slurmctld and slurmd with the same
configuration and the same jobs, field by field. Fields that may differ are named here with the reason, and in
docs/COMPATIBILITY.md."""

import re
import shutil
import unittest

from cluster import Cluster, main, need_slurms_nodes

EXTRA = """NodeName=DEFAULT Feature=fast,big Weight=7
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=n[1-2] MaxTime=30 DefaultTime=10 PriorityTier=5 OverSubscribe=FORCE:2
PartitionName=shut Nodes=n3 State=DOWN Hidden=YES RootOnly=YES AllowAccounts=a,b
Licenses=lic:4
MaxArraySize=500
"""


DIFFERENT = {
    "config": {
        "BOOT_TIME": "moment of start",
        "HASH_VAL": "paths and ports in the two files differ",
        "NEXT_JOB_ID": "not a promise",
        "SLURM_CONF": "path", "AuthInfo": "path", "SlurmctldLogFile": "path", "SlurmctldPidFile": "path",
        "SlurmdLogFile": "path", "SlurmdPidFile": "path", "SlurmdSpoolDir": "path", "StateSaveLocation": "path",
        "SlurmctldPort": "port",
        "PowerPlugin": "an empty text and none are one in FLURM",
        **{"PMIx" + key: "settings of Slurm's plugin mpi/pmix, where libpmix is installed" for key in (
            "CliTmpDirBase", "CollFence", "Debug", "DirectConn", "DirectConnEarly", "DirectConnUCX", "DirectSameArch", "Env",
            "FenceBarrier", "NetDevicesUCX", "Timeout", "TlsUCX")},
    },
    "job": {
        "AllocNode:Sid": "session of the submitter",
        "LastSchedEval": "moment of the scheduler's last look", "AccrueTime": "moment", "SubmitTime": "moment",
        "EligibleTime": "moment", "StartTime": "moment", "EndTime": "moment", "RunTime": "moment",
        "PreemptEligibleTime": "moment", "Scheduler": "which of Slurm's two schedulers ran first; we have one",
        "WorkDir": "path", "StdErr": "path", "StdOut": "path", "Command": "path",
    },
    "node": {
        "BootTime": "measured", "SlurmdStartTime": "moment", "LastBusyTime": "moment", "CPULoad": "measured",
        "FreeMem": "measured", "OS": "measured", "Port": "port", "Version": "FLURM says which Slurm it behaves like",
    },
    "partition": {},
}
# squeue and sinfo print one field per column; these columns are moments, paths or measured.
SQUEUE_DIFFERENT = {"%e", "%S", "%V", "%M", "%L", "%Z", "%o", "%p", "%Q"}
SQUEUE_FIELDS = ["%" + c for c in "aABcCdDefFgGhHiIjJklLmMnNoOpPqQrRsStTuUvVwWxXyYzZK"]
SINFO_FIELDS = ["%" + c for c in "aABcCdDefFgGhiIlLmMnNopPrRsStTvVwXYzZ"]
SINFO_DIFFERENT = {"%e", "%O", "%v", "%H", "%E"}


def config_of(cluster):
    pairs = (line.split("=", 1) for line in cluster.run("scontrol", "show", "config").splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


class SameOutput(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not shutil.which("slurmctld", path="/usr/sbin"):
            raise unittest.SkipTest("needs Debian's slurmctld to compare with")
        need_slurms_nodes()
        cls.both = []
        for real in (False, True):
            cls.both.append(Cluster(nodes=3, extra=EXTRA, real=real).__enter__())

    @classmethod
    def tearDownClass(cls):
        for cluster in cls.both:
            cluster.__exit__()

    def compare(self, kind, ours, theirs, what=""):
        allowed = DIFFERENT[kind]
        wrong = []
        for key in sorted(ours.keys() | theirs.keys()):
            mine, real = ours.get(key, "(absent)"), theirs.get(key, "(absent)")
            if mine != real and key not in allowed:
                wrong.append(f"{key}: ours {mine!r}, Slurm's {real!r}")
        self.assertEqual(wrong, [], what)

    def test_config(self):
        ours, theirs = map(config_of, self.both)
        self.compare("config", ours, theirs)

    def test_idle_nodes(self):
        for name in ("n1", "n3"):
            ours, theirs = (cluster.node(name) for cluster in self.both)
            self.compare("node", ours, theirs, name)

    def test_partitions(self):
        for name in ("debug", "short", "shut"):
            ours, theirs = (cluster.partition(name) for cluster in self.both)
            self.compare("partition", ours, theirs, name)

    def test_sinfo(self):
        for field in SINFO_FIELDS:
            if field in SINFO_DIFFERENT:
                continue
            for options in ((), ("-N",), ("-a",)):
                with self.subTest(field=field, options=options):
                    ours, theirs = (sorted(cluster.run("sinfo", "-o", field, *options).splitlines()) for cluster in self.both)
                    self.assertEqual(ours, theirs)
        for options in ((), ("-l",), ("-Nl",), ("-s",)):
            with self.subTest(options=options):
                ours, theirs = (re.sub(r"(?m)^[A-Z][a-z]{2} [A-Z][a-z]{2} .*$", "date", cluster.run("sinfo", *options))
                                for cluster in self.both)
                # sinfo's sort is not stable: a node's partitions come in either order, from either controller.
                self.assertEqual(sorted(ours.splitlines()), sorted(theirs.splitlines()))

    # Each job's options, and the state it is compared in.
    JOBS = (
        (["--hold", "-J", "held", "-t", "5", "--comment=words here", "--nice=20"], "PENDING"),
        (["--begin=now+1hour", "-N2", "-n4", "-c2", "--mem=300"], "PENDING"),
        (["-L", "lic:1", "-C", "fast", "-w", "n2", "--exclusive", "--wrap", "sleep 300"], "RUNNING"),
        (["-N2", "--ntasks-per-node=2", "--mem-per-cpu=50", "-t", "1-2", "--wrap", "sleep 300"], "RUNNING"),
        (["--array=1-5%2", "--hold", "-p", "short", "-A", "a"], "PENDING"),
        (["--dependency=afterany:1", "-x", "n1", "-o", "/dev/null", "-e", "/dev/null", "--mail-type=END", "--mail-user=me"], "PENDING"),
        (["--wrap", "exit 3"], "FAILED"),
        (["--no-requeue", "-D", "/tmp", "--tmp=10", "--mincpus=2", "--contiguous", "--wrap", "true"], "COMPLETED"),
    )

    def test_jobs(self):
        ids = []
        for options, state in self.JOBS:
            pair = [cluster.submit(*options) for cluster in self.both]
            self.assertEqual(pair[0], pair[1], "job ids")
            ids.append(pair[0])
            for cluster in self.both:
                cluster.wait_state(pair[0], state)
        # A pending job's reason and its start are settled a moment after its submission.
        self.both[0].run("sleep", "2")
        for (options, _), job in zip(self.JOBS, ids):
            with self.subTest(options=options):
                ours, theirs = (cluster.job(job) for cluster in self.both)
                self.compare("job", ours, theirs, " ".join(options))
        for field in SQUEUE_FIELDS:
            if field in SQUEUE_DIFFERENT:
                continue
            for more in ((), ("-r",)):
                with self.subTest(field=field, more=more):
                    ours, theirs = (sorted(cluster.run("squeue", "-a", "-S", "i", "-o", "%i " + field, *more).splitlines())
                                    for cluster in self.both)
                    self.assertEqual(ours, theirs)
        for cluster in self.both:
            cluster.run("scancel", *ids[:6])

    # Moments and durations of steps, and the numbers of array tasks' records.
    STEP_FIELDS = "ArrayJobID,ArrayTaskID,StepID,StepName,StepState,NumTasks,NumCPUs,UserName,Nodes,TimeLimit,Network,CPUFreq,ResvPorts,ContainerID"

    def test_steps(self):
        plain, array, waiting = [], [], []
        for cluster in self.both:
            plain.append(cluster.submit("-p", "debug", "-N2", "-n3", "--mem=100", "-t", "10", "--wrap", "sleep 300"))
            waiting.append(cluster.submit("--hold"))
            array.append(cluster.submit("-p", "debug", "--array=3-4", "--mem=50", "--wrap", "sleep 300"))
            cluster.wait_state(plain[-1], "RUNNING")
            for task in ("_3", "_4"):
                cluster.wait_state(array[-1] + task, "RUNNING")
        self.assertEqual((plain[0], array[0]), (plain[1], array[1]), "job ids")
        plain, array, waiting = plain[0], array[0], waiting[0]
        for options in ((), ("-j", plain), ("-j", array), ("-j", waiting), ("-u", "nobody"), ("-p", "short"), ("-s", plain + ".0")):
            with self.subTest(options=options):
                ours, theirs = (sorted(cluster.run("squeue", "-s", "-O", self.STEP_FIELDS, *options).splitlines())
                                for cluster in self.both)
                self.assertEqual(ours, theirs)
        for what in ((), (plain,), (array,), (array + "_4",), (waiting,), ("4711",), (plain + ".0",)):
            with self.subTest(what=what):
                ours, theirs = (cluster.try_run("scontrol", "-o", "show", "step", *what) for cluster in self.both)
                self.assertEqual(*(sorted(re.sub(r"StartTime=\S+", "", done.stdout).splitlines()) for done in (ours, theirs)))
                self.assertEqual((ours.returncode, ours.stderr), (theirs.returncode, theirs.stderr))
        for cluster in self.both:
            cluster.run("scancel", plain, array, waiting)


if __name__ == "__main__":
    main()
