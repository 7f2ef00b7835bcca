"""Accounting: Debian's sacctmgr, sacct and slurmctld with flurmdbd.

What the clients print for one script of actions is kept in accounting.expected, made with Debian's slurmdbd on MariaDB:
FLURM_REAL=1 FLURM_WRITE_EXPECTED=1 writes it anew, FLURM_REAL=1 alone says whether it is still true.
"""

import os
import pwd
import re
import signal
import unittest

from accounted import ORACLE, Accounted
from cluster import is_root, main, wait_for

EXPECTED = os.path.join(os.path.dirname(__file__), "accounting.expected")

# One line each: what is asked of sacctmgr (which answers all questions with yes), or, after a user's name and a colon, by whom.
ENTITIES = """
list tres
list qos format=id,name,priority,preempt,flags,usagefactor,graceTime
list assoc tree format=cluster,account,user,partition,share,defaultqos,qos
add account science description=research organization=university
add account physics,chemistry parent=science description=dept organization=university
add account bio parent=science fairshare=7 grpjobs=20 maxjobs=5 grptres=cpu=100,mem=4000 maxwall=2-0
add account science
list account format=account,description,organization
list account withassoc format=account,cluster,parentname,user,share
add qos high priority=100 flags=DenyOnLimit,NoReserve maxtresperuser=cpu=8 maxjobsperuser=3 gracetime=60 usagefactor=2
add qos low preempt=normal maxwall=60 description=scavenger mintresperjob=cpu=2 limitfactor=0.5
add qos low
add qos circle preempt=low
modify qos normal set preempt=circle
modify qos high set preempt+=low priority=200 flags=OverPartQOS maxjobsperuser=-1 maxtresperuser=cpu=-1,mem=100
list qos format=name,priority,preempt,flags,maxtrespu,maxjobspu,mintres,maxwall,gracetime,usagefactor,limitfactor,description
modify qos high set flags-=OverPartQOS description=better
list qos high format=name,flags,description
add user daemon account=physics defaultaccount=physics
add user daemon account=chemistry
add user games,mail account=bio,physics fairshare=3 maxjobs=2
add user nobodyhere account=physics
add user sys account=bio partition=debug qos=high defaultqos=high
add user games account=nothere
list user format=user,defaultaccount,admin
list user withassoc format=user,account,partition,share,maxjobs,defaultqos,qos
list user games withassoc withcoord format=user,account,defaultaccount,coordinators
list assoc tree format=cluster,account,user,partition,share,grpjobs,grptres,maxjobs,maxwall,qos,defaultqos
list assoc user=games format=account,user,maxjobs,maxwall,grpjobs
list assoc account=bio format=account,user,maxjobs,maxwall,grpjobs wopl
list assoc parent=science format=account,user,parentname
list assoc tree where account=science withsub format=account,user
modify account bio set maxjobs=9 grptres=cpu=50,mem=-1 maxtres=node=2 qos+=high
modify account science set maxwall=60 maxtres=cpu=30
modify user games where account=bio set maxjobs=-1 qos=low,high defaultqos=low
list assoc tree format=account,user,grptres,maxjobs,maxtres,maxwall,qos,defaultqos
modify user games where account=physics set maxtres=cpu=3 priority=77 grpsubmit=4 maxsubmit=8 grpwall=90 grptresmins=cpu=1000 maxtresmins=cpu=10 grptresrunmins=cpu=7
list assoc user=games format=account,user,maxtres,priority,grpsubmit,maxsubmit,grpwall,grptresmins,maxtresmins,grptresrunmins,maxwall
modify user games set defaultaccount=physics
modify user games set defaultaccount=nothere
modify user daemon set adminlevel=operator
list user format=user,defaultaccount,admin
modify account chemistry set parent=bio
modify account science set parent=bio
modify account science set parent=science
list assoc tree format=account,user,maxjobs,maxwall
modify account bio set description=life organization=institute
list account bio format=account,description,organization
add coordinator account=science user=mail
add coordinator account=physics user=games
list account withcoord format=account,coordinators
list user withcoord format=user,coordinators
mail: add account newlab parent=science
mail: add user sys account=newlab
mail: modify account science set maxjobs=3
mail: modify account newlab set maxjobs=3
mail: add account elsewhere
mail: add qos mine
mail: remove user sys where account=bio
mail: modify user sys set adminlevel=admin
sys: add account mine
sys: modify user sys set defaultaccount=newlab
sys: list user sys format=user,defaultaccount,admin
daemon: add account byoperator
daemon: modify qos high set priority=5
daemon: modify user mail set adminlevel=admin
list account format=account,organization
remove coordinator account=science user=mail
remove coordinator user=nobody
list account withcoord format=account,coordinators
add cluster other
add account shared cluster=other,local
add user backup account=shared
list cluster format=cluster,controlhost,rpc,share,qos
list assoc tree cluster=other format=cluster,account,user
modify cluster other set grpjobs=50 qos=high
list cluster format=cluster,grpjobs,qos
remove user backup where cluster=other account=shared
list assoc tree user=backup format=cluster,account,user
remove cluster other
list cluster format=cluster
add wckey key1 user=games cluster=local
list wckey format=cluster,wckey,user
remove user where user=games account=bio
list assoc user=games format=account,user
remove account physics
remove account chemistry,newlab
remove user games,sys
list user format=user,defaultaccount
list assoc tree format=account,user
remove account bio
remove account science
remove qos low,circle
list qos format=id,name,preempt
remove qos nothere
remove user nothere
remove account nothere
list assoc tree format=account,user,qos
add qos low
list qos format=id,name,preempt,maxwall
list event format=cluster,nodename,state,reason
list problem
list resource
list federation
list runaway
show nonsense
""".strip().splitlines()


def cleaned(text):
    """Without what differs in any two runs."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "TIME", text)
    return re.sub(r"\bsacctmgr: (fatal|error|warning)", r"\1", text)


def transcript(cluster):
    lines = []
    for line in ENTITIES:
        user, words = line.split(": ", 1) if re.match(r"\w+: ", line) else (None, line)
        argv = ["sacctmgr", "-i", "-P"] + words.split(" ")
        done = cluster.try_run(*argv, user=user)
        lines += [f"== {line}", *(word.rstrip() for word in cleaned(done.stdout + done.stderr).splitlines()), f"-- {done.returncode}"]
    return "\n".join(lines) + "\n"


def parts(text):
    """The transcript by action."""
    found = {}
    for part in re.split(r"^== ", text, flags=re.M)[1:]:
        head, body = part.split("\n", 1)
        found.setdefault(head, []).append(body)
    return found


class Entities(unittest.TestCase):
    maxDiff = None

    def test_the_clients_say_what_they_say_with_slurmdbd(self):
        with Accounted(1) as cluster:
            text = transcript(cluster)
        if os.environ.get("FLURM_WRITE_EXPECTED"):
            with open(EXPECTED, "w") as file:
                file.write(text)
        with open(EXPECTED) as file:
            expected = parts(file.read())
        ours = parts(text)
        self.assertEqual(list(ours), list(expected))
        different = {head: (ours[head], expected[head]) for head in ours if ours[head] != expected[head]}
        self.assertFalse(different, "\n".join(f"== {head}\n" + "".join(mine) + "slurmdbd:\n" + "".join(theirs)
                                              for head, (mine, theirs) in different.items()))


if __name__ == "__main__":
    main()
