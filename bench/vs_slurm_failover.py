"""What bench/vs-slurm measures of controllers that end: how soon one answers again, and how soon another one does its work.

Slurm's backup controller needs a host name of its own: both of its controllers run in UTS and mount namespaces, on 127.0.0.1 and
127.0.0.2, over one StateSaveLocation, as its documentation asks for.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time

LIMIT_S = 300


def pid_of(cluster, name):
    with open(f"{cluster.dir}/run/{name}.process") as file:
        return int(file.read().split()[0])


def wait_gone(pid):
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rsplit(") ", 1)[1][0] not in "ZX":
                    time.sleep(0.02)
                    continue
        return
    raise SystemExit(f"vs-slurm: process {pid} does not end")


def first_success(cluster, *argv, conf=None):
    """Seconds until the command succeeds; it is repeated as fast as it fails."""
    env = cluster.env | ({"SLURM_CONF": conf} if conf else {})
    begin = time.monotonic()
    while time.monotonic() - begin < LIMIT_S:
        with contextlib.suppress(subprocess.TimeoutExpired):
            if subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode == 0:
                return time.monotonic() - begin
        time.sleep(0.01)
    raise SystemExit(f"vs-slurm: {argv} does not succeed")


def sbatch():
    return "sbatch", "-p", "closed", "-o", "/dev/null", "--wrap", "true"


def wait_for_port(cluster, begin):
    """A client that finds nobody listening sleeps for a second."""
    with open(cluster.env["SLURM_CONF"]) as file:
        port = int(re.search(r"^SlurmctldPort=(\d+)", file.read(), re.M).group(1))
    while time.monotonic() - begin < LIMIT_S:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.005)
    raise SystemExit("vs-slurm: nobody listens")


def restart(cluster):
    """The controller is told to end, and started anew: seconds from there until it shows a job."""
    pid = pid_of(cluster, "flurmctld")
    with open(f"/proc/{pid}/cmdline") as file:
        argv = file.read().split("\0")[:-1]
    with open(f"/proc/{pid}/environ") as file:
        env = dict(word.split("=", 1) for word in file.read().split("\0")[:-1] if "=" in word)
    program, folder = os.readlink(f"/proc/{pid}/exe"), os.readlink(f"/proc/{pid}/cwd")
    os.kill(pid, signal.SIGTERM)
    wait_gone(pid)
    begin = time.monotonic()
    again = subprocess.Popen(argv, executable=program, env=env, cwd=folder, start_new_session=True,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(cluster, begin)
        first_success(cluster, "scontrol", "show", "job", "1")
        return time.monotonic() - begin
    finally:
        again.terminate()
        again.wait()


def ours(cluster, count):
    """Kills the leader time and again; seconds until a submission succeeds, sorted."""
    times = []
    for _ in range(count):
        cluster.local("up", "--nodes", str(cluster.nodes), "--controllers", "3", "--conf-extra", cluster.extra)
        time.sleep(2)
        said = subprocess.run([cluster.flurm, "cluster", "status", "--json", "--dir", cluster.dir], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        pid = pid_of(cluster, json.loads(said)["leader"])
        os.kill(pid, signal.SIGKILL)
        times.append(first_success(cluster, *sbatch()))
    return sorted(times)


def theirs(cluster, timeout):
    """A primary and a backup over the state of the controller that ran so far, which has ended."""
    conf = f"{cluster.dir}/etc/two.conf"
    with open(cluster.env["SLURM_CONF"]) as file:
        text = re.sub(r"^SlurmctldHost=.*$", "SlurmctldHost=ctl1(127.0.0.1)\nSlurmctldHost=ctl2(127.0.0.2)\n"
                      f"CommunicationParameters=NoCtldInAddrAny\nSlurmctldTimeout={timeout}", file.read(), flags=re.M)
    with open(conf, "w") as file:
        file.write(text)
    running = []
    try:
        for name in ("ctl1", "ctl2"):
            running.append(start_named(cluster, name, conf, text))
            time.sleep(2)
        first_success(cluster, *sbatch(), conf=conf)
        time.sleep(timeout / 3 + 1)  # the backup has asked the primary how it is
        running[0].kill()
        return first_success(cluster, *sbatch(), conf=conf)
    finally:
        for process in running:
            process.kill()
            process.wait()


def start_named(cluster, name, conf, text):
    """slurmctld in a world where this machine has that name."""
    own = f"{cluster.dir}/etc/{name}"
    with open(own + ".conf", "w") as file:
        file.write(text.replace("/run/flurmctld.pid", f"/run/{name}.pid").replace("/log/flurmctld.log", f"/log/{name}.log"))
    with open(own + ".hosts", "w") as file:
        file.write("127.0.0.1 ctl1 localhost\n127.0.0.2 ctl2\n")
    script = f"hostname {name} && mount --bind {own}.hosts /etc/hosts && mount --bind {own}.conf {conf} && exec slurmctld -D -f {conf}"
    return subprocess.Popen(["unshare", "--uts", "--mount", "sh", "-c", script], start_new_session=True,
                            env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"},
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
