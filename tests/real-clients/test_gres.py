"""Generic resources: what nodes have, which devices jobs and steps get, and what programs are told of them."""

import os
import re
import shutil
import unittest

from cluster import REAL, Cluster, ClusterTest, REAL_CONTROLLER, REAL_NODES, main, wait_for

# Devices that every machine has. Two of a node's gpus are near its first socket, two near its second.
GRES_CONF = """NodeName=n[1-3] Name=gpu Type=tesla File=/dev/null Cores=0-3
NodeName=n[1-3] Name=gpu Type=tesla File=/dev/zero Cores=0-3
NodeName=n[1-3] Name=gpu Type=tesla File=/dev/full Cores=4-7
NodeName=n[1-3] Name=gpu Type=tesla File=/dev/random Cores=4-7
Name=net Count=4
"""
TOLD = "env | grep -E '^(SLURM_(JOB|STEP)_GPUS|(CUDA|ROCR)_VISIBLE_DEVICES|SLURM_GPUS_ON_NODE|CUDA_MPS_.*|SLURM_SHARDS.*)=' | sort"


class GresTest(ClusterTest):
    gres_conf = GRES_CONF
    extra = ("GresTypes=gpu,net\nSchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=1\n"
             "NodeName=DEFAULT CPUs=8 Sockets=2 CoresPerSocket=4 Gres=gpu:tesla:4,net:4\n"
             "PartitionName=some Nodes=ALL DefCpuPerGPU=2 DefMemPerGPU=50\n")

    @classmethod
    def setUpClass(cls):
        if not shutil.which("sbatch"):
            raise AssertionError("sbatch is missing: apt-get install slurm-client")
        cls.cluster = cls.cluster_type(cls.nodes, cls.extra)
        os.makedirs(cls.cluster.dir + "/etc")
        cls.write_gres_conf(cls.gres_conf)
        cls.cluster.__enter__()

    @classmethod
    def write_gres_conf(cls, text):
        with open(cls.cluster.dir + "/etc/gres.conf", "w") as file:
            file.write(text)

    def shown(self, node, key):
        found = re.search(rf" {key}=(\S*)", self.c.run("scontrol", "-d", "-o", "show", "node", node))
        return found.group(1) if found else None

    def used(self, node):
        return self.shown(node, "GresUsed")

    def running(self, *options):
        job = self.c.submit(*options, "--wrap", "sleep 1000")
        self.c.wait_state(job, "RUNNING", seconds=70)
        return job

    def held(self, job):
        """CPUs and generic resources of the job on each of its nodes."""
        text = self.c.run("scontrol", "-d", "-o", "show", "job", job)
        return {nodes: (cpus, gres) for nodes, cpus, gres in re.findall(r" Nodes=(\S+) CPU_IDs=(\S+) Mem=\S+ GRES=(\S*)", text)}

    def told(self, *options, command=TOLD):
        """What a batch script is told, as a dict."""
        job = self.c.submit(*options, "-o", "told.%j", script=command)
        record = self.c.wait_end(job, seconds=70)
        self.assertEqual(record["JobState"], "COMPLETED", record)
        return dict(line.split("=", 1) for line in self.c.read(f"told.{job}").splitlines())


class Nodes(GresTest):
    def test_nodes_show_what_they_have(self):
        self.assertEqual(self.shown("n1", "Gres"), "gpu:tesla:4(S:0-1),net:4")
        self.assertEqual((self.shown("n1", "GresDrain"), self.used("n1")), ("N/A", "gpu:tesla:0(IDX:N/A),net:0"))
        self.assertNotIn("GresUsed", self.c.run("scontrol", "show", "node", "n1"))
        self.assertIn("gpu:tesla:4(S:0-1),net:4", self.c.run("sinfo", "-h", "-o", "%G"))
        self.assertEqual(self.c.run("sinfo", "-h", "-n", "n1", "-O", "gresused:60").strip(), "gpu:tesla:0(IDX:N/A),net:0")

    def test_counts_of_devices_cannot_be_updated(self):
        self.assertIn("Invalid generic resource", self.c.refused("scontrol", "update", "nodename=n1", "gres=gpu:tesla:2,net:4"))
        self.c.run("scontrol", "update", "nodename=n1", "gres=gpu:tesla:4,net:2")
        self.assertEqual(self.shown("n1", "Gres"), "gpu:tesla:4(S:0-1),net:2")
        self.c.run("scontrol", "update", "nodename=n1", "gres=gpu:tesla:4,net:4")

    def test_programs_are_told(self):
        told = self.told("-w", "n1", "--gres=gpu:2")
        self.assertEqual(told, {"SLURM_JOB_GPUS": "0,1", "CUDA_VISIBLE_DEVICES": "0,1", "ROCR_VISIBLE_DEVICES": "0,1",
                                "SLURM_GPUS_ON_NODE": "2"})
        self.assertEqual(self.told("-w", "n1"), {})


@unittest.skipIf(REAL_CONTROLLER or REAL_NODES, "the choice is the controller's alone")
class Choice(GresTest):
    def test_a_job_gets_devices_and_cores_near_them(self):
        first = self.running("-w", "n1", "--gres=gpu:2", "-n1")
        second = self.running("-w", "n1", "--gpus=1", "-n1")
        third = self.running("-w", "n1", "--gres=gpu:tesla:1,net:3", "-n1")
        self.assertEqual(self.held(first), {"n1": ("0", "gpu:tesla:2(IDX:0-1)")})
        self.assertEqual(self.held(second), {"n1": ("4", "gpu:tesla:1(IDX:2)")})
        self.assertEqual(self.held(third), {"n1": ("5", "gpu:tesla:1(IDX:3),net(CNT:3)")})
        self.assertEqual(self.used("n1"), "gpu:tesla:4(IDX:0-3),net:3")
        self.assertEqual(self.c.squeue("%b", "-j", first), [["gres:gpu:2"]])
        self.assertIn("TresPerJob=gres:gpu:1", self.c.run("scontrol", "show", "job", second))
        waiting = self.c.submit("-w", "n1", "--gres=gpu:1", "--wrap", "sleep 1000")
        self.c.wait_reason(waiting, "Resources")
        self.c.run("scancel", first)
        self.c.wait_state(waiting, "RUNNING", seconds=70)
        self.assertEqual(self.held(waiting)["n1"][1], "gpu:tesla:1(IDX:0)")

    def test_counts_for_the_job_nodes_and_tasks(self):
        for options, devices in (
                (("-N2", "--gpus-per-node=2"), {"n[1-2]": "gpu:tesla:2(IDX:0-1)"}),
                (("--gpus=6",), {"n1": "gpu:tesla:4(IDX:0-3)", "n2": "gpu:tesla:2(IDX:0-1)"}),
                (("-n2", "-N1", "--gpus-per-task=2"), {"n1": "gpu:tesla:4(IDX:0-3)"}),
                (("-N1", "--sockets-per-node=2", "-n2", "--ntasks-per-socket=1", "--gpus-per-socket=1"), {"n1": "gpu:tesla:2(IDX:0,2)"}),
        ):
            with self.subTest(options=options):
                job = self.running(*options)
                self.assertEqual({nodes: gres for nodes, (_, gres) in self.held(job).items()}, devices)
                self.c.run("scancel", job)
                wait_for(lambda: not self.c.squeue("%i"), what="an empty queue")

    def test_what_a_partition_gives_with_each_gpu(self):
        self.assertIn("JobDefaults=DefCpuPerGPU=2,DefMemPerGPU=50", self.c.run("scontrol", "show", "partition", "some"))
        job = self.running("-p", "some", "--gpus=2")
        record = self.c.job(job)
        self.assertEqual((record["NumCPUs"], record["CpusPerTres"], record["MemPerTres"]), ("4", "gres:gpu:2", "gres:gpu:50"))
        self.assertIn(" Mem=100 ", self.c.run("scontrol", "-d", "-o", "show", "job", job))
        said = self.c.job(self.c.submit("--hold", "-p", "some", "--gpus=1", "-c", "1", "--mem=20"))
        self.assertEqual((said.get("CpusPerTres"), said.get("MemPerTres")), (None, None))
        self.assertNotIn("CpusPerTres", self.c.job(self.c.submit("--hold", "-p", "some")))
        self.c.run("scontrol", "update", "partitionname=some", "jobdefaults=DefCpuPerGPU=3")
        self.assertEqual(self.c.job(self.c.submit("--hold", "-p", "some", "--gpus=1"))["CpusPerTres"], "gres:gpu:3")
        self.c.refused("scontrol", "update", "partitionname=some", "jobdefaults=DefNothing=3")

    def test_a_waiting_jobs_devices_may_be_changed(self):
        job = self.c.submit("--hold", "-w", "n1", "--gres=gpu:1", "--wrap", "sleep 1000")
        self.c.run("scontrol", "update", f"jobid={job}", "gres=gpu:3")
        self.assertEqual(self.c.squeue("%b", "-j", job), [["gres:gpu:3"]])
        self.c.refused("scontrol", "update", f"jobid={job}", "gres=nothing:1")
        self.c.run("scontrol", "release", job)
        self.c.wait_state(job, "RUNNING", seconds=70)
        self.assertEqual(self.held(job)["n1"][1], "gpu:tesla:3(IDX:0-2)")
        self.c.refused("scontrol", "update", f"jobid={job}", "gres=gpu:1")

    def test_cpus_and_memory_that_go_with_a_gpu(self):
        job = self.running("--gpus=2", "--cpus-per-gpu=3", "--mem-per-gpu=100")
        record = self.c.job(job)
        self.assertEqual((record["NumCPUs"], record["CpusPerTres"], record["MemPerTres"]), ("6", "gres:gpu:3", "gres:gpu:100"))
        self.assertIn(" Mem=200 ", self.c.run("scontrol", "-d", "-o", "show", "job", job))

    def test_binding_to_cores(self):
        self.running("-w", "n1", "-n4", "--gres=gpu:1")  # all cores of the first socket
        far = self.running("-w", "n1", "-n1", "--gres=gpu:3")
        self.assertEqual(self.held(far)["n1"][1], "gpu:tesla:3(IDX:1-3)")
        self.c.run("scancel", far)
        bound = self.c.submit("-w", "n1", "-n1", "--gres=gpu:3", "--gres-flags=enforce-binding", "--wrap", "sleep 1000")
        self.c.wait_reason(bound, "Resources")

    def test_all_for_an_exclusive_job(self):
        job = self.running("-w", "n2", "--exclusive", "-n1")
        self.assertEqual(self.held(job)["n2"][1], "gpu:tesla:4(IDX:0-3),net(CNT:4)")

    def test_refusals(self):
        for words, options in (
                ("Requested node configuration is not available", ("--gres=gpu:5",)),
                ("Requested node configuration is not available", ("--gres=gpu:kepler:1",)),
                ("Requested node configuration is not available", ("--gpus=13",)),
                ("Requested node configuration is not available", ("--gpus=2", "--cpus-per-gpu=20")),
                ("Invalid generic resource", ("--gres=none:1",)),
                ("Invalid generic resource", ("--gpus=3", "--gpus-per-node=2")),
                ("Invalid generic resource", ("--mem-per-gpu=10",)),
        ):
            with self.subTest(options=options):
                self.assertIn(words, self.c.refused("sbatch", *options, "--wrap", "true"))


class Steps(GresTest):
    def test_a_step_takes_of_its_job(self):
        told = self.told("-w", "n1", "--gres=gpu:3", "-n3", command="srun -n1 --gres=gpu:1 sh -c \"" + TOLD + "\"")
        self.assertEqual(told, {"SLURM_JOB_GPUS": "0,1,2", "SLURM_STEP_GPUS": "0", "CUDA_VISIBLE_DEVICES": "0",
                                "ROCR_VISIBLE_DEVICES": "0", "SLURM_GPUS_ON_NODE": "1"})
        told = self.told("-w", "n1", "--gres=gpu:2", "-n1", command="srun -n1 sh -c \"" + TOLD + "\"")
        self.assertEqual(told["SLURM_STEP_GPUS"], "0,1")
        told = self.told("-w", "n1", "--gres=gpu:2", "-n1", command="srun -n1 --gres=none sh -c \"" + TOLD + "\"")
        self.assertEqual(told, {"SLURM_JOB_GPUS": "0,1"})

    def test_steps_side_by_side_have_different_devices(self):
        script = ("for i in 1 2; do srun -n1 --exact --gres=gpu:1 sh -c 'echo $SLURM_STEP_GPUS >got.$0; "
                  "while [ ! -e got.1 -o ! -e got.2 ]; do sleep 0.05; done' $i & done; wait; cat got.1 got.2 | sort; rm got.?")
        job = self.c.submit("-w", "n1", "--gres=gpu:2", "-n2", "-o", "side", script=script)
        self.assertEqual(self.c.wait_end(job, seconds=70)["JobState"], "COMPLETED")
        self.assertEqual(self.c.read("side"), "0\n1\n")

    def test_a_step_cannot_have_more_than_its_job(self):
        job = self.running("-w", "n1", "--gres=gpu:1", "-n1")
        self.assertIn("Invalid generic resource", self.c.refused("srun", "--jobid", job, "--gres=gpu:2", "true"))
        self.assertIn("Invalid generic resource", self.c.refused("srun", "--jobid", job, "--gres=net:1", "true"))

    def test_binding_of_tasks(self):
        show = "sh -c 'echo $SLURM_PROCID $CUDA_VISIBLE_DEVICES'"
        for bind, lines in (("map_gpu:1,0", "0 1,1 0"), ("mask_gpu:0x1,0x3", "0 0,1 0,1"), ("per_task:1", "0 0,1 1"),
                            ("single:1", "0 0,1 1")):
            with self.subTest(bind=bind):
                job = self.c.submit("-w", "n1", "--gres=gpu:2", "-n2", "-o", "bound.%j",
                                    script=f"srun -n2 --gpu-bind={bind} {show} | sort")
                self.assertEqual(self.c.wait_end(job, seconds=70)["JobState"], "COMPLETED")
                self.assertEqual(",".join(self.c.read(f"bound.{job}").splitlines()), lines)


@unittest.skipUnless(os.geteuid() == 0 and os.access("/sys/fs/cgroup/devices/cgroup.procs", os.W_OK),
                     "needs device cgroups of its own")
class Constrained(GresTest):
    """ConstrainDevices: who has not been given a device cannot open it."""

    nodes = 1
    gres_conf = "Name=gpu File=/dev/full Cores=0-3\nName=gpu File=/dev/zero Cores=4-7\n"
    extra = ("GresTypes=gpu\nTaskPlugin=task/cgroup\nSchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=1\n"
             "NodeName=DEFAULT CPUs=8 Sockets=2 CoresPerSocket=4 Gres=gpu:2\n")
    mountpoint = "/sys/fs/cgroup"
    look = "sh -c 'for d in full zero null; do head -c 1 /dev/$d >/dev/null 2>&1 && printf \"$d \"; done; echo $CUDA_VISIBLE_DEVICES'"

    @classmethod
    def write_gres_conf(cls, text):
        super().write_gres_conf(text)
        with open(cls.cluster.dir + "/etc/cgroup.conf", "w") as file:
            file.write(f"ConstrainDevices=yes\nCgroupMountpoint={cls.mountpoint}\n")

    def seen(self, *options, script):
        """What the script says, its lines sorted."""
        job = self.c.submit("-n1", *options, "-o", "seen.%j", script=script)
        self.assertEqual(self.c.wait_end(job, seconds=70)["JobState"], "COMPLETED", self.c.read(f"seen.{job}"))
        return sorted(line.strip() for line in self.c.read(f"seen.{job}").splitlines())

    def test_a_job_opens_its_devices_alone(self):
        self.assertEqual(self.seen(script=self.look), ["null"])
        self.assertEqual(self.seen("--gres=gpu:1", script=self.look), ["full null 0"])
        self.assertEqual(self.seen("--gres=gpu:2", script=self.look), ["full zero null 0,1"])

    def test_so_does_a_step(self):
        batch, none, *one = self.seen("--gres=gpu:2", script=f"{self.look}; srun --gres=none {self.look}; "
                                      f"srun --gres=gpu:1 {self.look} | sed s/^/step:/")
        self.assertEqual((batch, none), ("full zero null 0,1", "null"))
        self.assertIn(one, (["step:full null 0"], ["step:zero null 0"]))

    def test_so_does_a_task(self):
        self.assertEqual(self.seen("--gres=gpu:2", "-n2", script=f"srun -n2 --gpu-bind=map_gpu:1,0 {self.look}"),
                         ["full null 0", "zero null 0"])
        self.assertEqual(self.seen("--gres=gpu:2", "-n2", script=f"srun -n2 --gpu-bind=per_task:1 {self.look}"),
                         ["full null 0", "zero null 0"])

    def test_what_is_not_the_jobs_is_left_alone(self):
        self.seen(script=self.look)
        with open("/dev/full", "rb") as device:
            self.assertEqual(device.read(1), b"\0")


@unittest.skipIf(REAL or REAL_NODES, "Debian's slurmd does not start there")
@unittest.skipUnless(os.geteuid() == 0 and os.access("/sys/fs/cgroup/unified/cgroup.procs", os.W_OK),
                     "needs control groups of version 2 of its own")
class ConstrainedByProgram(Constrained):
    """The same with version 2 of control groups, where a BPF program decides."""

    mountpoint = "/sys/fs/cgroup/unified"


class Parts(GresTest):
    """Shares of devices: mps and shard."""

    nodes = 1
    gres_conf = "Name=gpu File=/dev/null Cores=0-3\nName=gpu File=/dev/zero Cores=4-7\nName=mps Count=200\n"
    extra = ("GresTypes=gpu,mps\nSchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=1\n"
             "NodeName=DEFAULT CPUs=8 Sockets=2 CoresPerSocket=4 Gres=gpu:2,mps:200\n")

    def test_parts_of_one_gpu(self):
        self.assertEqual(self.shown("n1", "Gres"), "gpu:2(S:0-1),mps:200(S:0-1)")
        first = self.running("--gres=mps:60", "-n1")
        second = self.running("--gres=mps:30", "-n1")
        self.assertEqual([self.held(job)["n1"][1] for job in (first, second)], ["mps:60(IDX:0)", "mps:30(IDX:0)"])
        whole = self.running("--gres=gpu:1", "-n1")
        self.assertEqual(self.held(whole)["n1"][1], "gpu:1(IDX:1)")
        waiting = self.c.submit("--gres=mps:20", "-n1", "--wrap", "true")
        self.c.wait_reason(waiting, "Resources")

    def test_programs_are_told_how_much(self):
        told = self.told("--gres=mps:25")
        self.assertEqual((told["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"], told["CUDA_VISIBLE_DEVICES"]), ("25", "0"))

    def test_no_more_than_one_gpu_has(self):
        self.assertIn("Requested node configuration is not available",
                      self.c.refused("sbatch", "--gres=mps:201", "--wrap", "true"))
        self.assertIn("Invalid generic resource", self.c.refused("sbatch", "--gres=mps:10,gpu:1", "--wrap", "true"))


class Lacking(GresTest):
    nodes = 1

    def test_a_node_that_has_lost_a_device_is_set_aside(self):
        self.write_gres_conf(GRES_CONF.replace("NodeName=n[1-3] Name=gpu Type=tesla File=/dev/random Cores=4-7\n", ""))
        self.c.run("scontrol", "reconfigure")
        wait_for(lambda: "INVALID_REG" in self.c.node("n1")["State"], what="the node to be set aside")
        self.assertIn("gres/gpu count reported lower than configured (3 < 4)", self.c.node("n1")["Reason"])
        self.assertIn("inval", self.c.run("sinfo", "-h", "-o", "%t"))
        self.write_gres_conf(GRES_CONF)
        self.c.run("scontrol", "reconfigure")
        wait_for(lambda: "INVALID_REG" not in self.c.node("n1")["State"], what="the node to be back")


if __name__ == "__main__":
    main()
