"""The checker of histories (linear.py), on histories that were made by hand."""

import random
import unittest

from linear import NEW_JOB, Op, explain, job_step, wrong_end


def write(begin, end, value):
    return Op(begin, end, "write", value)


def cancel(begin, end):
    return Op(begin, end, "cancel", None)


def read(begin, end, comment, active=True):
    return Op(begin, end, "read", (comment, active))


class Linear(unittest.TestCase):
    def good(self, *ops):
        self.assertIsNotNone(explain(ops, NEW_JOB, job_step))

    def bad(self, *ops):
        self.assertIsNone(explain(ops, NEW_JOB, job_step))

    def test_one_after_the_other(self):
        self.good()
        self.good(read(0, 1, ""), write(2, 3, "a"), read(4, 5, "a"), write(6, 7, "b"), read(8, 9, "b"))
        self.bad(write(0, 1, "a"), read(2, 3, ""))
        self.bad(write(0, 1, "a"), write(2, 3, "b"), read(4, 5, "a"))
        self.bad(read(0, 1, "a"))

    def test_a_read_beside_a_write_may_see_either_value(self):
        self.good(write(0, 10, "a"), read(1, 2, ""))
        self.good(write(0, 10, "a"), read(1, 2, "a"))
        self.good(write(0, 10, "a"), read(1, 2, ""), read(3, 4, "a"))

    def test_what_one_reader_saw_the_next_one_sees(self):
        self.bad(write(0, 10, "a"), read(1, 2, "a"), read(3, 4, ""))
        self.good(write(0, 10, "a"), read(1, 5, "a"), read(3, 6, ""))

    def test_two_writers(self):
        self.good(write(0, 10, "a"), write(0, 10, "b"), read(11, 12, "a"))
        self.good(write(0, 10, "a"), write(0, 10, "b"), read(11, 12, "b"), read(13, 14, "b"))
        self.bad(write(0, 10, "a"), write(0, 10, "b"), read(11, 12, "a"), read(13, 14, "b"))
        self.bad(write(0, 4, "a"), write(2, 6, "b"), read(3, 5, "b"), read(7, 8, "a"), read(9, 10, "b"))

    def test_an_unknown_write_happens_once_or_not_at_all(self):
        self.good(write(0, None, "a"), read(5, 6, ""), read(7, 8, ""))
        self.good(write(0, None, "a"), read(5, 6, ""), read(7, 8, "a"))
        self.bad(write(0, None, "a"), read(5, 6, "a"), read(7, 8, ""))
        # It came twice.
        self.bad(write(0, None, "a"), read(1, 2, "a"), write(3, 4, "b"), read(5, 6, "b"), read(7, 8, "a"))
        self.bad(read(0, 1, "a"), write(2, None, "a"))

    def test_a_job_ends_once(self):
        self.good(read(0, 1, ""), read(2, 3, "", False), read(4, 5, "", False))
        self.bad(read(0, 1, "", False), read(2, 3, ""))
        self.bad(cancel(0, 1), read(2, 3, ""))
        self.good(cancel(0, 5), read(2, 3, ""), read(6, 7, "", False))
        self.good(cancel(0, None), read(2, 3, ""))
        self.good(cancel(0, 1), write(2, 3, "a"), read(4, 5, "a", False))

    def test_shows_the_beginning_that_is_wrong(self):
        ops = [write(0, 1, "a"), read(2, 3, "a"), read(4, 5, ""), write(6, 7, "b"), read(8, 9, "b")]
        self.assertEqual(wrong_end(ops, NEW_JOB, job_step), ops[:3])

    def test_random_histories_of_a_true_register_and_of_a_lying_one(self):
        dice = random.Random(7)
        lies = 0
        for _ in range(200):
            ops, value = [], ""
            for moment in range(30):
                # The operation happens at `moment`, its client saw it begin before and end after.
                begin, end = moment - dice.uniform(0, 3), moment + dice.uniform(0, 3)
                if dice.random() < 0.4:
                    value = f"w{moment}"
                    ops.append(write(begin, None if dice.random() < 0.1 else end, value))
                else:
                    ops.append(read(begin, end, value))
            self.good(*ops)
            # One read of what was surely overwritten before the read began.
            writes = [op for op in ops if op.kind == "write" and op.end is not None]
            at = dice.choice([i for i, op in enumerate(ops) if op.kind == "read"])
            old = [op.value for op in writes for over in writes if op.end < over.begin and over.end < ops[at].begin]
            if old:
                ops[at] = ops[at]._replace(value=(dice.choice(old), True))
                self.bad(*ops)
                lies += 1
        self.assertGreater(lies, 100)


if __name__ == "__main__":
    unittest.main(verbosity=2)
