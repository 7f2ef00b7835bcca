"""sacctmgr of release 24.11 with flurmdbd: accounts and users are added by requests that came with 23.11, and the daemon says what was done.

What is expected was read from slurm 24.11 src/plugins/accounting_storage/mysql/: there is no slurmdbd of that release to ask here.
"""

import unittest

import debian13
from accounted import Accounted
from cluster import main


class Accounted24(Accounted):
    try_run = debian13.Debian13Cluster.try_run
    root = None


EXPECTED = """
== add account science description=research organization=university
 Adding Account(s)
  science
 Settings
  Description     = research
  Organization    = university
 Associations =
  C = local      A = science
 Settings
== add account physics,chemistry parent=science fairshare=7
 Adding Account(s)
  physics
  chemistry
 Settings
  Description     = Account Name
  Organization    = Parent/Account Name
 Associations =
  C = local      A = physics
  C = local      A = chemistry
 Settings
  Fairshare     = 7
  Parent        = science
== add account physics
 Already existing account physics on cluster local
== add account bio parent=nothere
 error: No parent account 'nothere' on cluster 'local'
== add user daemon account=physics,chemistry defaultaccount=chemistry
 Adding User(s)
  daemon
 Settings
  Default Account = chemistry
 Associations =
  C = local      A = physics              U = daemon
  C = local      A = chemistry            U = daemon
== add user games account=physics,nothere adminlevel=operator wckey=red
 Adding User(s)
  games
 Settings
  Admin Level     = Operator
 Associations =
  C = local      A = physics              U = games
No account nothere on cluster local, skipping.
 Wckey(s)
  C = local      W = red        U = games
== add user mail account=physics partition=debug,long
 Adding User(s)
  mail
 Settings
 Associations =
  C = local      A = physics              U = mail      P = debug
  C = local      A = physics              U = mail      P = long
== add resource name=far server=host count=10 cluster=local allowed=50 type=license
 Adding Resource(s)
  far@host
   Cluster - local\t50
 Settings
  Name           = far
  Server         = host
  Description    = far
  Count          = 10
  Type           = License
== list resource withclusters format=name,server,count,allocated,cluster,allowed
Name|Server|Count|Allocated|Cluster|Allowed
far|host|10|50|local|50
== list assoc tree format=account,user,partition,share
Account|User|Partition|Share
root|||1
 root|root||1
 science|||1
  chemistry|||7
   chemistry|daemon||1
  physics|||7
   physics|daemon||1
   physics|games||1
   physics|mail|debug|1
   physics|mail|long|1
== list user format=user,defaultaccount,admin
User|Def Acct|Admin
daemon|chemistry|None
games|physics|Operator
mail|physics|None
root|root|Administrator
"""


class Sacctmgr(unittest.TestCase):
    maxDiff = None

    def test_it_adds_and_lists(self):
        told = "\n"
        with Accounted24(1, ours=True) as c:
            for line in EXPECTED.splitlines():
                if not line.startswith("== "):
                    continue
                done = c.try_run("sacctmgr", "-i", "-P", *line[3:].split())
                told += line + "\n" + "".join(row.rstrip() + "\n" for row in (done.stdout + done.stderr).splitlines())
            actions = c.run("sacctmgr", "-nP", "list", "transactions", "format=action").split("\n")
        self.assertEqual(told, EXPECTED)
        self.assertIn("Add Accounts", actions)
        self.assertNotIn("Add Accounts Cond", actions)


if __name__ == "__main__":
    debian13.mounts_or_stop()
    Accounted24.root = debian13.folder()
    main()
