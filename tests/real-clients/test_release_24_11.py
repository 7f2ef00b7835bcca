"""The commands of release 24.11 (Debian 13's slurm-client) against our daemons. Ends with 77, and the reason, where the
folder with these clients cannot be made (tools/debian13-clients)."""

import json
import re

import debian13
from cluster import ClusterTest, main, wait_for
from test_gres import GresTest

SQUEUE_FIELDS = """Account AccrueTime admin_comment AllocNodes AllocSID ArrayJobId ArrayTaskId AssocId BatchFlag BatchHost
BoardsPerNode BurstBuffer BurstBufferState Cluster ClusterFeature Command Comment Container ContainerId Contiguous Cores
CoreSpec CPUsPerTask cpus-per-task cpus-per-tres Deadline DelayBoot Dependency DerivedEC EligibleTime EndTime ExcNodes
exit_code Feature Gres GroupId GroupName HetJobId HetJobIdSet HetJobOffset JobArrayId JobId LastSchedEval Licenses MaxCPUs
MaxNodes mem-per-tres MCSLabel MinCPUs MinMemory MinTime MinTmpDisk Name Network Nice NodeList NTPerCore NTPerNode
NTPerSocket NTPerBoard NumCPUs NumNodes NumTasks Origin OriginRaw OverSubscribe Partition PendingTime PreemptTime Prefer
Priority PriorityLong Profile QOS Reason ReasonList Reboot ReqNodes ReqSwitch Requeue Reservation ResizeTime RestartCnt
SchedNodes SCT SiblingsActive SiblingsActiveRaw SiblingsViable SiblingsViableRaw Sockets SPerBoard StartTime State
StateCompact StdErr StdIn StdOut SubmitTime system_comment Threads TimeLeft TimeLimit TimeUsed tres-alloc tres-bind
tres-freq tres-per-job tres-per-node tres-per-socket tres-per-task UserId UserName Wait4Switch WCKey WorkDir""".split()
SINFO_FIELDS = """AllocMem AllocNodes Available Cluster Comment Cores CPUs CPUsLoad CPUsState DefaultTime Disk Extra Features
features_act FreeMem Gres GresUsed Groups MaxCPUsPerNode Memory NodeAddr NodeAI NodeAIOT NodeHost NodeList Nodes
OverSubscribe Partition PartitionName Port PreemptMode PriorityJobFactor PriorityTier Reason Reservation Root Size Sockets
SocketCoreThread StateCompact StateComplete StateLong Threads Time TimeStamp User UserLong Version Weight""".split()


class Release2411(ClusterTest):
    cluster_type = debian13.Debian13Cluster
    extra = "EnforcePartLimits=ALL\n"

    def table(self, command, names, *options):
        """One dict per line that `command -O` prints, each field 200 wide."""
        out = self.c.run(command, "-h", "-O", ",".join(name + ":200" for name in names), *options)
        return [{name: line[i * 200:(i + 1) * 200].strip() for i, name in enumerate(names)} for line in out.splitlines()]

    def held(self, *options):
        return self.c.submit("--hold", *options)

    def test_it_is_this_release(self):
        self.assertIn("24.11", self.c.run("sbatch", "--version"))

    def test_script_wrap_and_their_output(self):
        job = self.c.submit("-J", "two words", "-o", "script.out", script="echo from $SLURM_JOB_ID of $SLURM_JOB_NAME; id -u")
        end = self.c.wait_end(job)
        self.assertEqual((end["JobState"], end["UserId"]), ("COMPLETED", "root(0)"))
        self.assertEqual(self.c.read("script.out"), f"from {job} of two words\n0\n")
        failed = self.c.wait_end(self.c.submit("--wrap", "exit 5"))
        self.assertEqual((failed["JobState"], failed["ExitCode"]), ("FAILED", "5:0"))

    def test_a_job_of_another_user(self):
        job = self.c.submit("-o", "user.out", "--wrap", "id -un", user="nobody")
        self.assertTrue(self.c.wait_end(job)["UserId"].startswith("nobody("))
        self.assertEqual(self.c.read("user.out"), "nobody\n")
        mine = self.held()
        self.assertIn("Access", self.c.try_run("scancel", mine, user="nobody").stderr)
        self.assertIn("Access", self.c.try_run("scancel", "--ctld", mine, user="nobody").stderr.title())
        self.assertEqual(self.c.state(mine), "PENDING")

    def test_submission_options(self):
        self.assertRegex(self.c.run("sbatch", "--hold", "--wrap", "true"), r"^Submitted batch job \d+\n$")
        first = self.held()
        after = self.c.submit(f"--dependency=afterok:{first}")
        later = self.c.submit("--begin=now+1hour")
        self.c.wait_reason(first, "JobHeldUser")
        self.c.wait_reason(after, "Dependency")
        self.c.wait_reason(later, "BeginTime")
        self.c.run("scontrol", "release", first)
        self.c.wait_state(after, "COMPLETED")
        done = self.c.try_run("sbatch", "--test-only", "-N2", "--wrap", "true")
        self.assertRegex(done.stderr, r"Job \d+ to start at \S+ using 2 processors on nodes \S+ in partition debug")

    def test_refusals(self):
        for options, text in ((("-p", "nope"), "Invalid partition name specified"),
                              (("-N9",), "Node count specification invalid"),
                              (("-w", "n77"), "Invalid node name specified"),
                              (("-C", "nope"), "Invalid feature specification")):
            self.assertIn(text, self.c.refused("sbatch", *options, "--wrap", "true"))

    def test_array_with_throttle(self):
        job = self.c.submit("--array=1-3%1", "-o", "a.%a", "--wrap", "echo $SLURM_ARRAY_TASK_ID; sleep 0.3")
        self.assertLessEqual(len(self.c.squeue("%i", "-t", "R", "-j", job)), 1)
        for task in "123":
            self.c.wait_text("a." + task, task + "\n")

    def test_squeue(self):
        job = self.c.submit("-N2", "-J", "shown", "--comment=note", "--wrap", "sleep 100")
        self.c.wait_state(job, "RUNNING")
        self.held("--array=1-4%2")
        row = self.table("squeue", SQUEUE_FIELDS, "-j", job)[0]
        want = {"JobId": job, "Name": "shown", "NodeList": "n[1-2]", "NumNodes": "2", "State": "RUNNING", "UserName": "root",
                "Comment": "note", "BatchHost": "n1", "tres-alloc": "cpu=2,mem=512M,node=2,billing=2", "Partition": "debug",
                "WorkDir": self.c.work, "RestartCnt": "0", "GroupName": "root", "Reason": "None"}
        self.assertEqual({key: row[key] for key in want}, want)
        self.assertEqual(len(self.table("squeue", ["JobId"])), 2)
        self.assertIn("[1-4%2]", self.c.run("squeue"))
        self.assertEqual([line.split()[:4] for line in self.c.run("squeue", "-hs").splitlines()],
                         [[job + ".batch", "batch", "debug", "root"]])
        self.assertIn(f"StepId={job}.batch UserId=0", self.c.run("scontrol", "-o", "show", "step", job))
        states = [line.split() for line in self.c.run("squeue", "-h", "--only-job-state").splitlines()]
        self.assertIn([job, "R"], states)

    def test_json(self):
        job = self.c.submit("--wrap", "sleep 100")
        self.c.wait_state(job, "RUNNING")
        record = json.loads(self.c.run("squeue", "--json", "-j", job))["jobs"][0]
        self.assertEqual((record["job_id"], record["job_state"], record["nodes"]), (int(job), ["RUNNING"], "n1"))
        self.assertEqual(json.loads(self.c.run("scontrol", "show", "job", job, "--json"))["jobs"][0]["job_id"], int(job))
        names = {node["name"] for node in json.loads(self.c.run("scontrol", "show", "nodes", "--json"))["nodes"]}
        self.assertEqual(names, {"n1", "n2", "n3"})
        self.assertEqual(json.loads(self.c.run("sinfo", "--json"))["sinfo"][0]["partition"]["name"], "debug")
        self.assertEqual(json.loads(self.c.run("scontrol", "ping", "--json"))["pings"][0]["pinged"], "UP")
        self.assertGreater(json.loads(self.c.run("sdiag", "--json"))["statistics"]["jobs_submitted"], 0)

    def test_sinfo(self):
        row = self.table("sinfo", SINFO_FIELDS, "-N")[0]
        want = {"NodeList": "n1", "CPUs": "4", "Memory": "4096", "SocketCoreThread": "1:4:1", "Partition": "debug*",
                "StateLong": "idle", "Available": "up", "Disk": "1000", "Gres": "(null)", "Reason": "none"}
        self.assertEqual({key: row[key] for key in want}, want)
        lines = self.c.run("sinfo", "-N", "-l").splitlines()[2:]
        self.assertEqual([line.split()[0] for line in lines], ["n1", "n2", "n3"])

    def test_scancel(self):
        one, two, three = (self.held("-J", name) for name in ("one", "two", "three"))
        self.c.run("scancel", one)
        self.c.run("scancel", "--name=two")
        self.assertEqual(self.c.squeue("%i"), [[three]])
        self.c.run("scancel", "--state=RUNNING")
        self.assertEqual(self.c.squeue("%i"), [[three]])
        self.c.run("scancel", "--state=PENDING")
        self.assertEqual(self.c.squeue("%i"), [])
        array = self.held("--array=1-4")
        self.c.run("scancel", array + "_2")
        self.assertEqual(self.c.squeue("%i"), [[array + "_[1,3-4]"]])

    def test_scancel_by_the_controller(self):
        one, two, three = (self.held("-J", name) for name in ("one", "two", "three"))
        running = self.c.submit("-w", "n2", "-J", "one", "--wrap", "sleep 100")
        self.c.wait_state(running, "RUNNING")
        self.c.run("scancel", "--ctld", one)
        self.c.run("scancel", "--ctld", "--name=two")
        self.assertEqual(sorted(self.c.squeue("%i")), sorted([[three], [running]]))
        self.c.run("scancel", "--ctld", "--state=PENDING")
        self.assertEqual(self.c.squeue("%i"), [[running]])
        said = self.c.try_run("scancel", "--ctld", "-v", "--name=other", running).stderr
        self.assertIn(f"Kill job error on job id {running}", said)
        self.assertIn("Kill job error on job id 99999: ", self.c.try_run("scancel", "--ctld", "-v", "99999").stderr)
        self.c.run("scancel", "--ctld", "--nodelist=n3")
        self.assertEqual(self.c.state(running), "RUNNING")
        self.c.run("scancel", "--ctld", "--nodelist=n2", "--user=root")
        self.c.wait_state(running, "CANCELLED")
        array = self.held("--array=1-4")
        self.assertIn(f"Terminating job {array}_3", self.c.try_run("scancel", "--ctld", "-v", array + "_3").stderr)
        self.assertEqual(self.c.squeue("%i"), [[array + "_[1-2,4]"]])

    def test_scontrol_shows(self):
        self.assertIn("is UP", self.c.run("scontrol", "ping"))
        self.assertEqual(self.c.run("scontrol", "show", "hostnames", "n[1-3]"), "n1\nn2\nn3\n")
        self.assertNotIn("RestrictedCoresPerGPU", self.c.node("n1"))
        self.assertEqual(self.c.partition("debug")["TotalNodes"], "3")
        self.assertRegex(self.c.run("scontrol", "show", "config"), r"ClusterName\s+= local\n")
        self.assertIn("REQUEST_PARTITION_INFO", self.c.run("sdiag"))

    def test_scontrol_job_control(self):
        job = self.c.submit("--wrap", "sleep 1000")
        self.c.wait_state(job, "RUNNING")
        self.c.run("scontrol", "suspend", job)
        self.c.wait_state(job, "SUSPENDED")
        self.c.run("scontrol", "resume", job)
        self.c.wait_state(job, "RUNNING")
        self.c.run("scontrol", "update", f"jobid={job}", "timelimit=20", "comment=new")
        self.assertEqual((self.c.job(job)["TimeLimit"], self.c.job(job)["Comment"]), ("00:20:00", "new"))
        self.c.run("scontrol", "requeue", job)
        self.c.wait_reason(job, "BeginTime")
        self.c.start_now(job)
        self.c.wait_state(job, "RUNNING")
        self.c.run("scontrol", "requeuehold", job)
        self.c.wait_reason(job, "job_requeued_in_held_state")
        self.c.run("scontrol", "release", job)
        self.c.start_now(job)
        self.c.wait_state(job, "RUNNING")

    def test_scontrol_changes(self):
        self.c.run("scontrol", "update", "nodename=n3", "state=drain", "reason=new disk")
        self.assertEqual(self.c.node("n3")["State"], "IDLE+DRAIN")
        self.assertIn("new disk", self.c.run("sinfo", "-R"))
        self.c.run("scontrol", "update", "nodename=n3", "state=resume")
        self.assertEqual(self.c.node("n3")["State"], "IDLE")
        self.c.run("scontrol", "update", "partition=debug", "maxtime=60")
        self.assertEqual(self.c.partition("debug")["MaxTime"], "01:00:00")
        self.c.run("scontrol", "create", "partition=new", "nodes=n1")
        self.assertEqual(self.c.partition("new")["Nodes"], "n1")
        self.c.run("scontrol", "delete", "partition=new")
        self.c.run("scontrol", "reconfigure")
        self.assertEqual(self.c.partition("debug")["MaxTime"], "UNLIMITED")

    def test_srun(self):
        done = self.c.try_run("srun", "-N2", "-n3", "--label", "sh", "-c", "echo out of $SLURM_NTASKS; echo err >&2")
        self.assertEqual(sorted(done.stdout.splitlines()), [f"{task}: out of 3" for task in range(3)], done.stderr)
        self.assertEqual(sorted(done.stderr.splitlines()), [f"{task}: err" for task in range(3)])
        failed = self.c.try_run("srun", "sh", "-c", "exit 5")
        self.assertEqual((failed.returncode, failed.stderr), (5, "srun: error: n1: task 0: Exited with exit code 5\n"))
        self.assertEqual(self.c.run("srun", "id", "-un", user="nobody", cwd="/tmp"), "nobody\n")
        self.assertRegex(self.c.try_run("srun", "--slurmd-debug=verbose", "true").stderr,
                         "slurmstepd: debug levels are stderr='verbose'")

    def test_steps_of_an_allocation(self):
        self.assertEqual(self.c.run("salloc", "-Q", "-N2", "sh", "-c", "srun -n1 printenv SLURM_STEP_ID; srun -n1 printenv SLURM_STEP_ID"),
                         "0\n1\n")
        with open(self.c.work + "/sent", "w") as file:
            file.write("text")
        self.c.run("salloc", "-Q", "-N1", "sbcast", self.c.work + "/sent", self.c.work + "/copy")
        self.assertEqual(self.c.read("copy"), "text")

    def test_who_joins_a_step(self):
        """The commands of one release together: sattach and sstat speak what the step's srun spoke."""
        self.c.run("sh", "-c", "srun -n2 --label sh -c 'touch up.$SLURM_PROCID; while [ ! -e go ]; do sleep 0.1; done; echo line' > /dev/null & "
                   "while [ ! -e up.0 -o ! -e up.1 ]; do sleep 0.1; done; step=$(squeue -h -s -o %i | grep '[.]0$'); "
                   "sstat -a -n -P -o JobID,NTasks -j $step > shown; (sleep 1; touch go) & sattach --label $step > attached; wait; rm go")
        self.assertRegex(self.c.read("shown"), r"^\d+\.0\|2\n$")
        self.assertEqual(sorted(self.c.read("attached").splitlines()), ["0: line", "1: line"])


class GenericResources(GresTest):
    """Since 23.11 messages have "gres/gpu:2" where they had "gres:gpu:2"."""

    cluster_type = debian13.Debian13Cluster

    def told_of(self, job, key):
        return re.search(rf" {key}=(\S*)", self.c.run("scontrol", "-o", "show", "job", job)).group(1)

    def test_a_job_has_what_it_asks_for(self):
        job = self.running("--gpus-per-node=2", "--gpu-bind=closest")
        self.assertEqual((self.told_of(job, "TresPerNode"), self.told_of(job, "TresBind")), ("gres/gpu:2", "gres/gpu:closest"))
        self.assertEqual([gres for _, gres in self.held(job).values()], ["gpu:tesla:2(IDX:0-1)"])
        self.assertIn("configuration is not available", self.c.refused("sbatch", "--gres=gpu:5", "--wrap", "true"))

    def test_so_has_a_task(self):
        self.assertEqual(self.c.run("srun", "-N1", "-n2", "--gpus-per-task=2", "printenv", "SLURM_GPUS_ON_NODE"), "4\n4\n")
        job = self.c.submit("-H", "-n2", "--gpus-per-task=2", "--wrap", "true")
        self.assertEqual(self.told_of(job, "TresPerTask"), "gres/gpu=2")


if __name__ == "__main__":
    debian13.mounts_or_stop()
    debian13.Debian13Cluster.root = debian13.folder()
    main()
