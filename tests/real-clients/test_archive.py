"""Old records: purged, archived, loaded again. What is left of them is compared with what Debian's slurmdbd leaves
(accounting.purged.expected, see test_accounting.py); an archive is read by the daemon that wrote it.
"""

import glob
import os
import re
import unittest

from accounted import ORACLE, Accounted, AsSlurmdbd, cleaned
from cluster import main
from past import accounts, feed, story

ALL = "events jobs steps suspend reservations usage".split()
OLD = [f"purge{kind}after=1hours" for kind in ("event", "job", "step", "suspend", "resv", "usage")]
JOBS = "-a -X -P -M past -S 2025-01-01 -E 2025-03-01 -o".split()


def told(c):
    """What the clients say of the past."""
    text = ""
    for words in (["sacct", *JOBS, "ALL"],
                  ["sacctmgr", "-P", "list", "events", "cluster=past", "start=2025-01-01", "end=2025-03-01"],
                  ["sacctmgr", "-P", "list", "reservation", "cluster=past", "start=2025-01-01", "end=2025-03-01"],
                  "sreport -P -M past cluster utilization start=2025-01-30 end=2025-02-03".split(),
                  "sreport -P -M past cluster accountutilizationbyuser start=2025-01-30 end=2025-02-03".split()):
        done = c.try_run(*words)
        text += f"== {' '.join(words[:4])}\n{done.stdout}{done.stderr}"
    # What still runs or waits does so longer from moment to moment.
    return [line for line in text.splitlines() if not re.search(r"\|(RUNNING|PENDING)\|", line)]


class Purge(AsSlurmdbd):
    DBD = "TrackWCKey=yes\n"

    def fill(self, c):
        feed(c, story(accounts(c)))
        c.sacctmgr("roll", "2025-01-30", "2025-02-04", "0")
        os.mkdir(c.work + "/archives")
        os.chmod(c.work + "/archives", 0o777)
        return "Directory=" + c.work + "/archives"

    def test_what_is_old_goes_as_with_slurmdbd(self):
        with Accounted(1, dbd=self.DBD, extra="TrackWCKey=yes\n") as c:
            folder = self.fill(c)
            text = "== dump\n" + cleaned(c.sacctmgr("archive", "dump", folder, *OLD))
            text += "== jobs\n" + c.run("sacct", *JOBS, "JobID,State,End")
            text += "== events\n" + cleaned(c.run("sacctmgr", "-P", "list", "events", "cluster=past", "start=2025-01-01", "end=2025-03-01",
                                                  "format=cluster,nodename,state"))
            text += "== usage\n" + c.run("sreport", "-n", "-P", "-M", "past", "cluster", "accountutilizationbyuser", "start=2025-01-30", "end=2025-02-03")
            nothing = c.try_run("sacctmgr", "-i", "archive", "load", c.work + "/nothing")
            text += "== nothing\n" + cleaned(nothing.stdout + nothing.stderr).replace(c.work, "FOLDER")
            self.compare("purged", text)
            self.assertEqual(os.listdir(c.work + "/archives"), [])

    @unittest.skipIf(ORACLE, "ours")
    def test_an_archive_has_all_that_went(self):
        with Accounted(1, dbd=self.DBD, extra="TrackWCKey=yes\n") as c:
            folder = self.fill(c)
            before = told(c)
            c.sacctmgr("archive", "dump", folder, *OLD, *ALL)
            self.assertLess(len(told(c)), len(before) // 2)
            files = sorted(glob.glob(c.work + "/archives/*"))
            for kind in ("event", "suspend", "job", "resv", "usage"):
                self.assertTrue([file for file in files if f"/past_{kind}_table_archive_2025-01-" in file], files)
            c.sacctmgr("archive", "dump", folder, *OLD, *ALL)
            self.assertEqual(sorted(glob.glob(c.work + "/archives/*")), files)  # there is nothing more
            # Looked at, but not committed.
            done = c.try_run("sacctmgr", "archive", "load", files[0], stdin="n\n")
            self.assertIn("Changes Discarded", done.stdout)
            self.assertLess(len(told(c)), len(before) // 2)
            for _ in range(2):  # a second time it changes nothing
                for file in files:
                    c.sacctmgr("archive", "load", file)
                self.assertEqual(told(c), before)
            with open(files[0]) as file:
                cut = file.read()[:-9]
            with open(c.work + "/cut", "w") as file:
                file.write(cut)
            refused = c.refused("sacctmgr", "-i", "archive", "load", c.work + "/cut")
            self.assertIn("Problem loading archive file", refused)
            self.assertEqual(told(c), before)

    @unittest.skipIf(ORACLE, "ours")
    def test_the_configuration_says_what_goes(self):
        keys = "PurgeJobAfter=2days\nPurgeEventAfter=1\nArchiveJobs=yes\n"
        with Accounted(1, dbd=self.DBD + keys + "ArchiveDir=/tmp\n", extra="TrackWCKey=yes\n") as c:
            folder = self.fill(c)
            c.sacctmgr("archive", "dump", folder)
            files = os.listdir(c.work + "/archives")
            self.assertTrue(files and all("past_job_table" in file for file in files), files)
            self.assertEqual(c.run("sacctmgr", "-nP", "list", "events", "cluster=past", "start=2025-01-01", "end=2025-03-01", "format=nodename").split(),
                             [])
            script = c.work + "/script"
            with open(script, "w") as file:
                file.write(f"#!/bin/sh\nenv | grep SLURM_ | sort >> {c.work}/archives/told\n")
            os.chmod(script, 0o755)
            c.sacctmgr("archive", "dump", "Script=" + script)
            with open(c.work + "/archives/told") as file:
                lines = dict(line.split("=", 1) for line in file.read().splitlines())
            self.assertEqual(sorted(lines), ["SLURM_ARCHIVE_CLUSTER", "SLURM_ARCHIVE_EVENTS", "SLURM_ARCHIVE_JOBS", "SLURM_ARCHIVE_LAST_EVENT",
                                             "SLURM_ARCHIVE_LAST_JOB"])
            self.assertEqual((lines["SLURM_ARCHIVE_EVENTS"], lines["SLURM_ARCHIVE_JOBS"]), ("0", "1"))


if __name__ == "__main__":
    main()
