#!/usr/bin/env python3
"""Plants a bug in a copy of the sources, builds the simulation from it, and tells which seed finds it.

usage: tests/sim/plant.py [--seeds N] [BUG ...]        without a BUG: all of them

Exit status 1 when a bug was not found. Needs a build's tools and some minutes a bug; docs/TESTING.md has the results."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Name: what is wrong then, file, text to replace, text in its place.
BUGS = {
    "dedup": ("a request that comes twice is carried out twice", "src/state/apply.cpp",
              "  if (const Reply* known = session.replies.find(id.number)) return *known;\n", ""),
    "clock": ("every member puts its own clock into its state", "src/ctld/replica.cpp",
              "  state::Reply reply = state::apply(state_, *entry);\n",
              "  state::Entry mine = *entry;\n  mine.now = io::now();\n"
              "  state::Reply reply = state::apply(state_, mine);\n"),
    "early": ("a submission is acknowledged before it is committed", "src/ctld/handlers/submit.cpp",
              "  auto proposal = c.replica.propose(std::move(*checked));\n"
              "  const Result<state::Reply> reply = co_await proposal;\n",
              "  io::spawn([](Replica& replica, state::Command command) -> io::Task<> {\n"
              "    auto proposal = replica.propose(std::move(command));\n"
              "    (void)co_await proposal;\n"
              "  }(c.replica, std::move(*checked)));\n"
              "  Result<state::Reply> reply = state::Reply{};\n"
              "  reply->job = JobId{snapshot->next_job_id};\n"),
}


def plant(name, seeds, tree):
    what, file, old, new = BUGS[name]
    sound = (ROOT / file).read_text()
    if sound.count(old) != 1:
        sys.exit(f"{file} has changed: the place for '{name}' is not there")
    text = sound.replace(old, new)
    if "io::now" in new:
        text = text.replace("#include", '#include "io/clock.hpp"\n#include', 1)
    (tree / file).write_text(text)
    subprocess.run(["cmake", "--build", "build/dev", "--target", "flurm-sim"], cwd=tree, check=True,
                   stdout=subprocess.DEVNULL, env=os.environ | {"CCACHE_BASEDIR": str(tree)})
    run = subprocess.run([tree / "build/dev/bin/flurm-sim", "--seeds", str(seeds)], capture_output=True, text=True)
    (tree / file).write_text(sound)
    broken = sorted(re.findall(r"^seed (\d+): BROKEN: ([^;\n]*)", run.stdout, re.M), key=lambda hit: int(hit[0]))
    print(f"{name}: {what}: {len(broken)} of {seeds} histories", flush=True)
    for seed, reason in broken[:3]:
        print(f"    seed {seed}: {reason}", flush=True)
    return bool(broken)


def main():
    arguments = sys.argv[1:]
    seeds = 200
    if "--seeds" in arguments:
        at = arguments.index("--seeds")
        seeds = int(arguments[at + 1])
        del arguments[at:at + 2]
    unknown = [name for name in arguments if name not in BUGS]
    if unknown:
        sys.exit(f"unknown bug '{unknown[0]}': there are {', '.join(BUGS)}")
    with tempfile.TemporaryDirectory(prefix="flurm-plant-") as folder:
        tree = pathlib.Path(folder, "tree")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", ".git"))
        subprocess.run(["cmake", "--preset", "dev"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
        found = [plant(name, seeds, tree) for name in arguments or BUGS]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
