"""AutoDetect=nvml: the GPUs that NVIDIA's library tells of, laid over gres.conf and slurm.conf. The library is a fake; that Slurm's
slurmd makes the same of the same GPUs is seen with its own fake, fake_gpus.conf, which it reads beside slurm.conf."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from cluster import REAL, REAL_CONTROLLER, REAL_NODES, Cluster, ClusterTest, is_root, main, need_slurms_nodes

FLURMND = os.path.join(os.environ.get("FLURM_BIN", ""), "flurmnd")
NUMBERS = range(240, 244)
CAPABILITIES = (21, 22, 30, 31)

# What slurmd is told: type, CPUs, cores, links, file, unique id, flags.
FAKE_GPUS = """tesla_v100-sxm2-16gb|8|0-3|-1,2,0,0|/dev/nvidia240|(null)|nvidia_gpu_env
tesla_v100-sxm2-16gb|8|0-3|2,-1,0,0|/dev/nvidia241|(null)|nvidia_gpu_env
tesla_t4|8|4-7|0,0,-1,0|/dev/nvidia242|(null)|nvidia_gpu_env
tesla_t4|8|4-7|0,0,0,-1|/dev/nvidia243|(null)|nvidia_gpu_env
"""

CONF = """ClusterName=c
SlurmctldHost=localhost
SlurmUser=root
SlurmdSpoolDir={folder}/spool
GresTypes=gpu,net
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=localhost CPUs=8 Sockets=2 CoresPerSocket=4 ThreadsPerCore=1 Gres={gres}
PartitionName=p Nodes=ALL
"""

NVML = "AutoDetect=nvml\n"
CASES = (
    ("gpu:4", NVML),
    ("gpu:v100:2,gpu:t4:2", NVML),
    ("gpu:V100:2,gpu:t4:2,net:3", NVML + "Name=net Count=3\n"),
    ("gpu:2", NVML),
    ("gpu:v100:1,gpu:t4:2", NVML),
    ("gpu:tesla_v100-sxm2-16gb:2,gpu:tesla_t4:1", NVML),
    ("gpu:tesla:2,gpu:tesla_t4:2", NVML),
    ("gpu:a100:4", NVML),
    ("gpu:6", NVML),
    ("gpu:4", "NodeName=n1 AutoDetect=nvml\n"),
    ("gpu:v100:2,gpu:t4:2", NVML + "Name=gpu Type=t4 File=/dev/nvidia[242-243] Flags=amd_gpu_env\n"),
    ("gpu:4", NVML + "Name=gpu File=/dev/nvidia240 Links=-1,1,0,0\n"),
    ("gpu:3", NVML + "Name=gpu File=/dev/nvidia242\nName=gpu File=/dev/full\n"),
)
# Without looking. Slurm's fake is always looked at, so that these have no oracle.
UNDETECTED = (
    ("gpu:4", "", ""),
    ("gpu:2", "AutoDetect=off\nName=gpu File=/dev/nvidia[240-241]\n",
     "Gres Name=gpu Type=(null) Count=2 Index=0 ID=7696487 File=/dev/nvidia[240-241] (null)"),
    ("gpu:1", NVML + "NodeName=n1 AutoDetect=off Name=gpu File=/dev/nvidia243\n",
     "Gres Name=gpu Type=(null) Count=1 Index=243 ID=7696487 File=/dev/nvidia243 (null)"),
    ("gpu:1", "NodeName=n2 AutoDetect=nvml\nName=gpu File=/dev/nvidia241\n",
     "Gres Name=gpu Type=(null) Count=1 Index=241 ID=7696487 File=/dev/nvidia241 (null)"),
)


def build_library(folder):
    source = os.path.join(os.path.dirname(os.path.realpath(__file__)), "fake_nvml.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder + "/libnvidia-ml.so.1", source], check=True)


@contextlib.contextmanager
def devices():
    made = []
    try:
        for number in NUMBERS:
            path = f"/dev/nvidia{number}"
            os.mknod(path, 0o20666, os.makedev(1, 3))
            made.append(path)
        yield
    finally:
        for path in made:
            os.unlink(path)


def lines(text):
    """Those about resources, in the order of the devices' files: kinds come in either order."""
    return sorted(re.sub(r"^\S+: (?=Gres)", "", line).strip() for line in text.splitlines() if re.match(r"(slurmd-n1: )?Gres Name", line))


@unittest.skipIf(REAL or REAL_NODES or REAL_CONTROLLER or not is_root(), "ours, with device files")
class Printed(unittest.TestCase):
    """flurmnd -G and slurmd -G."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="flurm-")
        self.addCleanup(shutil.rmtree, self.folder)
        build_library(self.folder)

    def write(self, gres, gres_conf):
        for name, text in (("slurm.conf", CONF.format(folder=self.folder, gres=gres)), ("gres.conf", gres_conf),
                           ("fake_gpus.conf", FAKE_GPUS)):
            with open(f"{self.folder}/{name}", "w") as file:
                file.write(text)

    def ours(self, **env):
        done = subprocess.run([FLURMND, "-G", "-N", "n1", "-f", self.folder + "/slurm.conf"], capture_output=True, text=True,
                              env={**os.environ, "LD_LIBRARY_PATH": self.folder, **env})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_the_same_as_slurmd(self):
        need_slurms_nodes()
        with devices():
            for gres, gres_conf in CASES:
                with self.subTest(gres=gres, gres_conf=gres_conf):
                    self.write(gres, gres_conf)
                    theirs = subprocess.run(["/usr/sbin/slurmd", "-G", "-N", "n1", "-f", self.folder + "/slurm.conf"],
                                            capture_output=True, text=True)
                    self.assertEqual(lines(theirs.stdout + theirs.stderr), lines(self.ours().stdout), "Slurm's first")

    def test_nobody_looks_unasked(self):
        with devices():
            for gres, gres_conf, expected in UNDETECTED:
                with self.subTest(gres=gres, gres_conf=gres_conf):
                    self.write(gres, gres_conf)
                    self.assertEqual(lines(self.ours().stdout), [line for line in expected.splitlines() + ["Gres Name=net Type=(null) Count=0 ID=7628142 (null)"]])

    def test_without_a_driver_files_are_all(self):
        with devices():
            self.write("gpu:1", NVML + "Name=gpu File=/dev/nvidia240\n")
            told = self.ours(FAKE_NVML="none")
            self.assertIn("File=/dev/nvidia240", told.stdout)
            self.assertIn("Driver Not Loaded", told.stderr)

    def test_a_divided_gpu(self):
        """Its instances are devices. The driver tells their files in /proc, over which a private one is laid."""
        minors = "".join(f"gpu243/gi{i + 7}/access {gi}\ngpu243/gi{i + 7}/ci0/access {ci}\n"
                         for i, (gi, ci) in enumerate((CAPABILITIES[:2], CAPABILITIES[2:])))
        with open(self.folder + "/minors", "w") as file:
            file.write(minors)
        with devices():
            self.write("gpu:v100:2,gpu:tesla_t4:1,gpu:t4_1g.5gb:2", NVML)
            script = (f"mount -t tmpfs none /proc/driver && mkdir /proc/driver/nvidia-caps && "
                      f"cp {self.folder}/minors /proc/driver/nvidia-caps/mig-minors && mount -t tmpfs none /dev/shm && "
                      f"mkdir /dev/shm/caps && mkdir -p /dev/nvidia-caps && mount --bind /dev/shm/caps /dev/nvidia-caps && "
                      + "".join(f"mknod /dev/nvidia-caps/nvidia-cap{each} c 1 3 && " for each in CAPABILITIES)
                      + f"exec {FLURMND} -G -N n1 -f {self.folder}/slurm.conf")
            had = os.path.isdir("/dev/nvidia-caps")
            try:
                done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True,
                                      env={**os.environ, "LD_LIBRARY_PATH": self.folder, "FAKE_NVML_DIVIDED": "1"})
            finally:
                if not had:
                    os.rmdir("/dev/nvidia-caps")
        self.assertEqual(done.returncode, 0, done.stderr)
        parts = [line for line in lines(done.stdout) if "1g.5gb" in line]
        self.assertEqual(parts, [
            "Gres Name=gpu Type=t4_1g.5gb Count=1 Index=22 ID=7696487 "
            "File=/dev/nvidia243,/dev/nvidia-caps/nvidia-cap21,/dev/nvidia-caps/nvidia-cap22 Cores=4-7 CoreCnt=8 Links=-1,0",
            "Gres Name=gpu Type=t4_1g.5gb Count=1 Index=31 ID=7696487 "
            "File=/dev/nvidia243,/dev/nvidia-caps/nvidia-cap30,/dev/nvidia-caps/nvidia-cap31 Cores=4-7 CoreCnt=8 Links=0,-1"])


class FoundCluster(Cluster):
    """Its nodes see the fake library."""

    def up(self):
        build_library(self.folder)
        os.makedirs(self.dir + "/etc")
        with open(self.dir + "/etc/gres.conf", "w") as file:
            file.write(NVML)
        return super().up()

    def local(self, *words):
        return subprocess.run([self.bin + "/flurm", "local", *words, "--dir", self.dir], capture_output=True, text=True, timeout=240,
                              env={**os.environ, "LD_LIBRARY_PATH": self.folder})


@unittest.skipIf(REAL or REAL_NODES or REAL_CONTROLLER or not is_root(), "ours, with device files")
class Jobs(ClusterTest):
    """A job gets GPUs that no file names, those that are linked and near its cores."""

    nodes = 1
    cluster_type = FoundCluster
    extra = "GresTypes=gpu\nNodeName=DEFAULT Gres=gpu:v100:2,gpu:t4:2\n"

    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(devices())
        super().setUpClass()

    def test_devices(self):
        job = self.c.submit("--gres=gpu:t4:2", "-n1", "-o", "told", script="echo $CUDA_VISIBLE_DEVICES; echo ${ROCR_VISIBLE_DEVICES-none}")
        self.c.wait_state(job, "COMPLETED")
        self.assertEqual(self.c.read("told").split(), ["2,3", "none"])
        self.assertIn("GRES=gpu:t4:2(IDX:2-3)", self.c.run("scontrol", "-d", "show", "job", job))


if __name__ == "__main__":
    main()
