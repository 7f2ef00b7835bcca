"""What clusters share: `sacctmgr add resource`, licenses of a server, and federations.

As in test_accounting.py, what the clients print is kept in accounting.shared.expected, made with Debian's slurmdbd. How a controller
counts licenses that accounting keeps is asked of flurmctld, or with FLURM_REAL=1 of Debian's slurmctld.
"""

import unittest

from accounted import Accounted, AsSlurmdbd, transcript
from cluster import main, wait_for

SHARED = """
add cluster far
add resource name=matlab server=flexhost servertype=flexlm count=50 type=license description=maths
add resource name=matlab server=flexhost count=9
add resource name=fluent cluster=local count=100 percentallowed=30 type=license
add resource name=idl server=flexhost count=10 type=license cluster=local,far percentallowed=60
add resource name=idl server=flexhost count=10 type=license cluster=local,far percentallowed=50
add resource name=matlab server=flexhost cluster=local percentallowed=40
add resource name=matlab server=flexhost cluster=far percentallowed=70
add resource name=matlab server=flexhost cluster=far percentallowed=20
list resource
list resource withclusters
list resource cluster=far withclusters
list resource server=flexhost name=matlab withclusters format=name,server,cluster,allowed,allocated,count,type,servertype,description
modify resource where name=matlab server=flexhost set count=60
modify resource where name=matlab server=flexhost cluster=local set percentallowed=50
modify resource where name=matlab server=flexhost cluster=local set percentallowed=90
modify resource where name=matlab set description=mathematics servertype=rlm
modify resource where name=nothing set count=3
modify resource where name=matlab server=flexhost cluster=nowhere set percentallowed=5
list resource withclusters
daemon: add resource name=mine count=4 type=license
daemon: modify resource where name=matlab set count=4
delete resource where name=matlab server=flexhost cluster=far
list resource name=matlab withclusters
delete resource where name=idl
delete resource where name=nothing
list resource
list resource withdeleted format=name,server
add resource name=idl server=flexhost count=11 type=license
list resource withclusters
add federation stars clusters=local
add federation stars
add federation moons,suns
add federation twice,thrice clusters=far
list federation
list cluster withfed format=cluster,federation,id,features,fedstate
modify federation moons set clusters+=far
list federation
modify federation moons set clusters=local
list federation tree
list cluster withfed format=cluster,federation,id,features,fedstate
modify federation stars set clusters+=far,local
list cluster withfed format=cluster,federation,id,features,fedstate
modify federation stars set clusters-=local
modify federation nothing set clusters=local
modify cluster far set fedstate=drain
modify cluster far set features=gpu,fast
modify cluster far set features+=big
modify cluster far set features-=gpu
list cluster withfed format=cluster,federation,id,features,fedstate
list cluster federation=stars format=cluster
modify cluster local set federation=moons fedstate=inactive
list federation
list federation cluster=local
modify cluster far set federation=
list cluster withfed format=cluster,federation,id,features,fedstate
add cluster near federation=moons fedstate=drain features=a,b
list cluster withfed format=cluster,federation,id,features,fedstate
remove cluster where federation=moons,nothing classification=capability
remove cluster where federation=nothing
modify cluster where federation=nothing set features=x
remove federation moons
remove federation nothing
list federation
list cluster withfed format=cluster,federation,id,features,fedstate
remove cluster far,near
list federation
list resource withclusters
""".strip().splitlines()


class Shared(AsSlurmdbd):
    def test_the_clients_say_what_they_say_with_slurmdbd(self):
        with Accounted(1) as cluster:
            self.compare("shared", transcript(cluster, SHARED))


class RemoteLicenses(unittest.TestCase):
    @staticmethod
    def licenses(c):
        lines = c.run("scontrol", "-o", "show", "licenses").splitlines()
        rows = [dict(word.split("=", 1) for word in line.split()) for line in lines if "=" in line]
        return {row["LicenseName"]: (int(row["Total"]), int(row["Used"]), row["Remote"]) for row in rows}

    def test_a_controller_counts_its_share(self):
        with Accounted(1, ours=True, extra="Licenses=here:4\n") as c:
            self.assertEqual(self.licenses(c), {"here": (4, 0, "no")})
            c.sacctmgr("add", "resource", "name=far", "server=host", "count=10", "cluster=local", "percentallowed=50", "type=license")
            wait_for(lambda: self.licenses(c).get("far@host") == (5, 0, "yes"), 20, "the licenses")
            c.refused("sbatch", "-L", "far@host:6", "--wrap", "true")
            c.refused("sbatch", "-L", "far@nothere:1", "--wrap", "true")
            running = c.submit("-L", "far@host:4", "--wrap", "sleep 300")
            c.wait_state(running, "RUNNING")
            self.assertEqual(self.licenses(c)["far@host"], (5, 4, "yes"))
            waiting = c.submit("-L", "far@host:2,here:1", "--wrap", "true")
            wait_for(lambda: c.job(waiting)["Reason"] == "Licenses", 20, "a job without licenses")
            c.sacctmgr("modify", "resource", "where", "name=far", "set", "count=12")
            c.wait_state(waiting, "COMPLETED", seconds=60)
            self.assertEqual(self.licenses(c)["far@host"], (6, 4, "yes"))
            c.run("scancel", running)
            c.wait_end(running)
            c.sacctmgr("modify", "resource", "where", "name=far", "cluster=local", "set", "percentallowed=100")
            wait_for(lambda: self.licenses(c)["far@host"] == (12, 0, "yes"), 20, "a greater share")
            c.sacctmgr("delete", "resource", "where", "name=far")
            wait_for(lambda: self.licenses(c) == {"here": (4, 0, "no")}, 20, "their end")


if __name__ == "__main__":
    main()
