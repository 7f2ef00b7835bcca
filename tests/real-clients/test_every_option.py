"""Every option of sbatch, given to our controller and to Debian's with the same configuration: what `scontrol show job` and
squeue then show of the job, field by field, or how it is refused. Jobs are held or wait for another day where nothing has to
run, so that it is quick. Fields that may differ are those of test_same_output.py."""

import os
import re
import shutil
import unittest

from cluster import Cluster, main, need_slurms_nodes
from test_same_output import DIFFERENT

EXTRA = """GresTypes=gpu,net
NodeName=DEFAULT CPUs=8 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2 Feature=fast,big Gres=gpu:tesla:2,net:4
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES:4
PartitionName=short Nodes=n[1-2] MaxTime=30 DefaultTime=10 PriorityTier=5
PartitionName=gpus Nodes=n3 DefCpuPerGPU=2 DefMemPerGPU=50
Licenses=lic:4,other:2
AllowSpecResourcesUsage=YES
MaxArraySize=500
"""
GRES_CONF = """NodeName=n[1-3] Name=gpu Type=tesla File=/dev/null
NodeName=n[1-3] Name=gpu Type=tesla File=/dev/zero
Name=net Count=4
"""

# Held: only what is kept of the request counts.
HELD = """
-N 2
-N 1-3
--nodes=2 --use-min-nodes
-n 4
--ntasks=5 -N 2
-c 2
-n 3 -c 2
--ntasks-per-node=2 -N 2
--ntasks-per-socket=1 -n 2
--ntasks-per-core=1 -n 2
--ntasks-per-core=2 -n 4
--ntasks-per-gpu=1 --gpus=2
--mem=300
--mem=0
--mem=1G
--mem-per-cpu=100
--mem-per-cpu=200 -c 2
--mem-per-gpu=50 --gpus=1
--mincpus=3
--cores-per-socket=2
--sockets-per-node=2
--threads-per-core=1
--threads-per-core=2 -n 4
-B 2:2:2
--extra-node-info=1:2
--hint=compute_bound
--hint=memory_bound
--hint=multithread
--hint=nomultithread
--gres=gpu:1
--gres=gpu:tesla:2
--gres=net:2,gpu:1
--gres=none
--gres-flags=enforce-binding --gres=gpu:1
--gres-flags=disable-binding --gres=gpu:1
--gpus=2
--gpus=tesla:1
--gpus-per-node=1 -N 2
--gpus-per-task=1 -n 2
--gpus-per-socket=1 --sockets-per-node=1
--cpus-per-gpu=2 --gpus=1
--gpu-bind=closest --gpus=1
--gpu-bind=single:1 --gpus=1
--gpu-bind=none --gpus=1
--gpu-freq=low --gpus=1
-p gpus --gpus=1
-p gpus --gpus=1 --mem=100
-p gpus --gres=gpu:2 -c 1
-p gpus --gpus-per-task=1 -n 2
--exclusive
--exclusive=user
--exclusive=mcs
--oversubscribe
-s -n 2
--overcommit -n 9
--spread-job -N 2
--distribution=block
--distribution=cyclic:cyclic
--distribution=block:fcyclic
--distribution=plane=3 -n 6
--distribution=arbitrary -w n1,n2
-m block:block:block,NoPack
-m pack
-C fast
-C fast&big
-C fast|big
-C [fast|big]
-C fast*2 -N 2
-C [fast*1&big*1] -N 2
--constraint=(fast&big)|fast
--prefer=big
-C fast --prefer=big
-w n1
--nodelist=n[1-2]
-x n3
--contiguous -N 2
--switches=1
--switches=2@10:00
-L lic
-L lic:2,other:1
-L lic:1|other:1
--reservation=nothere
-q normal
-A acct
-p short
-p short,debug
-S 1
--core-spec=2
--thread-spec=1
--tmp=100
--begin=now+1day
--begin=2030-01-02T03:04:05
--deadline=now+2days -t 10
--dependency=afterok:1
--dependency=after:1+5
--dependency=afternotok:1,afterany:1
--dependency=afterany:1?afterok:1
--dependency=singleton -J name
--kill-on-invalid-dep=yes
--kill-on-invalid-dep=no
--requeue
--no-requeue
-t 10
-t 1-2:03
-t 0
-t UNLIMITED
--time=30 --time-min=10
-p short -t 29
--signal=USR1
--signal=B:10@60
--signal=R:USR2@120
--delay-boot=5
--array=1-5
--array=0-10:2%3
--array=1,3,7
--priority=1000
--nice
--nice=50
--nice=-5
--no-kill
--no-kill=off
--wait-all-nodes=1
--wait-all-nodes=0
--reboot
--power=level
-J a-name
--comment=words
--admin-comment=words
--wckey=key
--container=/nowhere
--profile=task
--acctg-freq=30
--acctg-freq=task=5,energy=10
--network=something
--cluster-constraint=x
--mcs-label=label
--export=NONE
--export=ALL,A=b
--export=PATH
--get-user-env
--propagate=NONE
--propagate=CORE,STACK
-i /dev/null
-o out.%j
-e err.%x
-o both -e both
--open-mode=append
--open-mode=truncate
-D /tmp
--mail-type=ALL --mail-user=me
--mail-type=BEGIN,TIME_LIMIT_80
--mail-type=ARRAY_TASKS,END
--mail-type=NONE
--cpu-freq=1000000
--cpu-freq=low-high:performance
--ignore-pbs
--bb=words
--tres-per-task=cpu:1
--uid=nobody
--gid=nogroup
--segment=2
--parsable
--verbose
--quiet
""".strip().splitlines()

# Not held: what is refused, and in which words.
REFUSED = """
-N 9
-n 100
-c 9
--mem=999999
--mem-per-cpu=999999
-w n9
-x n[1-3]
-C nothing
-C fast&
-C [fast
--prefer=nothing
-L nothing
-L lic:9
--gres=gpu:9
--gres=nothing:1
--gres=gpu:other:1
--gpus=tesla:7
--gpus=x:1
--gpus-per-task=1
--gpus-per-socket=1
--gpus=1 --gpus-per-node=3
--tmp=99999999
-p nowhere
-p short -t 31
-t 10 --time-min=11
--begin=2001-01-01
--deadline=2001-01-01
--deadline=now+1minutes -t 10
--array=0-999999
--array=x
--dependency=nonsense:1
--dependency=afterok:4711
--reservation=nothere
--exclude=n9
-n 2 -N 3-2
--mincpus=99
--sockets-per-node=9
--cores-per-socket=9
--threads-per-core=9
--ntasks-per-core=9 -n 18
--ntasks-per-socket=9 -n 18
--clusters=nothere
--bbf=/nowhere
""".strip().splitlines()

# What of show job need not agree for this option; each with its reason.
LATER = "a job that waits for its time says so; Slurm's says what its partition will keep it waiting for"
UNTESTED = "Slurm looks at a held job's dependencies when it is released"
ALLOWED = {
    "-N 9": {"Reason": LATER},
    "-n 100": {"Reason": LATER},
    "-p short -t 31": {"Reason": LATER},
    "--dependency=singleton -J name": {"Dependency": UNTESTED},
    "--power=level": {"Power": "there are no power plugins"},
    **{line: dict.fromkeys(("CpusPerTres", "MemPerTres", "TRES", "MinMemoryCPU", "MinMemoryNode", "NumNodes", "CPUs/Task"),
                           "Slurm fills in the partition's defaults for gpus when it looks for nodes")
       for line in ("-p gpus --gpus=1", "-p gpus --gpus=1 --mem=100", "-p gpus --gres=gpu:2 -c 1", "-p gpus --gpus-per-task=1 -n 2")},
    "-q normal": {"QOS": "without accounting Slurm shows no QOS"},
}


@unittest.skipUnless(shutil.which("slurmctld", path="/usr/sbin"), "needs Debian's slurmctld to compare with")
class EveryOption(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        need_slurms_nodes()
        cls.both = []
        for real in (False, True):
            cluster = Cluster(nodes=3, extra=EXTRA, real=real)
            os.makedirs(cluster.dir + "/etc")
            with open(cluster.dir + "/etc/gres.conf", "w") as file:
                file.write(GRES_CONF)
            cls.both.append(cluster.__enter__())
            # Job 1, which others name: it waits as long as they do.
            cluster.submit("--hold", "-o", "/dev/null", user="nobody")

    @classmethod
    def tearDownClass(cls):
        for cluster in cls.both:
            cluster.__exit__()

    def tearDown(self):
        for cluster in self.both:
            cluster.run("scancel", "-u", "root")

    def submit(self, words):
        """On both: exit status, words on both streams without numbers of jobs, and the job's number."""
        said, jobs = [], []
        for cluster in self.both:
            done = cluster.try_run("sbatch", *words, "--wrap", "sleep 300")
            found = re.search(r"(\d+)\s*$", done.stdout) if done.returncode == 0 else None
            jobs.append(found.group(1) if found else None)
            said.append((done.returncode, re.sub(r"\d+|\d\d:\d\d:\d\d", "N", done.stderr)))
        return said, jobs

    def shown(self, cluster, job):
        return {key: value.replace(cluster.work, "WORK") for key, value in (cluster.job(job) or {}).items()}

    def differences(self, words, jobs):
        ours, theirs = (self.shown(cluster, job) for cluster, job in zip(self.both, jobs))
        allowed = set(DIFFERENT["job"]) - {"StdErr", "StdOut", "WorkDir", "Command"} | {"JobId", "Priority", "ArrayJobId"}
        wrong = []
        for key in sorted((ours.keys() | theirs.keys()) - allowed):
            mine, real = (re.sub(r"(?<!\d)%s(?!\d)" % job, "ID", each.get(key, "(absent)")) for each, job in zip((ours, theirs), jobs))
            if mine != real and key not in ALLOWED.get(words, {}):
                wrong.append(f"{key}: ours {mine!r}, Slurm's {real!r}")
        return wrong

    def compare(self, lines, more):
        for line in lines:
            with self.subTest(options=line):
                said, jobs = self.submit(line.split() + more)
                self.assertEqual(said[0], said[1], "what sbatch says")
                if jobs[0]:
                    self.assertEqual(self.differences(line, jobs), [])

    def test_what_is_kept_of_each_option(self):
        self.compare(HELD, ["--hold"])

    def test_refusals(self):
        self.compare(REFUSED, ["--begin=now+1day"])

    def test_squeue_shows_the_same(self):
        lines = [line for line in HELD if "reservation" not in line and "gpus" not in line][::3]
        jobs = [self.submit(line.split() + ["--hold"])[1] for line in lines]
        numbers = [{pair[side]: str(at) for at, pair in enumerate(jobs) if pair[side]} for side in (0, 1)]
        for field in "abcCdDfHhIjJKlmnoOpPqRsStTuUvwWxXyYzZ":
            if field in "opSZq":
                continue  # paths and moments; QOS without accounting
            with self.subTest(field=field):
                shown = []
                for cluster, known in zip(self.both, numbers):
                    rows = (line.split("\x1f") for line in cluster.run("squeue", "-h", "-o", "%A\x1f%" + field).splitlines())
                    shown.append(sorted((known[job.strip()], value.strip()) for job, value in rows if job.strip() in known))
                self.assertEqual(*shown)


if __name__ == "__main__":
    main()
