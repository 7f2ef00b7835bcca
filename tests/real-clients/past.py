"""Four days of the past of a cluster: jobs that cross every border, arrays that wait, suspended jobs, nodes that are down, a cluster that
grows, reservations. A small controller of the tests (tests/feed) reports them to the accounting daemon.
"""

import os
import random
import re
import subprocess
import time

HOUR, DAY = 3600, 86400
# Midnight of 2025-01-30, wherever the test runs.
BEGIN = int(time.mktime((2025, 1, 30, 0, 0, 0, 0, 0, -1)))


def story(assocs):
    """Lines for `feed`. assocs: (account, user) to the number of the association."""
    chance = random.Random(4711)
    lines = [f"tres time={BEGIN} tres=1=64,2=256000,4=8,5=64,1001=8 nodes=n[1-8]",
             # The cluster grows on the second day, in the middle of an hour.
             f"tres time={BEGIN + DAY + 1800} tres=1=128,2=512000,4=16,5=128,1001=16 nodes=n[1-16]"]
    down = [("n1", 2.5, 5.25), ("n2", 23.5, 25.0), ("n3", 40.2, 40.4), ("n9", 60.0, 66.6)]
    for node, begin, end in down:
        lines.append(f"down node={node} time={BEGIN + int(begin * HOUR)} tres=1=8,2=32000,5=8,1001=1 reason=broken")
        lines.append(f"up node={node} time={BEGIN + int(end * HOUR)}")
    both = f"{assocs['physics', 'daemon']},{assocs['physics', 'games']}"
    lines.append(f"reserve id=1 name=lecture start={BEGIN + 30 * HOUR} end={BEGIN + 34 * HOUR} tres=1=16,2=64000 nodes=n[5-6] assocs={both}")
    lines.append(f"reserve id=2 name=repair start={BEGIN + 50 * HOUR} end={BEGIN + 53 * HOUR + 900} tres=1=8 nodes=n7 flags=1 assocs={both}")
    users = list(assocs)
    for number in range(1, 241):
        account, user = users[number % len(users)]
        submit = BEGIN + chance.randrange(0, 92 * HOUR)
        eligible = submit + chance.choice([0, 0, 0, 1200])
        start = eligible + chance.choice([1, 60, 4000])
        end = start + chance.choice([1, 59, 600, 3600, 5000, 30 * HOUR])
        cpus = chance.choice([1, 2, 4, 8])
        line = (f"job id={number} account={account} assoc={assocs[account, user]} uid={1000 + number % 7} gid=100 submit={submit} "
                f"eligible={eligible} cpus={cpus}")
        alloc = f" tres=1={cpus},2={cpus * 1000},4=1,5={cpus}" + (",1001=1" if number % 5 == 0 else "")
        if number % 4 == 0:
            line += " wckey=" + ("red" if user == "daemon" else "green")
        if number % 17 == 0:
            lines.append(line + f" end={start} state=4")  # cancelled while it waited
        elif number % 19 == 0:
            lines.append(line)  # it still waits
        elif number % 23 == 0:
            lines.append(line + f" array={number} tasks=1-5 pending=5")
        elif number % 29 == 0:
            lines.append(line + alloc + f" start={start} nodes=n4")  # it still runs
        else:
            if number % 13 == 0 and end - start > 100:
                line += f" suspend={start + 20} resume={start + 20 + (end - start) // 2}"
            lines.append(line + alloc + f" start={start} end={end} nodes=n4 state={chance.choice([3, 3, 5])}")
    for number, (begin, end) in enumerate([(30.5, 31.5), (31.0, 33.9)], 301):
        lines.append(f"job id={number} account=physics assoc={assocs['physics', 'daemon']} uid=1 gid=1 submit={BEGIN + 30 * HOUR} "
                     f"start={BEGIN + int(begin * HOUR)} end={BEGIN + int(end * HOUR)} cpus=8 tres=1=8,2=8000,4=1,5=8 nodes=n5 resv=1")
    return "\n".join(lines) + "\n"


def feed(c, lines, cluster="past"):
    """Has the daemon told `lines` by a controller."""
    program = os.path.join(os.environ.get("FLURM_BIN") or "build/dev/bin", "../tests/feed")
    config = c.run("scontrol", "show", "config")
    port = re.search(r"AccountingStoragePort *= (\d+)", config)[1]
    munge = re.search(r"AuthInfo *= .*socket=([^,\s]+)", config)[1]
    done = subprocess.run([program, f"127.0.0.1:{port}", cluster, munge], input=lines, capture_output=True, text=True)
    if (done.returncode, done.stderr) != (0, ""):
        raise AssertionError(f"feed: {done.returncode} {done.stderr}")


def accounts(c):
    """Makes the cluster "past" and who works there. Returns the numbers of their associations by account and user."""
    c.sacctmgr("add", "cluster", "past")
    c.sacctmgr("add", "account", "science", "cluster=past")
    c.sacctmgr("add", "account", "physics,chemistry", "parent=science", "cluster=past")
    c.sacctmgr("add", "user", "daemon,games", "account=physics", "cluster=past")
    c.sacctmgr("add", "user", "games", "account=chemistry", "cluster=past")
    c.sacctmgr("add", "user", "daemon", "wckey=red", "cluster=past")
    c.sacctmgr("add", "user", "games", "wckey=blue", "cluster=past")
    # Those of jobs that name none come to be with the first such job, which slurmdbd then charges to another one.
    c.sacctmgr("add", "user", "daemon", "wckey=*red", "cluster=past")
    c.sacctmgr("add", "user", "games", "wckey=*blue", "cluster=past")
    rows = c.table("assoc", "cluster=past", "format=id,account,user")
    return {(row["Account"], row["User"]): row["ID"] for row in rows if row["User"] not in ("", "root")}
