"""acct_gather_profile/influxdb: samples of tasks arrive where InfluxDB would listen."""

import http.server
import os
import re
import threading
import unittest
import urllib.parse

from cluster import REAL, REAL_NODES, Cluster, ClusterTest, main, wait_for


class Database(http.server.BaseHTTPRequestHandler):
    """Takes everything, and keeps it."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.requests.append((self.path, self.headers.get("Authorization"), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class ProfiledCluster(Cluster):
    def up(self):
        self.database = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Database)
        self.database.requests = []
        threading.Thread(target=self.database.serve_forever, daemon=True).start()
        os.makedirs(self.dir + "/etc")
        with open(self.dir + "/etc/acct_gather.conf", "w") as file:
            file.write(f"ProfileInfluxDBHost=http://127.0.0.1:{self.database.server_port}\n"
                       "ProfileInfluxDBDatabase=slurm\nProfileInfluxDBRTPolicy=autogen\n"
                       "ProfileInfluxDBUser=writer\nProfileInfluxDBPass=secret\nProfileInfluxDBDefault=none\n")
        return super().up()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self.database.shutdown()
        self.database.server_close()


@unittest.skipIf(REAL or REAL_NODES, "Debian's slurmd has no plugin for InfluxDB")
class Profile(ClusterTest):
    nodes = 1
    cluster_type = ProfiledCluster
    extra = ("AcctGatherProfileType=acct_gather_profile/influxdb\nJobAcctGatherType=jobacct_gather/linux\n"
             "JobAcctGatherFrequency=task=1\n")

    def setUp(self):
        super().setUp()
        self.requests = self.c.database.requests
        self.requests.clear()

    def lines(self):
        return [line for _, _, body in list(self.requests) for line in body.splitlines()]

    def test_samples_of_a_steps_tasks(self):
        self.c.run("srun", "-n2", "--profile=task", "sh", "-c", "sleep 2.5; echo a >/dev/null")
        wait_for(self.lines, 20, "samples")
        path, who, _ = self.requests[0]
        self.assertEqual(who, "Basic d3JpdGVyOnNlY3JldA==")
        url = urllib.parse.urlsplit(path)
        self.assertEqual(url.path, "/write")
        self.assertEqual(urllib.parse.parse_qs(url.query), {"db": ["slurm"], "rp": ["autogen"], "precision": ["s"]})
        form = re.compile(r"^(\w+),job=\d+,step=0,task=([01]),host=n1 value=\d+(\.\d\d)? \d{10}$")
        found = [form.match(line) for line in self.lines()]
        self.assertNotIn(None, found, self.lines())
        for task in "01":
            names = [match[1] for match in found if match[2] == task]
            self.assertEqual(set(names), {"CPUFrequency", "CPUTime", "CPUUtilization", "RSS", "VMSize", "Pages", "ReadMB",
                                          "WriteMB"})
            self.assertGreaterEqual(names.count("RSS"), 2)
        self.assertTrue(any(match[1] == "RSS" and "value=0 " not in match[0] for match in found))
        with open("/proc/cpuinfo") as file:
            known = "cpu MHz" in file.read() or os.path.exists("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_cur_freq")
        for match in found:
            if match[1] == "CPUFrequency":
                self.assertEqual("value=0 " not in match[0], known, match[0])

    def test_a_batch_job(self):
        job = self.c.submit("--profile=task", "--wrap", "sleep 1.5")
        self.c.wait_end(job)
        wait_for(lambda: [line for line in self.lines() if f"job={job},step=-5,task=0" in line], 20, "samples")

    def test_none_where_nobody_asks(self):
        self.c.run("srun", "sleep", "1.5")
        self.c.run("srun", "-n1", "--profile=none", "sleep", "1.5")
        self.c.run("srun", "-n1", "--profile=task", "sleep", "1.5")  # which comes after both
        wait_for(self.lines, 20, "samples")
        self.assertEqual(len({re.search(r"job=(\d+)", line)[1] for line in self.lines()}), 1)


if __name__ == "__main__":
    main()
