"""sview, Slurm's window, opens and shows the cluster: on a display of its own (Xvfb). Skipped where one of both is missing."""

import ctypes
import os
import re
import shutil
import subprocess
import unittest

from cluster import ClusterTest, main, wait_for


def window_titles(display):
    """Of all windows that are there."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    server = x11.XOpenDisplay(display.encode())
    if not server:
        return []
    server = ctypes.c_void_p(server)
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    # A window may go while it is looked at; what the server says of that shall not end this program.
    ignore = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda *_: 0)
    x11.XSetErrorHandler(ignore)
    titles, left = [], [x11.XDefaultRootWindow(server)]
    while left:
        window = ctypes.c_ulong(left.pop())
        name = ctypes.c_char_p()
        if x11.XFetchName(server, window, ctypes.byref(name)) and name.value:
            titles.append(name.value.decode(errors="replace"))
        root, parent, children, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
        if x11.XQueryTree(server, window, ctypes.byref(root), ctypes.byref(parent), ctypes.byref(children), ctypes.byref(count)):
            left += [children[i] for i in range(count.value)]
    x11.XCloseDisplay(server)
    return titles


@unittest.skipUnless(shutil.which("sview") and shutil.which("Xvfb"), "needs sview and Xvfb")
class Sview(ClusterTest):
    nodes = 2

    def setUp(self):
        super().setUp()
        read, write = os.pipe()
        self.display = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
                                        pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write)
        self.addCleanup(self.end, self.display)
        with os.fdopen(read) as pipe:
            self.name = ":" + pipe.readline().strip()

    @staticmethod
    def end(process):
        process.kill()
        process.wait()

    def test_it_opens_and_asks_for_jobs_and_nodes(self):
        job = self.c.submit("--wrap", "sleep 300", "-J", "shown")
        self.c.wait_state(job, "RUNNING")
        self.c.run("sdiag", "-r")
        home = self.c.work + "/home"
        os.mkdir(home)
        env = {**os.environ, "DISPLAY": self.name, "SLURM_CONF": self.c.conf, "HOME": home, "NO_AT_BRIDGE": "1"}
        with open(self.c.work + "/sview.out", "w") as out:
            sview = subprocess.Popen(["sview"], env=env, stdout=out, stderr=out)
        self.addCleanup(self.end, sview)

        def asked():
            self.assertIsNone(sview.poll(), self.c.read("sview.out"))
            return {"JOB_INFO", "NODE_INFO"} <= set(re.findall(r"REQUEST_(\w+) ", self.c.run("sdiag")))

        wait_for(asked, 60, "sview's questions")
        wait_for(lambda: any("sview" in title.lower() for title in window_titles(self.name)), 60, "sview's window")
        self.assertIsNone(sview.poll())
        self.assertNotRegex(self.c.read("sview.out").lower(), "error|segfault")


if __name__ == "__main__":
    main()
