#!/usr/bin/env python3
"""The shape of the source tree, checked: `tidy.py ROOT` prints every breach and fails when there is one.

Rules, each a function below: rooms include only what their room.cmake names; pure rooms touch no clock, random source,
environment, thread, socket or file; every file says in its first line what it is for; no leftover markers; no file is
longer than 800 lines. `tidy.py --self-test` breaks each rule in a made-up tree and expects to be told.
"""

import os
import re
import sys
import tempfile

PURE = {"codec", "wire", "model", "conf", "acct", "acct_wire", "state", "sched"}
SOURCE = (".cpp", ".hpp", ".def")
LINES_MAX = 800

# What a pure room must not do: a pattern for code without comments and strings, and what it is.
BANNED = [
    (r"(?<!\w)(?:std)?::time\s*\(|\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)", "the clock"),
    (r"\b(gettimeofday|clock_gettime|localtime|localtime_r|mktime|ctime|strftime)\s*\(", "the clock"),
    (r"::now\s*\(", "the clock"),
    (r"\b(rand|srand|random|drand48|getrandom|arc4random)\s*\(|\brandom_device\b|\bmt19937", "a random source"),
    (r"\b(getenv|setenv|putenv|secure_getenv|environ)\b", "the environment"),
    (r"#include <(thread|mutex|shared_mutex|condition_variable|future|atomic|semaphore|latch|barrier|stop_token)>", "threads"),
    (r"\bstd::(thread|jthread|mutex|async|atomic)\b|\bpthread_", "threads"),
    (r"#include <(fstream|filesystem|iostream|fcntl\.h|unistd\.h|sys/socket\.h|sys/stat\.h|netinet/in\.h|pwd\.h|grp\.h)>",
     "the world outside (files, sockets, users)"),
    (r"\b(fopen|ifstream|ofstream)\b", "files"),
]
MARKERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
UNORDERED = re.compile(r"\bunordered_(?:multi)?(?:map|set)\s*<[^;{}]*?>\s+(\w+)\s*[;={]")


def strip(text):
    """C++ without comments, and with empty strings, so that words in them do not count."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)

    def blank(match):
        kept = "\n" * match.group(0).count("\n")
        return ('""' if match.group(0)[0] in '"R' else "") + kept

    # The path of an #include "…" is wanted; keep those lines.
    lines = []
    for line in pattern.sub(blank, re.sub(r'(#include )"([^"\n]*)"', r"\1<<\2>>", text)).split("\n"):
        lines.append(re.sub(r"<<([^>\n]*)>>", r'"\1"', line))
    return "\n".join(lines)


def files(root, folder, suffixes):
    for where, folders, names in os.walk(os.path.join(root, folder)):
        folders[:] = sorted(f for f in folders if f not in ("testdata", "build", "__pycache__"))
        for name in sorted(names):
            if name.endswith(suffixes):
                yield os.path.join(where, name)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def is_test(path):
    return re.search(r"_(test|bench)\.[ch]pp$|/testing/", path) is not None


def rooms(root):
    """Room → (tier, rooms it may use), from the room.cmake files."""
    out = {}
    base = os.path.join(root, "src")
    for room in sorted(os.listdir(base)):
        path = os.path.join(base, room, "room.cmake")
        if not os.path.exists(path):
            continue
        call = re.search(r"flurm_library\(([^)]*)\)", read(path))
        words = call.group(1).split() if call else []
        tier = int(words[words.index("TIER") + 1]) if "TIER" in words else 0
        deps = []
        if "DEPS" in words:
            for word in words[words.index("DEPS") + 1:]:
                if word.isupper():
                    break
                deps.append(word)
        out[room] = (tier, deps)
    return out


def check_includes(root):
    """A room includes itself and the rooms in its DEPS, directly or through them; none of a higher tier."""
    table = rooms(root)

    def reach(room, seen):
        for dep in table.get(room, (0, []))[1]:
            if dep not in seen:
                seen.add(dep)
                reach(dep, seen)
        return seen

    for room, (tier, deps) in table.items():
        for dep in deps:
            if table.get(dep, (99, []))[0] > tier:
                yield f"src/{room}/room.cmake", 1, f"tier {tier} must not use {dep}, which is of tier {table[dep][0]}"
        allowed = reach(room, {room})
        for path in files(root, f"src/{room}", SOURCE):
            for number, line in enumerate(strip(read(path)).split("\n"), 1):
                match = re.match(r'\s*#include "(\w+)/', line)
                if match and match.group(1) in table and match.group(1) not in allowed:
                    yield path, number, f"room {room} may not include {match.group(1)}/: it is not in its DEPS"


def check_pure(root):
    """Pure rooms depend on their arguments only."""
    for room in sorted(PURE & set(rooms(root))):
        for path in files(root, f"src/{room}", SOURCE):
            if is_test(path):
                continue
            text = strip(read(path))
            for number, line in enumerate(text.split("\n"), 1):
                for pattern, what in BANNED:
                    if re.search(pattern, line):
                        yield path, number, f"pure room {room} must not touch {what}: {line.strip()[:80]}"
            for name in UNORDERED.findall(text):
                for match in re.finditer(r"for\s*\([^;)]*:\s*[^)]*\b%s\b\s*\)|\b%s\.begin\(" % (name, name), text):
                    number = text.count("\n", 0, match.start()) + 1
                    yield path, number, f"pure room {room} must not iterate over the unordered {name}"


def check_opening(root):
    """The first line of a source file is a comment with its path and purpose; scripts say it after '#!'."""
    for path in files(root, "src", SOURCE):
        first = read(path).split("\n", 1)[0]
        if not re.match(r"// ?\S", first):
            yield path, 1, "begins without a comment that says what the file is for"
            continue
        named = re.match(r"// (\S+\.(?:cpp|hpp|def))\b", first)
        relative = os.path.relpath(path, os.path.join(root, "src"))
        if named and named.group(1) != relative:
            yield path, 1, f"its opening comment names {named.group(1)}"
    for folder in ("tests", "tools", "bench", "fuzz"):
        for path in files(root, folder, SOURCE + (".py",)):
            if not re.match(r"(#!.*\n)?(//|\"\"\"|#) ?\S", read(path)):
                yield path, 1, "begins without a comment that says what the file is for"


def all_text(root):
    for folder in ("src", "tests", "tools", "cmake", "bench", "fuzz"):
        yield from files(root, folder, SOURCE + (".py", ".cmake", ".txt", ".sh"))


def check_markers(root):
    """Nothing is left for later in the code; what is missing is an issue."""
    for path in all_text(root):
        if os.path.basename(path) == "tidy.py":
            continue
        for number, line in enumerate(read(path).split("\n"), 1):
            match = MARKERS.search(line)
            if match and "mkdtemp" not in line and "XXXXXX" not in line:
                yield path, number, f"leftover marker {match.group(1)}"


def check_length(root):
    """A file stays readable."""
    for path in all_text(root):
        count = read(path).count("\n")
        if count > LINES_MAX:
            yield path, count, f"has {count} lines; the most allowed is {LINES_MAX}"


RULES = [check_includes, check_pure, check_opening, check_markers, check_length]


def run(root):
    found = []
    for rule in RULES:
        for path, line, what in rule(root):
            relative = os.path.relpath(path, root) if os.path.isabs(path) else path
            found.append(f"{relative}:{line}: {what}")
    return found


def self_test():
    """Each entry: a file that breaks a rule, and a part of what must be said. The tree without it is clean."""
    clean = {
        "src/base/room.cmake": "flurm_library(NAME base TIER 0)\n",
        "src/conf/room.cmake": "flurm_library(NAME conf TIER 1 DEPS base EXTERNAL x)\n",
        "src/io/room.cmake": "flurm_library(NAME io TIER 2 DEPS base)\n",
        "src/base/a.hpp": "// base/a.hpp — something.\nint a;\n",
        "src/conf/a.cpp": '// conf/a.cpp — something.\n#include "base/a.hpp"\nconst char* s = "time(0) // TODO"; // now time(0)\n'
                          "int runtime(int);\nint x = runtime(3);\n",
        "src/io/a.cpp": "// io/a.cpp — something.\n#include <thread>\nauto t = std::chrono::steady_clock::now();\n",
    }
    clean["src/conf/a.cpp"] = clean["src/conf/a.cpp"].replace(" // TODO", "")
    breaches = [
        ("src/conf/b.cpp", '// conf/b.cpp — x.\n#include "io/a.hpp"\n', "not in its DEPS"),
        ("src/base/b.hpp", '// base/b.hpp — x.\n#include "conf/a.hpp"\n', "not in its DEPS"),
        ("src/base/room.cmake", "flurm_library(NAME base TIER 0 DEPS io)\n", "must not use io"),
        ("src/conf/b.cpp", "// conf/b.cpp — x.\nauto t = time(nullptr);\n", "the clock"),
        ("src/conf/b.cpp", "// conf/b.cpp — x.\nauto t = std::chrono::system_clock::now();\n", "the clock"),
        ("src/conf/b.cpp", "// conf/b.cpp — x.\nint r = rand();\n", "a random source"),
        ("src/conf/b.cpp", "// conf/b.cpp — x.\nauto e = std::getenv(\"A\");\n", "the environment"),
        ("src/conf/b.cpp", "// conf/b.cpp — x.\n#include <thread>\n", "threads"),
        ("src/conf/b.cpp", "// conf/b.cpp — x.\nstd::mutex m;\n", "threads"),
        ("src/conf/b.cpp", "// conf/b.cpp — x.\n#include <unistd.h>\n", "the world outside"),
        ("src/conf/b.cpp", "// conf/b.cpp — x.\nstd::ifstream f;\n", "files"),
        ("src/conf/b.cpp", "// conf/b.cpp — x.\nstd::unordered_map<int, int> m;\nvoid f() { for (auto& x : m) g(x); }\n",
         "must not iterate"),
        ("src/conf/b.cpp", "int x;\n", "without a comment"),
        ("src/conf/b.cpp", "// conf/c.cpp — x.\n", "names conf/c.cpp"),
        ("tests/x.py", "import os\n", "without a comment"),
        ("src/io/b.cpp", "// io/b.cpp — x.\n// FIXME later\n", "leftover marker FIXME"),
        ("src/io/b.cpp", "// io/b.cpp — x.\n" + "int x;\n" * LINES_MAX, "most allowed"),
    ]

    def tree(extra):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**clean, **extra}.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w") as file:
                    file.write(text)
            return run(root)

    problems = [f"the clean tree: {line}" for line in tree({})]
    for path, text, expected in breaches:
        said = tree({path: text})
        if not any(expected in line for line in said):
            problems.append(f"{path} with {text!r}: expected '{expected}', was told {said}")
    return problems


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = self_test() if sys.argv[1] == "--self-test" else run(sys.argv[1])
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
