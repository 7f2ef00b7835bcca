"""Is a history of overlapping operations one that some order of them, each at one moment between its begin and its end,
explains? (Wing and Gong; the memory of what was tried is Lowe's.) Objects are independent: check each by itself.
"""

import math
from collections import namedtuple

# `end` is None when nobody knows whether the operation happened: it may take effect at any time after its begin, or never.
Op = namedtuple("Op", "begin end kind value")


def explain(ops, initial, step):
    """An order of `ops` that `step` agrees with, or None. step(state, op): the state afterwards, None: not possible."""
    ops = sorted(ops, key=lambda op: op.begin)
    known = sum(1 << i for i, op in enumerate(ops) if op.end is not None)
    ends = [math.inf if op.end is None else op.end for op in ops]
    seen = {(0, initial)}
    path = [(0, initial, _next(ops, ends, 0))]
    order = []
    while path:
        mask, state, candidates = path[-1]
        if mask & known == known:
            return order
        for i in candidates:
            after = step(state, ops[i])
            place = (mask | 1 << i, after)
            if after is None or place in seen:
                continue
            seen.add(place)
            order.append(ops[i])
            path.append((*place, _next(ops, ends, place[0])))
            break
        else:
            path.pop()
            if order:
                order.pop()
    return None


def _next(ops, ends, mask):
    """Which of the operations that are left may be the next: those that began before any of the others ended."""
    first_end = min((ends[i] for i in range(len(ops)) if not mask >> i & 1), default=math.inf)
    return iter([i for i, op in enumerate(ops) if not mask >> i & 1 and op.begin <= first_end])


def job_step(state, op):
    """A job as its clients see it: (comment, whether it waits or runs). It may end by itself, and never begins again."""
    comment, active = state
    if op.kind == "write":
        return op.value, active
    if op.kind == "cancel":
        return comment, False
    seen_comment, seen_active = op.value
    if seen_comment != comment or seen_active and not active:
        return None
    return comment, seen_active


NEW_JOB = ("", True)


def wrong_end(ops, initial, step):
    """Of a history without an explanation: as much of its beginning as has none either, to be shown to people."""
    ops = sorted(ops, key=lambda op: math.inf if op.end is None else op.end)
    for count in range(1, len(ops) + 1):
        # What ended later may have happened before, or not.
        later = [op._replace(end=None) for op in ops[count:] if op.kind != "read"]
        if explain(ops[:count] + later, initial, step) is None:
            return ops[:count]
    return ops
