"""Clients of release 24.11, from a folder with Debian 13 (tools/debian13-clients), against a cluster of this machine."""

import os
import subprocess
import sys

from cluster import Cluster

SKIPPED = 77  # what ctest counts as "not run"

# In mounts of its own that end with the process: the folder sees this machine's /proc, /dev, users and test folder, and
# the cluster's MUNGE where programs without a configuration look for it.
ENTER = """
set -e
root=$1 shared=$2 cwd=$3 who=$4
shift 4
mount --bind /proc "$root/proc"
mount --rbind /dev "$root/dev"
for file in passwd group hosts; do mount --bind "/etc/$file" "$root/etc/$file"; done
mount -t tmpfs none "$root/tmp"
mkdir "$root$shared"
mount --bind "$shared" "$root$shared"
mount -t tmpfs none "$root/run"
mkdir "$root/run/munge"
ln -s "$shared/c/munge/socket" "$root/run/munge/munge.socket.2"
exec chroot ${who:+"--userspec=$who"} "$root" env -C "$cwd" "$@"
"""


def mounts_or_stop():
    """Ends the test as not run where a process cannot have mounts of its own (not root, or a root that is no mount)."""
    done = subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        print("Not run: no mounts of one's own here: " + done.stderr.strip(), file=sys.stderr)
        sys.exit(SKIPPED)


def folder_or_none():
    """Path of the Debian 13 folder, made when it is not there; None, with the reason printed, when it cannot be made."""
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/debian13-clients")
    done = subprocess.run([tool], stdout=subprocess.PIPE, text=True)
    return None if done.returncode else done.stdout.strip()


def folder():
    """The same; ends the test as not run when there is no folder."""
    path = folder_or_none()
    if not path:
        print("Not run: no clients of release 24.11 here; the reason is above.", file=sys.stderr)
        sys.exit(SKIPPED)
    return path


class Debian13Cluster(Cluster):
    """A cluster whose try_run() runs Debian 13's programs; `root` is what folder() gave."""

    root = None

    def try_run(self, *argv, user=None, cwd=None, **options):
        enter = ["unshare", "--mount", "sh", "-c", ENTER, "enter", self.root, self.folder, cwd or self.work, user or ""]
        return Cluster.try_run(self, *enter, *argv, **options)
