#!/usr/bin/env python3
"""Writes into a placement script what a real Slurm does with its jobs.

usage: record.py SCRIPT LOG     (SLURM_CONF names a running cluster with the script's configuration; LOG is
                                 slurmctld's log, written at debug3, from which each request is read)
       record.py --conf SCRIPT  (prints the script's configuration lines)

A script has configuration lines, then scenarios. In each, the jobs are submitted in order to an empty cluster, and
what became of them is written behind "->" once nothing changes any more.
"""
import re
import subprocess
import sys
import time

ERRORS = {
    "Requested node configuration is not available": "requested_node_config_unavailable",
    "Requested partition configuration not available now": "requested_part_config_unavailable",
    "More processors requested than permitted": "too_many_requested_cpus",
    "Node count specification invalid": "invalid_node_count",
    "Invalid feature specification": "invalid_feature",
    "Invalid node name specified": "invalid_node_name",
    "Requested nodes not in this partition": "requested_nodes_not_in_partition",
    "Memory required by task is not available": "invalid_task_memory",
    "Requested time limit is invalid (missing or exceeds some limit)": "invalid_time_limit",
    "Invalid license specification": "invalid_licenses",
    "CPU count per node can not be satisfied": "requested_node_config_unavailable",
    "Memory specification can not be satisfied": "requested_node_config_unavailable",
    "Temporary disk specification can not be satisfied": "requested_node_config_unavailable",
    "Socket, core and/or thread specification can not be satisfied": "requested_node_config_unavailable",
    "Invalid node name specified.": "invalid_node_name",
}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def request_of(log_text):
    """The fields of the last request in slurmctld's log that placement depends on."""
    desc = log_text[log_text.rindex("JobDesc:"):]

    def number(pattern):
        found = re.search(pattern, desc)
        return int(found.group(1)) if found else -1

    none = {-1, 0xFFFE, 0xFFFFFFFE}
    fields = {
        "min_cpus": number(r"   cpus=(-?\d+)-"),
        "max_cpus": number(r"   cpus=-?\d+-(\d+)"),
        "pn_min_cpus": number(r"pn_min_cpus=(-?\d+)"),
        "core_spec": number(r"core_spec=(-?\d+)"),
        "min_nodes": number(r"Nodes=(\d+)-"),
        "max_nodes": number(r"Nodes=\d+-\[(\d+)\]"),
        "sockets_per_node": number(r"Sock/Node=(\d+)"),
        "cores_per_socket": number(r"Core/Sock=(\d+)"),
        "threads_per_core": number(r"Thread/Core=(\d+)"),
        "mem": number(r"pn_min_memory_job=(\d+) "),
        "mem_per_cpu": number(r"pn_min_memory_cpu=(\d+) "),
        "pn_min_tmp_disk": number(r"pn_min_tmp_disk=(-?\d+)"),
        "contiguous": number(r"contiguous=(-?\d+)"),
        "shared": number(r"shared=(-?\d+)"),
        "num_tasks": number(r"num_tasks=(-?\d+)"),
        "overcommit": number(r"overcommit=(-?\d+)"),
        "cpus_per_task": number(r"cpus_per_task=(-?\d+)"),
        "ntasks_per_node": number(r"ntasks_per_node=(-?\d+)"),
        "ntasks_per_socket": number(r"ntasks_per_socket=(-?\d+)"),
        "ntasks_per_core": number(r"ntasks_per_core=(-?\d+)"),
        "plane_size": number(r"plane_size:(\d+)"),
        "time_limit": number(r"time_limit=-?\d+-(-?\d+)"),
    }
    shown = [f"{k}={v}" for k, v in fields.items() if v not in none and not (k in ("mem",) and v == 2**64 - 1)]
    for key in ("features", "req_nodes", "exc_nodes", "licenses"):
        found = re.search(rf"[ ]{key}=(\S+)", desc)
        if found and found.group(1) != "(null)":
            shown.append(f"{key}={found.group(1)}")
    flags = int(re.search(r"bitflags=0x([0-9a-f]+)", desc).group(1), 16)
    if flags & 0x300:
        shown.append(f"bitflags={flags & 0x300}")
    return " ".join(shown)


def state_of(job):
    text = run("scontrol", "show", "job", "-d", job).stdout
    field = lambda key: re.search(rf"\b{key}=(\S*)", text).group(1)
    if field("JobState") != "RUNNING":
        planned = re.search(r"SchedNodeList=(\S+)", text)
        return f"{field('JobState').lower()} {field('Reason')}" + (f" {planned.group(1)}" if planned else "")
    shares = re.findall(r"Nodes=(\S+) CPU_IDs=(\S+) Mem=(\d+)", text)
    return f"running cpus={field('NumCPUs')} " + " ".join(f"{n}:{c}:{m}" for n, c, m in shares)


def settle(jobs, pause):
    """States that stay the same for a while, those that may still start given longer."""
    last, same = None, 0.0
    deadline = time.time() + 30
    while time.time() < deadline:
        now = [state_of(j) if j.isdigit() else j for j in jobs]
        fresh = any("pending None" in s for s in now)
        same = same + 0.1 if now == last and not fresh else 0.0
        last = now
        if not fresh and same >= (pause if any(s.startswith("pending") for s in now) else 0.05):
            break
        time.sleep(0.1)
    return last


def clear():
    run("scancel", "-u", "root")
    while run("squeue", "-h").stdout.strip() or "idle" not in run("sinfo", "-h", "-o", "%t").stdout \
            or any(s not in ("idle", "drain", "down", "drng") for s in
                   run("sinfo", "-h", "-N", "-o", "%t").stdout.split()):
        time.sleep(0.05)


def record(path, log_path):
    lines = open(path).read().splitlines()
    out, at = [], 0
    while at < len(lines):
        line = lines[at]
        if not line.startswith("scenario"):
            out.append(line)
            at += 1
            continue
        out.append(line)
        at += 1
        clear()
        block, jobs = [], []
        pause = 1.5
        while at < len(lines) and lines[at].strip() and not lines[at].startswith("scenario"):
            if lines[at].startswith("submit"):
                options = lines[at][len("submit"):].split("|")[0].strip()
                before = len(open(log_path).read())
                answer = run("sbatch", "-o", "/dev/null", "--wrap", "sleep 1000", *options.split())
                time.sleep(0.02)
                text = open(log_path).read()[before:]
                if answer.returncode == 0:
                    jobs.append(answer.stdout.split()[-1])
                    settle(jobs[-1:], 0)  # jobs that come together would be looked at together
                else:
                    reason = answer.stderr.strip().splitlines()[-1].split("failed: ")[-1]
                    jobs.append("refused " + ERRORS.get(reason, reason))
                request = request_of(text) if "JobDesc:" in text else "none"
                block.append((f"submit {options} | {request}", len(jobs) - 1))
            elif lines[at].startswith("node"):
                _, name, state = lines[at].split()
                run("scontrol", "update", f"NodeName={name}", f"State={state}", "Reason=test")
                block.append((lines[at], None))
            elif not lines[at].startswith("->"):
                block.append((lines[at], None))
            at += 1
        states = settle(jobs, pause)
        for text, job in block:
            out.append(text)
            if job is not None:
                out.append("-> " + states[job])
        for text, job in block:
            if text.startswith("node"):
                run("scontrol", "update", f"NodeName={text.split()[1]}", "State=RESUME")
        print(f"{len(jobs)} jobs: {line}", file=sys.stderr)
    clear()
    open(path, "w").write("\n".join(out) + "\n")


if sys.argv[1] == "--conf":
    for line in open(sys.argv[2]):
        if re.match(r"\w+=", line):
            print(line.strip())
else:
    record(sys.argv[1], sys.argv[2])
