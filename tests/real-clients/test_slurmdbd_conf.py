"""What slurmdbd.conf's keys do: PrivateData, DefaultQOS, TrackSlurmctldDown. As in test_accounting.py, what Debian's clients print with
Debian's slurmdbd is kept in accounting.private.expected.
"""

import os
import signal
import unittest

from accounted import ORACLE, Accounted, AsSlurmdbd, cleaned
from cluster import kill, main, wait_for
from past import accounts, feed, story

PRIVATE = """
sacctmgr -P list user format=user,defaultaccount
sacctmgr -P list assoc cluster=past format=account,user
sacctmgr -P list account format=account
sacctmgr -P list event cluster=past start=2025-01-01 end=2025-03-01 format=nodename
sacctmgr -P list reservation cluster=past start=2025-01-01 end=2025-03-01 format=name
sacctmgr -P list wckey
sacctmgr -P list qos format=name
sacct -a -X -P -M past -S 2025-01-30 -E 2025-01-30T05:00:00 -o jobid,account,user
sreport -P -M past cluster accountutilizationbyuser start=2025-01-30 end=2025-02-03
sreport -P -M past cluster utilization start=2025-01-30 end=2025-02-03
""".strip().splitlines()


class Conf(AsSlurmdbd):
    def test_users_see_what_is_theirs(self):
        keys = "PrivateData=accounts,events,jobs,reservations,usage,users\nDefaultQOS=special,other\n"
        with Accounted(1, dbd=keys) as c:
            feed(c, story(accounts(c)))
            c.sacctmgr("roll", "2025-01-30", "2025-02-04", "0")
            c.sacctmgr("add", "user", "mail", "account=science", "cluster=past")
            c.sacctmgr("add", "user", "sys", "account=science", "cluster=past", "adminlevel=operator")
            c.sacctmgr("add", "coordinator", "account=chemistry", "user=mail")
            text = ""
            for user in ("daemon", "mail", "backup", "sys"):
                for line in PRIVATE:
                    done = c.try_run(*line.split(), user=user)
                    text += f"== {user}: {line}\n" + "".join(row.rstrip() + "\n" for row in cleaned(done.stdout + done.stderr).splitlines())
            text += "== qos\n" + c.run("sacctmgr", "-P", "list", "assoc", "format=cluster,account,user,qos")
            self.compare("private", text)

    @unittest.skipIf(ORACLE, "ours")
    def test_scripts_are_their_owners(self):
        with Accounted(1, extra="AccountingStoreFlags=job_script\n") as c:
            c.sacctmgr("add", "account", "lab")
            c.sacctmgr("add", "user", "daemon,games", "account=lab")
            job = c.submit("-A", "lab", "--wrap", "true # secret", user="daemon")
            c.wait_end(job)
            wait_for(lambda: "secret" in c.run("sacct", "-B", "-j", job), 30, "the script")
            self.assertIn("secret", c.run("sacct", "-B", "-j", job, user="daemon"))
            self.assertNotIn("secret", c.run("sacct", "-B", "-j", job, user="games"))

    def test_a_controller_that_is_away_is_an_outage(self):
        with Accounted(1, dbd="TrackSlurmctldDown=yes\n") as c:
            def outages():
                return [row["TimeEnd"] == "Unknown" for row in c.table("events", "all_time", "format=reason,timeend")
                        if row["Reason"] == "slurmctld disconnect"]

            self.assertEqual(outages(), [])
            os.kill(c.pid("flurmctld"), signal.SIGTERM)
            wait_for(lambda: outages() == [True], 30, "the outage")
            kill(c.pid("flurmctld"))
            c.local_up()
            wait_for(lambda: outages() == [False], 60, "its end")


if __name__ == "__main__":
    main()
