"""The game day's verdict finds what is wrong: each test takes a history in which all is well, and spoils it in one place."""

import json
import unittest
from collections.abc import Iterable
from dataclasses import replace

from local.verdict import Account, History, Loss, Row, Told, count, wrongs, wrongs_of_loss

_KILLED_AT = 1000.0


def _told(number: int, status: int = 201, **changes) -> Told:
    """Order `number`, of `number` minor units."""
    body = json.dumps({"id": f"payment {number}", "status": status}).encode()
    told = Told(
        name=f"order {number}",
        tenant="merchant",
        source="buyer",
        destination="till",
        amount=number,
        status=status,
        body=body,
        replayed=False,
        unknown=0,
        in_commit=False,
        kept=body,
        again=(status, body),
    )
    return replace(told, **changes)


def _row(number: int, outcome: str = "posted", created_at: float = _KILLED_AT - 1) -> Row:
    sides = (("buyer", "DEBIT", number), ("till", "CREDIT", number))
    entries = sides if outcome == "posted" else ()
    return Row(f"payment {number}", f"order {number}", "merchant", "buyer", "till", number, outcome, created_at, entries)


_ROWS = (_row(1), _row(2, "insufficient_funds"), _row(3), _row(4, created_at=_KILLED_AT + 20), _row(5, created_at=_KILLED_AT + 3))

# Acknowledged before the server was killed: 1 posted, 2 declined. In commit then: 3 had reached the standby, 4 had not. Afterwards: 5.
_GOOD = History(
    told=(
        _told(1),
        _told(2, 402),
        _told(3, replayed=True, unknown=1, in_commit=True),
        _told(4, unknown=2, in_commit=True),
        _told(5),
    ),
    rows=_ROWS,
    rows_afterwards=_ROWS,
    accounts=(Account("buyer", 100, 87, 87), Account("till", 0, 13, 13)),
    total=0,
    killed_at=_KILLED_AT,
)


def _with_told(number: int, **changes) -> History:
    told = tuple(replace(each, **changes) if each.name == f"order {number}" else each for each in _GOOD.told)
    return replace(_GOOD, told=told)


def _with_row(number: int, **changes) -> History:
    return _with_rows(replace(each, **changes) if each.name == f"order {number}" else each for each in _ROWS)


def _without_row(number: int) -> History:
    return _with_rows(each for each in _ROWS if each.name != f"order {number}")


def _with_rows(rows: Iterable[Row]) -> History:
    rows = tuple(rows)
    return replace(_GOOD, rows=rows, rows_afterwards=rows)


class AHistory(unittest.TestCase):
    def finds(self, history: History, *words: str) -> None:
        """What is found is one sentence for each of these, in which it stands."""
        found = wrongs(history)
        self.assertEqual(len(found), len(words), found)
        for sentence, word in zip(found, words, strict=True):
            self.assertIn(word, sentence)

    def test_in_which_all_is_well_is_found_so_and_counted(self):
        self.finds(_GOOD)
        counts = count(_GOOD)
        self.assertEqual((counts.posted, counts.declined, counts.undecided, counts.lost, counts.duplicates), (4, 1, 0, 0, 0))
        self.assertEqual((counts.unknown, counts.in_commit, counts.found, counts.anew), (2, 2, 1, 1))

    def test_with_an_acknowledged_payment_that_is_not_in_the_ledger_is_wrong(self):
        self.finds(_without_row(1), "order 1: lost")
        self.assertEqual(count(_without_row(1)).lost, 1)

    def test_with_a_lost_refusal_is_wrong(self):
        self.finds(_without_row(2), "order 2: lost")

    def test_with_a_payment_decided_twice_is_wrong(self):
        twice = replace(_row(3, created_at=_KILLED_AT + 20), id="payment 3 again")
        history = replace(_with_rows((*_ROWS, twice)), accounts=(Account("buyer", 100, 84, 84), Account("till", 0, 16, 16)))
        self.finds(history, "order 3: decided 2 times", "of which no client was told", "account buyer", "account till")
        self.assertEqual(count(history).duplicates, 1)

    def test_with_entries_posted_twice_is_wrong(self):
        self.finds(_with_row(1, entries=_row(1).entries * 2), "order 1: posted, with the entries")

    def test_with_half_of_a_payment_is_wrong(self):
        self.finds(_with_row(1, entries=_row(1).entries[:1]), "order 1: posted, with the entries")

    def test_with_entries_of_what_was_declined_is_wrong(self):
        self.finds(_with_row(2, entries=_row(2).entries), "order 2: insufficient_funds, with the entries")

    def test_with_a_payment_of_another_amount_is_wrong(self):
        self.finds(_with_row(1, amount=7, entries=_row(7).entries), "order 1: the ledger holds another payment", "order 1: posted, with")

    def test_with_an_outcome_that_was_not_told_is_wrong(self):
        self.finds(_with_row(2, outcome="posted", entries=_row(2).entries), "told 402, and the ledger says posted")
        self.finds(_with_row(1, outcome="account_frozen", entries=()), "told 201, and the ledger says account_frozen")

    def test_with_an_unknown_outcome_that_no_retry_resolved_is_wrong(self):
        undecided = {"status": 0, "body": b"", "replayed": False, "kept": None, "again": (0, b"")}
        self.finds(_with_told(4, **undecided), "order 4: never decided", "payment 4", "account buyer", "account till", "all had reached")

    def test_with_an_answer_that_no_payment_should_get_is_wrong(self):
        history = _with_told(5, status=404, again=(404, _told(5).body))
        self.finds(history, "order 5: answered 404", "account buyer", "account till")

    def test_with_other_bytes_from_the_ledger_is_wrong(self):
        self.finds(_with_told(1, again=(201, _told(1).body + b" ")), "order 1: without the gate")
        self.finds(_with_told(2, again=(201, _told(2, 402).body)), "order 2: without the gate")

    def test_with_other_bytes_at_the_gate_is_wrong_but_not_without_any(self):
        self.finds(_with_told(1, kept=b"{}"), "order 1: the gate keeps other bytes")
        self.finds(_with_told(1, kept=None))

    def test_in_which_asking_again_posted_something_is_wrong(self):
        lost = replace(_GOOD, rows=_ROWS[1:])
        self.finds(lost, "order 1: lost", "order 1: payment 1 is in the ledger only since")
        self.finds(replace(_GOOD, rows_afterwards=_ROWS[1:]), "order 1: payment 1 is in the ledger only until")

    def test_in_which_a_retry_posted_what_had_reached_the_standby_is_wrong(self):
        self.finds(_with_told(3, replayed=False), "order 3: decided before the server was killed")

    def test_with_a_balance_that_is_not_what_clients_were_told_is_wrong(self):
        for wrong in (Account("buyer", 100, 86, 87), Account("buyer", 100, 87, 86), Account("buyer", 100, 86, 86)):
            self.finds(replace(_GOOD, accounts=(wrong, _GOOD.accounts[1])), "account buyer")

    def test_whose_entries_do_not_sum_to_zero_is_wrong(self):
        self.finds(replace(_GOOD, total=1), "sum to 1")

    def test_in_which_nothing_was_in_commit_proves_nothing(self):
        quiet = replace(_GOOD, told=tuple(replace(each, in_commit=False) for each in _GOOD.told))
        self.finds(quiet, "this proves nothing")

    def test_in_which_only_one_kind_was_in_commit_proves_little(self):
        self.finds(_with_told(3, in_commit=False), "nothing had reached the standby")
        self.finds(_with_told(4, in_commit=False), "all had reached the standby")


class ALoss(unittest.TestCase):
    _GOOD = Loss(told=frozenset("abc"), kept=frozenset("abc"), held=frozenset("a"), named=frozenset("bc"))

    def finds(self, *words: str, **changes: str) -> None:
        found = wrongs_of_loss(replace(self._GOOD, **{name: frozenset(ids) for name, ids in changes.items()}))
        self.assertEqual(len(found), len(words), found)
        for sentence, word in zip(found, words, strict=True):
            self.assertIn(word, sentence)

    def test_that_reconciliation_names_is_as_it_has_to_be(self):
        self.finds()

    def test_that_reconciliation_does_not_name_is_wrong(self):
        self.finds("c: lost, and reconciliation does not name it", named="b")

    def test_that_was_none_is_wrong_if_reconciliation_names_it(self):
        self.finds("a: named by reconciliation, and not lost", named="abc")

    def test_that_the_gate_does_not_know_of_is_wrong(self):
        self.finds("c: acknowledged and lost, and the gate says nothing", kept="ab", named="b")

    def test_of_nothing_proves_nothing(self):
        self.finds("this proves nothing", held="abc", named="")


if __name__ == "__main__":
    unittest.main()
