"""The plans of MariaDB and PostgreSQL for the common questions have indexes: src/store/plans_test.cpp on a private server of each."""

import os
import shutil
import subprocess
import tempfile
import unittest

from accounted import MariaDb, PostgreSql
from cluster import main

PROGRAM = os.path.join(os.environ.get("FLURM_BIN") or os.path.join(os.path.dirname(__file__), "../../build/dev/bin"), "../tests/store_test")


class Plans(unittest.TestCase):
    def check(self, kind, database):
        folder = tempfile.mkdtemp(prefix="flurm-plans-")
        os.chmod(folder, 0o755)
        self.addCleanup(shutil.rmtree, folder)
        server = database(folder + "/database")
        self.addCleanup(server.stop)
        server.start()
        done = subprocess.run([PROGRAM, "--gtest_filter=Plans.*"], capture_output=True, text=True,
                              env=os.environ | {"FLURM_TEST_DATABASE": f"{kind} 127.0.0.1 {server.port} acct slurm slurm"})
        self.assertEqual(done.returncode, 0, done.stdout[-5000:] + done.stderr[-1000:])

    def test_of_mariadb(self):
        self.check("mysql", MariaDb)

    def test_of_postgresql(self):
        self.check("pgsql", PostgreSql)


if __name__ == "__main__":
    main()
