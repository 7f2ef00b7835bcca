"""srun --x11 and salloc --x11: X clients on the nodes reach the display that the user came from (Xvfb stands for it)."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import cluster
from cluster import ClusterTest, main, wait_for

USER = "nobody" if cluster.is_root() else None
COOKIE = "0123456789abcdef" * 2


def add_key(keys, display):
    subprocess.run(["xauth", "-q", "-f", keys, "add", display, ".", COOKIE], check=True, stderr=subprocess.DEVNULL)


@unittest.skipUnless(all(shutil.which(name) for name in ("Xvfb", "xauth", "xdpyinfo")),
                     "needs Xvfb, xauth and xdpyinfo")
class DisplayTest(ClusterTest):
    """Has a display that only those with the key can use, and an environment that has the key."""

    nodes = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keys = cls.cluster.folder + "/server.keys"
        add_key(keys, ":0")
        read, write = os.pipe()
        cls.server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-auth", keys, "-nolisten", "tcp"],
                                      pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.end, cls.server)
        os.close(write)
        with os.fdopen(read) as pipe:
            cls.display = ":" + pipe.readline().strip()
        cls.keys = cls.keys_of_user(cls.display)

    @classmethod
    def keys_of_user(cls, display):
        """A file with the key to the display. Its folder is the user's, because xauth locks what it reads."""
        folder = tempfile.mkdtemp(dir=cls.cluster.work)
        keys = folder + "/keys"
        add_key(keys, display)
        if USER:
            for path in (folder, keys):
                shutil.chown(path, USER)
        return keys

    @staticmethod
    def end(process):
        process.kill()
        process.wait()

    def env(self):
        return {"DISPLAY": self.display, "XAUTHORITY": self.keys}

    def x11(self, *argv, **options):
        return self.c.run(*argv, user=USER, env=self.env(), **options)


def displays(text):
    return re.findall(r"name of display: +(\S+)", text)


def port_is_open(display):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", 6000 + display)) == 0


class Forwarding(DisplayTest):
    extra = "PrologFlags=X11\nProctrackType=proctrack/pgid\n"

    def test_a_client_of_srun(self):
        said = self.x11("srun", "--x11", "xdpyinfo")
        (display,) = displays(said)
        self.assertRegex(display, r"^localhost:[2-9]\d\.0$")
        self.assertIn("vendor string:", said)

    def test_a_client_of_a_step_in_an_allocation(self):
        said = self.x11("salloc", "--x11", "-N2", "srun", "xdpyinfo")
        self.assertEqual(len(displays(said)), 2)
        said = self.x11("salloc", "--x11", "sh", "-c", "srun xdpyinfo; srun xdpyinfo")
        self.assertEqual(len(set(displays(said))), 1)

    def test_many_clients_at_once(self):
        said = self.x11("srun", "--x11", "sh", "-c",
                        "for i in 1 2 3 4 5 6 7 8 9 10; do xdpyinfo -queryExtensions & done; wait")
        self.assertEqual(len(displays(said)), 10)
        self.assertEqual(said.count("MIT-SHM  (opcode"), 10)

    def test_the_key_is_the_users_alone_and_goes_with_the_job(self):
        said = self.x11("srun", "--x11", "sh", "-c", "stat -c '%a %u' $XAUTHORITY; echo $XAUTHORITY $DISPLAY; "
                                                     "xauth -f $XAUTHORITY list")
        rights, where, key = said.splitlines()
        self.assertEqual(rights.split()[0], "600")
        if USER:
            self.assertNotEqual(rights.split()[1], "0")
        path, display = where.split()
        self.assertTrue(path.startswith("/tmp/.Xauthority-"), path)
        number = int(display.split(":")[1].split(".")[0])
        self.assertIn(f"/unix:{number}  MIT-MAGIC-COOKIE-1  {COOKIE}", key)
        wait_for(lambda: not os.path.exists(path), 30, "the end of the file with the key")
        wait_for(lambda: not port_is_open(number), 30, "the end of the display")

    def test_without_the_key_nobody_gets_through(self):
        done = self.c.try_run("srun", "--x11", "env", "XAUTHORITY=/dev/null", "xdpyinfo", user=USER, env=self.env())
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("unable to open display", done.stderr)

    def test_the_first_and_the_last_node(self):
        for which, there in (("first", "0"), ("last", "1"), ("all", "01")):
            said = self.x11("srun", f"--x11={which}", "-N2", "sh", "-c", "echo $SLURM_NODEID $DISPLAY")
            seen = {line.split()[0] for line in said.splitlines() if "localhost:" in line}
            self.assertEqual(seen, set(there), said)
            others = {line.split()[1] for line in said.splitlines() if "localhost:" not in line}
            self.assertLessEqual(others, {self.display})

    def test_the_key_is_in_no_log(self):
        self.x11("srun", "--x11", "true")
        for name in ("flurmctld", "n1", "n2"):
            self.assertNotIn(COOKIE, self.c.log(name))

    def test_a_display_that_goes_away(self):
        done = self.c.try_run("srun", "--x11", "sh", "-c", f"kill $(cat {self.c.work}/pid); xdpyinfo; echo after",
                              user=USER, env=self.env_with_own_display())
        self.assertIn("unable to open display", done.stderr)
        self.assertEqual(done.stdout, "after\n")

    def env_with_own_display(self):
        """One that its user may end."""
        read, write = os.pipe()
        script = f"echo $$ >{self.c.work}/pid; exec Xvfb -displayfd {write} -auth {self.keys} -nolisten tcp"
        server = subprocess.Popen(["sh", "-c", script], pass_fds=(write,), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, user=USER)
        self.addCleanup(self.end, server)
        os.close(write)
        with os.fdopen(read) as pipe:
            display = ":" + pipe.readline().strip()
        return {"DISPLAY": display, "XAUTHORITY": self.keys_of_user(display)}


class Home(DisplayTest):
    """X11Parameters=home_xauthority: the key goes into the user's own file, and out of it again."""

    extra = "PrologFlags=X11\nX11Parameters=home_xauthority\nProctrackType=proctrack/pgid\n"
    nodes = 1

    def test_the_key_is_there_for_as_long_as_the_job(self):
        path = os.path.expanduser(f"~{os.environ.get('USER') or cluster.me()}/.Xauthority")
        if os.path.exists(path):
            self.skipTest("leaves the file of a user who has one alone")
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        said = self.c.run("srun", "--x11", "sh", "-c", "echo $XAUTHORITY; xdpyinfo", env=self.env())
        self.assertEqual(said.splitlines()[0], path)
        self.assertEqual(len(displays(said)), 1)
        keys = lambda: subprocess.run(["xauth", "-q", "-f", path, "list"], capture_output=True, text=True).stdout
        wait_for(lambda: COOKIE not in keys(), 30, "the end of the key")


class Refused(DisplayTest):
    extra = "PrologFlags=Contain\nProctrackType=proctrack/pgid\n"
    nodes = 1

    def test_where_it_is_not_configured(self):
        said = self.c.refused("srun", "--x11", "true", env=self.env())
        self.assertIn("X11 forwarding not available", said)


if __name__ == "__main__":
    main()
