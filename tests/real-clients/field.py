"""Three controllers in network namespaces of their own, and nodes and clients outside: a cluster whose cables can be cut.

Standard library only. Needs root, and iproute2 with a kernel that has namespaces and bridges.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

from cluster import Cluster, wait_for


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def can_make_namespaces():
    """Whether this machine lets us make namespaces, bridges and cables; leaves nothing behind."""
    space, bridge, cable = (f"fl{word}{os.getpid() % 100000}" for word in ("try", "b", "c"))
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    try:
        ip("netns", "add", space)
        ip("link", "add", bridge, "type", "bridge")
        ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
        return True
    except subprocess.CalledProcessError:
        return False
    finally:
        subprocess.run(["ip", "netns", "del", space], capture_output=True)
        subprocess.run(["ip", "link", "del", bridge], capture_output=True)


class Field(Cluster):
    """`flurm local` writes the files and keys; this starts the daemons, each controller behind a cable of its own."""

    names = ("ctl1", "ctl2", "ctl3")

    def __init__(self, nodes, extra=""):
        super().__init__(nodes=nodes, controllers=3, extra=extra)
        tag = os.getpid() % 10000
        self.bridge = f"flb{tag}"
        self.net = f"10.{77 + tag % 100}.{tag // 100 % 250}"
        self.space = {name: f"fl{tag}-{name}" for name in self.names}
        self.cable = {name: f"fl{tag}{name[-1]}" for name in self.names}
        self.process = {}

    def up(self):
        super().up()
        self.down()
        with open(self.conf) as file:
            text = file.read()
        for number, name in enumerate(self.names, 1):
            text = re.sub(rf"{name}\([0-9.]+\)", f"{name}({self.net}.{number})", text)
        text = text.replace("NodeAddr=127.0.0.1", f"NodeAddr={self.net}.254")
        for path, lines in [(self.conf, text)] + [(self.only_conf(name), self.only_text(text, name)) for name in self.names]:
            with open(path, "w") as file:
                file.write(lines)
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{self.net}.254/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        for number, name in enumerate(self.names, 1):
            space, cable = self.space[name], self.cable[name]
            ip("netns", "add", space)
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", cable, "master", self.bridge, "up")
            ip("-n", space, "addr", "add", f"{self.net}.{number}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
            ip("-n", space, "link", "set", "lo", "up")
        munge = self.dir + "/munge/"
        self.start("munged", ["munged", "--foreground", "--force", f"--key-file={munge}key", f"--socket={munge}socket",
                              f"--pid-file={munge}pid", f"--log-file={munge}log", f"--seed-file={munge}seed"])
        wait_for(lambda: os.path.exists(munge + "socket"), 10, "munged")
        for name in self.names:
            self.start_controller(name)
        for number in range(1, self.nodes + 1):
            self.start(f"n{number}", [self.bin + "/flurmnd", "-D", "-f", self.conf, "-N", f"n{number}"])
        wait_for(lambda: self.try_run("sinfo", "-h", "-o", "%D %T").stdout.strip() == f"{self.nodes} idle", 30, "idle nodes")
        return self

    def start(self, name, argv, env=None):
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        with open(f"{self.dir}/log/{name}.out", "a") as out:
            self.process[name] = subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True, cwd=self.dir,
                                                  env={**os.environ, **(env or {}), "PATH": path})

    def start_controller(self, name):
        self.start(name, ["ip", "netns", "exec", self.space[name], self.bin + "/flurmctld", "-D", "-f", self.conf],
                   {"FLURM_NODE_NAME": name, "FLURM_RA_DATA_DIR": f"{self.dir}/state/{name}"})

    def __exit__(self, *_):
        for process in self.process.values():
            for signum in (signal.SIGCONT, signal.SIGKILL):
                process.send_signal(signum)
            process.wait()
        with contextlib.suppress(Exception):
            self.down()  # the supervisors, which outlive their daemons
        for name in self.names:
            subprocess.run(["ip", "netns", "del", self.space[name]], capture_output=True)
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True)
        if not os.environ.get("FLURM_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def only_conf(self, name):
        return f"{self.folder}/{name}.conf"

    @staticmethod
    def only_text(text, name):
        return "".join(line for line in text.splitlines(keepends=True)
                       if not line.startswith("SlurmctldHost=") or line.startswith(f"SlurmctldHost={name}("))

    def leader(self):
        """Who said last that it leads, and is not known to have stopped."""
        latest = ("", None)
        for name in self.names:
            with open(f"{self.dir}/log/{name}.out") as file:
                said = re.findall(r"^(\S+) .*ctld.leadership leads=(yes|no)", file.read(), re.M)
            if said and said[-1][1] == "yes":
                latest = max(latest, (said[-1][0], name))
        return latest[1]

    # What happens to a controller, and the end of it.

    def kill(self, name):
        self.process[name].kill()
        self.process[name].wait()
        return lambda: self.start_controller(name)

    def freeze(self, name):
        self.process[name].send_signal(signal.SIGSTOP)
        return lambda: self.process[name].send_signal(signal.SIGCONT)

    def cut(self, name):
        ip("link", "set", self.cable[name], "down")
        return lambda: ip("link", "set", self.cable[name], "up")

    def mute(self, name, other):
        """Nothing of what `name` says reaches `other`, which it hears: what `other` asks is done and not answered."""
        route = (self.space[name], f"{self.net}.{self.names.index(other) + 1}/32")
        ip("-n", route[0], "route", "add", "blackhole", route[1])
        return lambda: ip("-n", route[0], "route", "del", "blackhole", route[1])
