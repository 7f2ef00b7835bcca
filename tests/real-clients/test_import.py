"""flurmdbd import: what Debian's clients say of a slurmdbd's accounting they say of the copy, too.

Debian's slurmdbd on MariaDB is filled by clients, jobs, and reports of the past of a second cluster; then it goes, and flurmdbd takes its place.
"""

import contextlib
import difflib
import glob
import os
import re
import subprocess
import unittest

from accounted import ORACLE, STORE, Accounted, MariaDb, PostgreSql
from cluster import kill, main, wait_for
from past import accounts, feed, story
from test_archive import ALL, OLD

ENTITIES = """
add account lab description=first organization=here fairshare=7 grpjobs=20 grptres=cpu=100,mem=4000 maxwall=2-0
add account sub parent=lab maxjobs=3
add account gone
add qos high priority=100 flags=DenyOnLimit,NoReserve maxtresperuser=cpu=8 maxjobsperuser=3 gracetime=60 usagefactor=2
add qos low preempt=normal maxwall=60 description=scavenger mintresperjob=cpu=2 limitfactor=0.5
modify qos high set preempt+=low
modify account sub set qos+=high
add user daemon account=lab defaultaccount=lab qos=normal,high defaultqos=high
add user mail account=sub,lab fairshare=parent maxjobs=2 adminlevel=operator
add user sys account=sub partition=debug
add coordinator account=lab user=mail
add resource name=far server=host count=40 type=license cluster=local percentallowed=25
add federation stars clusters=local
remove account gone
""".strip().splitlines()

QUESTIONS = """
sacctmgr -P list cluster withfed
sacctmgr -P list account withassoc withcoord
sacctmgr -P list user withassoc withcoord
sacctmgr -P list assoc tree format=cluster,account,user,partition,share,grpjobs,grptres,maxjobs,maxwall,qos,defaultqos,parentname
sacctmgr -P list assoc cluster=local format=id,account,user,lft,rgt
sacctmgr -P list qos
sacctmgr -P list tres
sacctmgr -P list wckey
sacctmgr -P list resource withclusters
sacctmgr -P list federation
sacctmgr -P list transactions
sacctmgr -P list events cluster=past start=2025-01-01 end=2025-03-01
sacctmgr -P list reservation cluster=past start=2025-01-01 end=2025-03-01
sacct -a -P -o ALL -M local -S now-1day
sacct -a -P -X -D -o ALL -M local -S now-1day
sacct -a -P -o ALL -M past -S 2025-01-01 -E 2025-03-01
sreport -P -M past -t seconds -T cpu,mem,billing cluster utilization start=2025-01-30 end=2025-02-03
sreport -P -M past -t seconds -T cpu,mem cluster accountutilizationbyuser start=2025-01-30 end=2025-02-03
sreport -P -M past -t seconds -T cpu,mem cluster accountutilizationbyuser start=2025-01-30T03:00:00 end=2025-01-30T09:00:00
sreport -P -M past -t seconds cluster userutilizationbywckey start=2025-01-01 end=2025-02-01
sreport -P -M past -t seconds job sizesbyaccount start=2025-01-30 end=2025-02-03
sreport -P -M past -t seconds reservation utilization start=2025-01-30 end=2025-02-03
sreport -P -M past -t seconds user topusage start=2025-01-30 end=2025-02-03
""".strip().splitlines()

# Numbers that are those of one cluster there and of all here; where a controller is just now; and what grows while a job lasts.
OTHER = {"AssocID", "DBIndex", "WCKeyID", "ControlHost", "ControlPort"}


def told(c, questions=QUESTIONS):
    answers = {}
    for line in questions:
        done = c.try_run(*line.split())
        rows = [row.split("|") for row in (done.stdout + done.stderr).splitlines()]
        for names in rows[:1]:
            other = [i for i, name in enumerate(names) if name in OTHER]
            for row in rows[1:]:
                for i in other:
                    if i < len(row):
                        row[i] = "-"
        answers[line] = ["|".join(row) for row in rows if "RUNNING" not in row and "PENDING" not in row]
    return answers


@unittest.skipIf(ORACLE, "both")
class Import(unittest.TestCase):
    maxDiff = None

    def test_the_clients_say_the_same_of_the_copy(self):
        with Accounted(1, dbd="TrackWCKey=yes\n", slurmdbd=True,
                       extra="TrackWCKey=yes\nAccountingStoreFlags=job_comment,job_script,job_env\n") as c:
            for line in ENTITIES:
                c.sacctmgr(*line.split())
            job = c.submit("-n2", "--comment=a comment", "--wckey=blue", "--wrap", "srun -n2 true; exit 3")
            c.wait_end(job)
            array = c.submit("--array=1-3", "-A", "lab", "--wrap", "exit 0", user="daemon")
            wait_for(lambda: not c.squeue("%i"), 30, "the end of the array")
            wait_for(lambda: len(c.sacct("-j", f"{job},{array}")) == 9, 30, "all records")
            feed(c, story(accounts(c)))
            c.sacctmgr("roll", "2025-01-30", "2025-02-04", "0")
            script = c.run("sacct", "-B", "-j", job)
            self.assertIn("exit 3", script)
            for name in ("flurmctld", "flurmdbd"):
                before = told(c) if name == "flurmdbd" else None
                kill(c.pid(name))
            with self.another_store(c) as ours:
                report = self.copy(c, ours)
                self.assertEqual(report.returncode, 0, report.stderr)
                counts = dict(re.findall(r"(\w[\w ]*\w) +(\d+)", report.stdout))
                self.assertEqual((counts["clusters"], counts["job scripts"]), ("2", "2"))
                self.assertGreater(int(counts["jobs"]), 240)
                again = self.copy(c, ours)
                self.assertIn("holds accounting already", again.stderr)
                self.assertEqual(again.returncode, 1)

                os.remove(c.bin + "/flurmdbd")
                os.symlink(self.program(), c.bin + "/flurmdbd")
                c.local_up()
                wait_for(lambda: c.table("cluster", "format=controlhost")[0]["ControlHost"], 60, "the controller")
                after = told(c)
                different = []
                for line in QUESTIONS:
                    different += difflib.unified_diff(before[line], after[line], "slurmdbd: " + line, "flurmdbd", lineterm="", n=0)
                self.assertFalse(different, "\n" + "\n".join(different[:60]))
                self.assertEqual(c.run("sacct", "-B", "-j", job), script)
                # And it goes on.
                last = c.submit("-A", "lab", "--wrap", "true", user="daemon")
                c.wait_end(last)
                wait_for(lambda: [row["State"] for row in c.sacct("-j", last, "-X")] == ["COMPLETED"], 30, "a new job")

    def test_archives_that_slurmdbd_wrote_are_loaded(self):
        with Accounted(1, dbd="TrackWCKey=yes\n", slurmdbd=True, extra="TrackWCKey=yes\n") as c:
            # Both clusters have associations and jobs of the same numbers.
            c.sacctmgr("add", "account", "one,two,three,four")
            c.sacctmgr("add", "user", "daemon,games", "account=one,two,three")
            for number in range(3):
                c.submit("-J", f"before {number}", "--wrap", "true")
            job = c.submit("-n2", "-J", "of old", "--wrap", "srun -n2 true; exit 3")
            c.wait_end(job)
            wait_for(lambda: [row["End"] != "Unknown" for row in c.sacct("-S", "now-1hour")] == [True] * 9, 30, "all records")
            feed(c, story(accounts(c)))
            c.sacctmgr("roll", "2025-01-30", "2025-02-04", "0")
            moved = [f"update acct.local_{table}_table set " + ", ".join(f"time_{name} = time_{name} - 90 * 86400" for name in names)
                     for table, names in (("job", ("submit", "eligible", "start", "end")), ("step", ("start", "end")))]
            moved.append("update acct.txn_table set timestamp = timestamp - 90 * 86400")
            self.assertEqual(c.database.sql(";".join(moved)).stderr, "")
            log = ["sacctmgr", "-P", "list", "transactions", "start=now-120days", "end=now-1day", "format=time,action,actor,where,info"]
            wrote = sorted(c.run(*log).splitlines())
            self.assertGreater(len(wrote), 5)
            questions = [line for line in QUESTIONS if "cluster=past" in line or "-M past" in line] + [
                "sacct -a -P -o ALL -M local -S now-120days -E now-1day"]
            before = told(c, questions)
            self.assertIn("of old", str(before[questions[-1]]))
            archives = c.work + "/archives"
            os.mkdir(archives)
            os.chmod(archives, 0o777)
            c.sacctmgr("archive", "dump", "Directory=" + archives, *OLD, "purgetxnafter=1hours", *ALL, "txn")
            self.assertNotIn("of old", str(told(c, questions)))
            self.assertLess(len(c.run(*log).splitlines()), len(wrote))  # those that say of no cluster stay
            files = sorted(glob.glob(archives + "/*"))
            kinds = {re.sub(r"^(past|local)_|_table_archive_.*|_archive_.*", "", os.path.basename(file)) for file in files}
            self.assertLessEqual({"event", "job", "resv", "step", "suspend", "txn"}, kinds)
            for name in ("flurmctld", "flurmdbd"):
                kill(c.pid(name))
            with self.another_store(c) as ours:
                report = self.copy(c, ours)
                self.assertEqual(report.returncode, 0, report.stderr)
                os.remove(c.bin + "/flurmdbd")
                os.symlink(self.program(), c.bin + "/flurmdbd")
                c.local_up()
                for _ in range(2):  # a second time it changes nothing
                    for file in files:
                        c.sacctmgr("archive", "load", file)
                    after = told(c, questions)
                    different = []
                    for line in questions:
                        different += difflib.unified_diff(before[line], after[line], "slurmdbd: " + line, "flurmdbd", lineterm="", n=0)
                    self.assertFalse(different, "\n" + "\n".join(different[:60]))
                    self.assertEqual(sorted(c.run(*log).splitlines()), wrote)
                with open(files[0], "rb") as file:
                    cut = file.read()[:-9]
                with open(c.work + "/cut", "wb") as file:
                    file.write(cut)
                self.assertIn("Problem loading archive file", c.refused("sacctmgr", "-i", "archive", "load", c.work + "/cut"))
                self.assertEqual(told(c, questions), after)

    @contextlib.contextmanager
    def another_store(self, c):
        """What was slurmdbd's configuration is /slurmdbd.conf now; flurmdbd's, which this gives, and the cluster's name another store."""
        with open(c.dir + "/etc/slurmdbd.conf") as file:
            text = file.read()
        with open(c.work + "/slurmdbd.conf", "w") as file:
            file.write(text)
        other, keys = self.target(c)
        try:
            with open(c.dir + "/etc/slurmdbd.extra", "w") as file:
                file.write(c.dbd_extra + keys)
            ours = c.work + "/ours.conf"
            with open(ours, "w") as file:
                file.write("SlurmUser=root\n" + keys)
            yield ours
        finally:
            if other:
                other.stop()

    @staticmethod
    def program():
        return os.path.abspath((os.environ.get("FLURM_BIN") or os.path.join(os.path.dirname(__file__), "../../build/dev/bin")) + "/flurmdbd")

    def copy(self, c, ours):
        return subprocess.run([self.program(), "import", "--from-slurmdbd", c.work + "/slurmdbd.conf", "-f", ours], capture_output=True, text=True,
                              timeout=120)

    @staticmethod
    def target(c):
        """The store that FLURM_STORE names, and the lines of slurmdbd.conf for it."""
        if STORE == "sqlite":
            return None, f"StorageType=accounting_storage/sqlite\nStorageLoc={c.dir}/state/accounting.sqlite\n"
        database = {"mysql": MariaDb, "pgsql": PostgreSql}[STORE](c.folder + "/other")
        database.start()
        return database, (f"StorageType=accounting_storage/{STORE}\nStorageHost=127.0.0.1\nStoragePort={database.port}\nStorageUser=slurm\n"
                          "StoragePass=slurm\nStorageLoc=acct\n")


if __name__ == "__main__":
    main()
