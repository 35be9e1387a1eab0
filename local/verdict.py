"""Was every payment kept, once, and told as it is? Compares what clients were told with what the promoted ledger holds; asks nobody itself."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

POSTED, DECLINED = 201, 402


@dataclass(frozen=True)
class Told:
    """An intent, and what its client was told of it."""

    # The payment's description; no other intent has it.
    name: str
    tenant: str
    source: str
    destination: str
    # Minor units.
    amount: int
    # Of the decision; 0 if there was none, however often it was asked for.
    status: int
    body: bytes
    # Whether the decision was marked as the repetition of an earlier one.
    replayed: bool
    # How many attempts left it open whether the money had moved.
    unknown: int
    # Whether such an attempt was under way when the server was killed.
    in_commit: bool
    # What the gate kept as the answer; None if it had kept none.
    kept: bytes | None
    # Status and body of the same request, sent once more when the gate had forgotten it.
    again: tuple[int, bytes]

    @property
    def id(self) -> str:
        """The payment's; empty if there is none."""
        try:
            return json.loads(self.body)["id"]
        except (ValueError, KeyError, TypeError):
            return ""


@dataclass(frozen=True)
class Row:
    """A payment as the promoted ledger holds it."""

    id: str
    name: str
    tenant: str
    source: str
    destination: str
    amount: int
    outcome: str
    # Seconds since 1970, by the clock of the server that decided it.
    created_at: float
    # Account, side and amount of each.
    entries: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Account:
    """An account, in minor units."""

    id: str
    # Before the first payment.
    paid_in: int
    # As the API shows it.
    balance: int
    # The sum of its entries in the promoted ledger.
    entries: int


@dataclass(frozen=True)
class History:
    """All that was told, and all that is there."""

    told: tuple[Told, ...]
    # Before anything was asked for again, and after.
    rows: tuple[Row, ...]
    rows_afterwards: tuple[Row, ...]
    accounts: tuple[Account, ...]
    # The sum of all entries of these merchants' transactions.
    total: int
    # When the server was killed, in seconds since 1970.
    killed_at: float


@dataclass(frozen=True)
class Counts:
    """What there was of each."""

    posted: int
    declined: int
    # Intents of which some attempt had an unknown outcome; of these, in commit when the server was killed …
    unknown: int
    in_commit: int
    # … and of these, how many the standby already held, and how many it had never heard of.
    found: int
    anew: int
    undecided: int
    lost: int
    duplicates: int


def count(history: History) -> Counts:
    """The figures, as they are."""
    held = {row.id: row for row in history.rows}
    in_commit = [told for told in history.told if told.in_commit and told.id in held]
    found = sum(_is_older(held[told.id], history) for told in in_commit)
    return Counts(
        posted=sum(told.status == POSTED for told in history.told),
        declined=sum(told.status == DECLINED for told in history.told),
        unknown=sum(told.unknown > 0 for told in history.told),
        in_commit=sum(told.in_commit for told in history.told),
        found=found,
        anew=len(in_commit) - found,
        undecided=sum(not told.status for told in history.told),
        lost=sum(told.status > 0 and told.id not in held for told in history.told),
        duplicates=len(history.rows) - len({row.name for row in history.rows}),
    )


def wrongs(history: History) -> list[str]:
    """What does not hold, a sentence each; none if all does."""
    checks = (_undecided, _not_as_told, _twice, _unasked, _answered_otherwise, _changed, _posted_anew, _balances, _proves_nothing)
    return [wrong for check in checks for wrong in check(history)]


def _undecided(history: History) -> Iterator[str]:
    for told in history.told:
        if not told.status:
            yield f"{told.name}: never decided, after {told.unknown} attempts with an unknown outcome"
        elif told.status not in (POSTED, DECLINED):
            yield f"{told.name}: answered {told.status}, which says nothing of such a payment: {told.body!r}"


def _not_as_told(history: History) -> Iterator[str]:
    held = {row.id: row for row in history.rows}
    for told in history.told:
        if told.status not in (POSTED, DECLINED):
            continue
        row = held.get(told.id)
        if row is None:
            yield f"{told.name}: lost; the client was told {told.status}, and the ledger does not know it"
            continue
        asked = (told.name, told.tenant, told.source, told.destination, told.amount)
        if asked != (row.name, row.tenant, row.source, row.destination, row.amount):
            yield f"{told.name}: the ledger holds another payment under its id: {row}"
        if (told.status == POSTED) != (row.outcome == "posted"):
            yield f"{told.name}: the client was told {told.status}, and the ledger says {row.outcome}"
        sides = [(told.source, "DEBIT", told.amount), (told.destination, "CREDIT", told.amount)]
        if sorted(row.entries) != (sorted(sides) if row.outcome == "posted" else []):
            yield f"{told.name}: {row.outcome}, with the entries {row.entries}"


def _twice(history: History) -> Iterator[str]:
    for what, values in (("intent", (row.name for row in history.rows)), ("id", (row.id for row in history.rows))):
        for value, times in Counter(values).items():
            if times > 1:
                yield f"{value}: decided {times} times under one {what}"


def _unasked(history: History) -> Iterator[str]:
    ids = {told.id for told in history.told}
    for row in history.rows:
        if row.id not in ids:
            yield f"{row.name}: the ledger holds {row.id}, {row.outcome}, of which no client was told"


def _answered_otherwise(history: History) -> Iterator[str]:
    for told in history.told:
        if not told.status:
            continue
        if told.kept is not None and told.kept != told.body:
            yield f"{told.name}: the gate keeps other bytes than the client was given: {told.kept!r}, not {told.body!r}"
        if told.again != (told.status, told.body):
            yield f"{told.name}: without the gate, the ledger answers {told.again}, and not {(told.status, told.body)}"


def _changed(history: History) -> Iterator[str]:
    """Who asks again must not move anything."""
    for row in sorted({*history.rows_afterwards} ^ {*history.rows}, key=lambda row: row.name):
        yield f"{row.name}: {row.id} is in the ledger only {'since' if row in history.rows_afterwards else 'until'} everything was asked for again"


def _posted_anew(history: History) -> Iterator[str]:
    """What had reached the standby must be found there by its retry."""
    held = {row.id: row for row in history.rows}
    for told in history.told:
        row = held.get(told.id)
        if row and told.in_commit and _is_older(row, history) and not told.replayed:
            yield f"{told.name}: decided before the server was killed, and its retry was told that it was decided anew"


def _balances(history: History) -> Iterator[str]:
    moved: Counter[str] = Counter()
    for told in history.told:
        if told.status == POSTED:
            moved[told.source] -= told.amount
            moved[told.destination] += told.amount
    for account in history.accounts:
        expected = account.paid_in + moved[account.id]
        if not account.balance == account.entries == expected:
            yield f"account {account.id}: its balance is {account.balance}, its entries sum to {account.entries}, clients were told {expected}"
    if history.total:
        yield f"all entries together sum to {history.total}, and not to zero"


def _proves_nothing(history: History) -> Iterator[str]:
    """A server that was killed while nothing happened shows nothing."""
    counts = count(history)
    if not counts.in_commit:
        yield "this proves nothing: no outcome was unknown when the server was killed"
    elif not counts.found:
        yield "this proves little: of what was in commit, nothing had reached the standby"
    elif not counts.anew:
        yield "this proves little: of what was in commit, all had reached the standby"


def _is_older(row: Row, history: History) -> bool:
    """Than the promoted server's rule: only the killed one can have decided it."""
    return row.created_at < history.killed_at


@dataclass(frozen=True)
class Loss:
    """After a failover that loses: payments by their ids."""

    # What clients were told the outcome of.
    told: frozenset[str]
    # What the gate keeps an outcome of.
    kept: frozenset[str]
    # What the promoted ledger holds.
    held: frozenset[str]
    # What reconciliation calls critical, because the gate has an outcome and the ledger has none.
    named: frozenset[str]


def wrongs_of_loss(loss: Loss) -> list[str]:
    """What does not hold, a sentence each: reconciliation has to name all that was lost, and nothing else."""
    lost = loss.kept - loss.held
    found = [f"{each}: acknowledged and lost, and the gate says nothing of it" for each in sorted(loss.told - loss.held - loss.kept)]
    found += [f"{each}: lost, and reconciliation does not name it" for each in sorted(lost - loss.named)]
    found += [f"{each}: named by reconciliation, and not lost" for each in sorted(loss.named - lost)]
    if not loss.told - loss.held:
        found.append("this proves nothing: nothing that was acknowledged was lost")
    return found
