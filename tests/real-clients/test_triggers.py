"""Triggers: strigger sets, shows and clears them, and their programs run when something happens."""

import os
import pwd

from cluster import ClusterTest, main, wait_for


class Triggers(ClusterTest):
    """Set by SlurmUser, who alone may: the local cluster's is whoever runs the test."""

    def setUp(self):
        super().setUp()
        self.told = os.path.join(self.c.work, self.id().rsplit(".", 1)[1])
        self.program = self.c.folder + "/program." + os.path.basename(self.told)
        with open(self.program, "w") as file:
            file.write(f'#!/bin/sh\necho "$@" >> {self.told}\n')
        os.chmod(self.program, 0o755)

    def tearDown(self):
        self.c.try_run("strigger", "--clear", "--user", self.slurm_user(), "-Q")
        super().tearDown()

    def slurm_user(self):
        for line in self.c.run("scontrol", "show", "config").splitlines():
            if line.startswith("SlurmUser "):
                return line.split("=")[1].strip().split("(")[0]
        raise AssertionError("no SlurmUser")

    def user(self):
        name = self.slurm_user()
        return None if name == pwd.getpwuid(os.geteuid()).pw_name else name

    def set(self, *options, program=None):
        return self.c.run("strigger", "--set", *options, "--program=" + (program or self.program), user=self.user())

    def shown(self, *options):
        lines = self.c.run("strigger", "--get", *options).splitlines()[1:]
        return [line.split() for line in lines]

    def wait_told(self, words, count=1):
        def there():
            try:
                with open(self.told) as file:
                    return [line.strip() for line in file].count(words) >= count
            except OSError:
                return False
        wait_for(there, 40, f"{words!r} told to the program")

    def test_end_of_a_job(self):
        job = self.c.submit("--wrap", "sleep 2")
        self.set("--jobid", job, "--fini")
        (shown,) = self.shown("--jobid", job)
        self.assertEqual(shown[1:5], ["job", job, "fini", "0"])
        self.assertEqual(shown[6], self.program)
        self.wait_told(job)
        wait_for(lambda: not self.shown("--jobid", job), 20, "the trigger gone")

    def test_before_the_time_limit(self):
        job = self.c.submit("-t", "2", "--wrap", "sleep 1000")
        self.c.wait_state(job, "RUNNING")
        self.set("--jobid", job, "--time", "--offset=-115", program=self.program + " with words")
        self.wait_told("with words " + job)
        record = self.c.job(job)
        self.assertEqual(record["JobState"], "RUNNING", record)
        self.assertEqual(self.c.state(job), "RUNNING")

    def test_nodes(self):
        self.set("--node=n1,n2", "--down")
        self.set("--node", "--up", "--flags=PERM")
        self.set("--node", "--drained")
        self.c.run("scontrol", "update", "nodename=n2,n3", "state=down", "reason=test")
        self.wait_told("n2")
        self.c.run("scontrol", "update", "nodename=n2,n3", "state=resume")
        self.wait_told("n[2-3]")
        self.c.run("scontrol", "update", "nodename=n3", "state=drain", "reason=test")
        self.wait_told("n3")
        self.assertEqual([shown[3] for shown in self.shown()], ["up"])
        self.c.run("scontrol", "update", "nodename=n3", "state=down", "reason=test")
        self.c.run("scontrol", "update", "nodename=n3", "state=resume")
        self.wait_told("n3", count=2)
        self.c.run("strigger", "--clear", "--id", self.shown()[0][0], user=self.user())
        self.assertEqual(self.shown(), [])

    def test_idle_nodes_and_reconfigure(self):
        self.set("--node=n1", "--idle", "--offset=1")
        self.wait_told("n1")
        self.set("--reconfig")
        self.c.run("scontrol", "reconfigure")
        self.wait_told("reconfig")

    def test_refusals(self):
        job = self.c.submit("--hold")
        self.set("--jobid", job, "--fini")
        again = self.c.refused("strigger", "--set", "--jobid", job, "--fini", "--program=" + self.program,
                               user=self.user())
        self.assertIn("Duplicate event trigger", again)
        for options, program, words in (
                (["--jobid=4242", "--fini"], self.program, "Invalid job id specified"),
                (["--node=nowhere", "--down"], self.program, "Invalid node name specified"),
                (["--node", "--down"], "/etc/passwd", "Access/permission denied")):
            with self.subTest(options=options, program=program):
                refused = self.c.refused("strigger", "--set", *options, "--program=" + program, user=self.user())
                self.assertIn(words, refused)
        self.c.run("strigger", "--clear", "--jobid", job, user=self.user())
        self.assertEqual(self.shown(), [])


if __name__ == "__main__":
    main()
