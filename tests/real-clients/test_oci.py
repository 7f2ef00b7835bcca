"""srun and sbatch --container: Debian's runc starts the user's command in a bundle, on our nodes."""

import json
import os
import re
import shutil
import subprocess
import unittest

import cluster
from cluster import Cluster, ClusterTest, main, wait_for

USER = "nobody"
PROGRAMS = ("sh", "cat", "id", "ls", "sleep", "env", "echo")

RUN = """RunTimeQuery="runc --rootless=true --root={state} state %n.%u.%j.%s.%t"
RunTimeKill="runc --rootless=true --root={state} kill -a %n.%u.%j.%s.%t KILL"
RunTimeDelete="runc --rootless=true --root={state} delete --force %n.%u.%j.%s.%t"
"""
AT_ONCE = RUN + 'RunTimeRun="runc --rootless=true --root={state} run %n.%u.%j.%s.%t -b %b"\n'
IN_STEPS = RUN + """RunTimeCreate="runc --rootless=true --root={state} create %n.%u.%j.%s.%t -b %b"
RunTimeStart="runc --rootless=true --root={state} start %n.%u.%j.%s.%t"
"""


def make_bundle(folder):
    """A root file system of some programs of this machine, and the runtime's own example of a configuration."""
    for part in ("proc", "sys", "dev", "tmp", "bin"):
        os.makedirs(f"{folder}/rootfs/{part}")
    for name in PROGRAMS:
        program = shutil.which(name)
        shutil.copy(program, f"{folder}/rootfs/bin/{name}")
        listed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
        for library in re.findall(r"(/\S+)", listed):
            os.makedirs(f"{folder}/rootfs{os.path.dirname(library)}", exist_ok=True)
            shutil.copy(library, f"{folder}/rootfs{library}")
    with open(folder + "/rootfs/mark", "w") as file:
        file.write("inside\n")
    subprocess.run(["runc", "spec", "--rootless"], cwd=folder, check=True)
    with open(folder + "/config.json") as file:
        config = json.load(file)
    for mapping in ("uidMappings", "gidMappings"):
        config["linux"][mapping][0]["hostID"] = 65534
    config["root"]["readonly"] = False
    with open(folder + "/config.json", "w") as file:
        json.dump(config, file)
    for place, _, _ in os.walk(folder + "/rootfs"):  # the runtime makes the places of mounts, as the user
        os.chown(place, 65534, 65534)


def containers_work():
    """Not every machine lets users make name spaces."""
    return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "-Umrpf",
                           "--mount-proc", "true"],
                          capture_output=True).returncode == 0


class Containers(Cluster):
    """oci.conf stands beside slurm.conf before the nodes start."""

    def up(self):
        if not self.oci:
            return super().up()
        self.runtime = self.folder + "/runtime"
        os.mkdir(self.runtime)
        os.chmod(self.runtime, 0o1777)
        self.bundle = self.folder + "/bundle"
        os.mkdir(self.bundle)
        make_bundle(self.bundle)
        os.makedirs(self.dir + "/etc")
        with open(self.dir + "/etc/oci.conf", "w") as file:
            file.write(self.oci.format(state=self.runtime))
        return super().up()

    oci = AT_ONCE

    def left_over(self):
        found = os.listdir(self.runtime)
        for folder, names, _ in os.walk(self.dir):
            found += [f"{folder}/{name}" for name in names if name.startswith("oci-job")]
        return found


@unittest.skipUnless(cluster.is_root() and os.path.exists("/usr/sbin/runc") and containers_work(),
                     "needs root, runc and name spaces for users")
class AtOnce(ClusterTest):
    nodes = 1
    cluster_type = Containers
    status = 3

    def wait_nothing_left(self):
        wait_for(lambda: not self.c.left_over(), 20, "the end of what containers leave")

    def srun(self, *argv, **options):
        return self.c.try_run("srun", "--container=" + self.c.bundle, *argv, user=USER, **options)

    def test_command_runs_inside(self):
        done = self.srun("sh", "-c", "cat /mark; id -u; echo $SLURM_JOB_ID-$SLURM_PROCID-$MINE; echo said >&2; exit 3",
                         env={"MINE": "mine"})
        self.assertEqual(done.returncode, self.status, done.stderr)
        self.assertRegex(done.stdout, r"^inside\n0\n\d+-0?-mine\n$")  # slurmd tells no rank
        self.assertIn("said\n", done.stderr)
        self.wait_nothing_left()

    def test_input_reaches_it(self):
        self.assertEqual(self.srun("cat", stdin="to and fro\n").stdout, "to and fro\n")

    def test_batch_script_runs_inside(self):
        job = self.c.submit("--container=" + self.c.bundle, "-o", "out", script="cat /mark; echo $0 $1", user=USER)
        self.assertEqual(self.c.wait_end(job)["JobState"], "COMPLETED", self.c.log("n1")[-2000:])
        self.assertEqual(self.c.read("out"), "inside\n/tmp/slurm/startup\n")
        self.wait_nothing_left()

    def test_end_of_the_job_is_its_end(self):
        job = self.c.submit("--container=" + self.c.bundle, "-o", "long", script="echo begun; sleep 300", user=USER)
        self.c.wait_text("long", "begun")
        self.c.run("scancel", job)
        self.c.wait_end(job)
        self.wait_nothing_left()

    def test_bundle_that_is_none(self):
        done = self.c.try_run("srun", "--container=/nowhere", "echo", "ran", user=USER)
        self.assertNotIn("ran", done.stdout)
        self.assertIn("launch failed", done.stderr)
        # What the user may not read is no bundle of theirs.
        secret = self.c.folder + "/secret"
        shutil.copytree(self.c.bundle, secret)
        os.chmod(secret, 0o700)
        self.assertNotIn("inside", self.c.try_run("srun", "--container=" + secret, "cat", "/mark", user=USER).stdout)


class InSteps(AtOnce):
    class cluster_type(Containers):
        oci = IN_STEPS

    status = 0  # that of RunTimeStart
    test_input_reaches_it = None  # what runs in the background has no standard input


@unittest.skipUnless(cluster.is_root(), "needs root")
class WithoutRuntime(ClusterTest):
    nodes = 1

    def test_is_passed_over(self):
        self.assertEqual(self.c.run("srun", "--container=/nowhere", "echo", "outside", user=USER), "outside\n")


if __name__ == "__main__":
    main()
