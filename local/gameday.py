"""The game day: the ledger's server is killed while payments commit, its standby is promoted, and every payment is accounted for.

Two acts, in a cloud that is thrown away afterwards. In the first, commits wait for the standby, so nothing that was acknowledged may be
lost. In the second they do not, so some of it is, and reconciliation has to name exactly that before anybody pays again.
docs/gameday.md says what this shows and what it does not.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass

from local.cloud import FRESH
from local.evidence import gate_items, kept_answer, look, rows
from local.payers import Buyer, Payers, Payment, bring_buyers
from local.places import cloud_directory
from local.pooler import point_pgbouncer
from local.ports import free_ports
from local.postgres import answers
from local.reconciliation import reconcile
from local.replication import (
    Missed,
    Standby,
    clone_postgres,
    commits_waiting,
    deaf,
    has_applied_all,
    has_sent_all,
    make_synchronous,
    promote,
    silent,
    wait,
)
from local.state import servers, write_state
from local.verdict import Counts, Loss, count, wrongs, wrongs_of_loss

_PAYMENTS_A_SECOND = 10
# In commit when the server is killed: so many whose WAL has reached the standby, and so many whose WAL has not. Together fewer
# than the pooler has connections and than there are buyers, so that none of them waits for another.
_ARRIVED, _STRANDED = 4, 4
# Acknowledged and lost, in the second act.
_LOST = 10

# The server is asked this often, in seconds, whether it is there, and is given up when it has not answered so many times in a row.
_ASKED_EVERY, _MISSES = 0.2, 3

# Reconciliation judges an item only when nobody can be at work on it. Seconds from one look to the next, and until it must have.
_JUDGED_EVERY, _JUDGED_WITHIN = 10, 300

# How many things that are wrong are shown.
_SHOWN = 40


@dataclass(frozen=True)
class Killed:
    """When the server was: by the monotonic clock, and in seconds since 1970."""

    at: float
    date: float


def play(state: dict, *, short: bool) -> int:
    """Plays both acts in the cloud of this state, or a shorter first one alone; returns 1, having said why, if something does not hold.

    The cloud's ledger is on another server afterwards, and its state says so.
    """
    if not state.get("name", "").startswith(FRESH):
        raise SystemExit("the game day kills the ledger's server, so it has a cloud of its own: make gameday")
    try:
        found = _first_act(state, seconds=3 if short else 10)
        if not short:
            found += _second_act(state)
    except (Missed, RuntimeError) as failed:
        found = [str(failed)]
    for each in found[:_SHOWN]:
        print(f"  WRONG: {each}", file=sys.stderr)
    if found[_SHOWN:]:
        print(f"  WRONG: and {len(found) - _SHOWN} more", file=sys.stderr)
    print("\nThe game day failed." if found else "\nThe game day held what it had to.")
    return int(bool(found))


def _first_act(state: dict, seconds: float) -> list[str]:
    _heading("A standby follows the ledger's server, and no commit is acknowledged without it")
    buyers, primary = bring_buyers(state), state["postgres"]["port"]
    standby = _followed(state)
    make_synchronous(primary)
    print(f"  the server listens on port {primary}, its standby on port {standby.port}: streaming, synchronous")
    _heading(f"{len(buyers)} buyers pay, {_PAYMENTS_A_SECOND} payments a second, and the server is killed in the middle of commits")
    with Payers(buyers, _PAYMENTS_A_SECOND) as payers:
        payers.come()
        # As long as the load before the kill is meant to last.
        time.sleep(seconds)
        killed = _kill_in_commit(state, standby, payers)
        _heading("The standby is promoted, and PgBouncer leads to it")
        _recover(state, standby, payers, killed)
        wait(lambda: not payers.in_doubt(), "what was unknown was not decided")
        payers.stay_away()
        payers.finish()
    _heading("What the clients were told, and what the promoted server holds")
    history = look(state, buyers, payers.payments, (killed.at, killed.date))
    _tell(count(history), payers.payments)
    return wrongs(history)


def _kill_in_commit(state: dict, standby: Standby, payers: Payers) -> Killed:
    """Kills the server while postings wait for the standby: some whose WAL has reached it, though it has not looked, and some whose WAL has not."""
    primary, server = state["postgres"]["port"], servers(state)["postgres"]
    payers.stay_away()
    payers.finish()
    print(f"  {payers.decided()} payments are decided, and none is under way")
    with deaf(standby):
        payers.send(_ARRIVED)
        wait(lambda: commits_waiting(primary) >= _ARRIVED, "the commits do not wait for the standby")
        wait(lambda: has_sent_all(primary), "what was committed was not sent to the standby")
        with silent(primary):
            payers.send(_STRANDED)
            wait(lambda: commits_waiting(primary) >= _ARRIVED + _STRANDED, "the commits do not wait for the standby")
            payers.come()
            waiting, killed = commits_waiting(primary), Killed(time.monotonic(), time.time())
            processes = server.kill_at_once()
    print(f"  {waiting} commits wait for the standby: {_ARRIVED} were sent to it, {waiting - _ARRIVED} were not")
    print(f"  SIGKILL to the server and its {processes - 1} processes")
    return killed


def _recover(state: dict, standby: Standby, payers: Payers, killed: Killed) -> None:
    """What whoever runs such a pair does, a person or a program; and how long it takes until somebody can pay."""
    _wait_for_misses(state["postgres"]["port"])
    noticed = time.monotonic()
    # Dead for certain, and all of it, before another may write.
    servers(state)["postgres"].kill_at_once()
    promote(standby)
    promoted = time.monotonic()
    _take_over(state, standby)
    led = time.monotonic()
    wait(lambda: payers.first_decided_since(killed.at) is not None, "nobody could pay after the failover")
    first = payers.first_decided_since(killed.at) or led
    print(f"  time to recover           {first - killed.at:6.2f} s  from the kill to the first payment decided")
    print(f"    noticed                 {noticed - killed.at:6.2f} s  {_MISSES} calls in a row without an answer, one every {_ASKED_EVERY} s")
    print(f"    promoted                {promoted - noticed:6.2f} s  with all that had reached it")
    print(f"    PgBouncer leads to it   {led - promoted:6.2f} s")
    print(f"    first payment           {first - led:6.2f} s  sent after the kill, posted or declined")


def _second_act(state: dict) -> list[str]:
    _heading("A failover that loses: commits do not wait for the standby, it falls behind, and the server is killed")
    buyers, primary = bring_buyers(state), state["postgres"]["port"]
    standby = _followed(state)
    with Payers(buyers, _PAYMENTS_A_SECOND) as payers:
        payers.come()
        # Some payments before it falls behind, to be told from those after.
        time.sleep(3)
        payers.stay_away()
        payers.finish()
        wait(lambda: has_applied_all(primary), "the standby did not come up with its server")
        before = payers.decided()
        with silent(primary):
            payers.send(_LOST)
            payers.finish()
            servers(state)["postgres"].kill_at_once()
    promote(standby)
    _take_over(state, standby)
    print(f"  {before} payments were decided before it fell behind, {payers.decided() - before} after that")
    _heading("Before anybody pays again, the gate is reconciled against the promoted ledger")
    return _look_at_the_loss(state, buyers, payers.payments)


def _look_at_the_loss(state: dict, buyers: list[Buyer], payments: list[Payment]) -> list[str]:
    kept = map(kept_answer, gate_items(state, payments).values())
    loss = Loss(
        told=_ids(each.answer.body for each in payments if each.answer),
        kept=_ids(body for body in kept if body),
        held=frozenset(each.id for each in rows(state, buyers)),
        named=_named_by_reconciliation(state),
    )
    print(f"  {len(loss.told - loss.held)} payments whose clients were told the outcome are not in the ledger")
    print(f"  {len(loss.named)} of the gate's items are called critical, as gate_without_outcome:")
    for each in sorted(loss.named):
        print(f"    {each}")
    return wrongs_of_loss(loss)


def _named_by_reconciliation(state: dict) -> frozenset[str]:
    """The payments that a run finds an outcome of at the gate, and none in the ledger: of the first run that judges every item."""
    print(f"  items that somebody may be at work on are not judged: reconciling every {_JUDGED_EVERY} s until there are none")
    deadline = time.monotonic() + _JUDGED_WITHIN
    while True:
        gate = next(section for section in reconcile(state)["sections"] if section["name"] == "gate")
        if "failed" in gate:
            raise RuntimeError(f"the gate was not reconciled: {gate['failed']}")
        young = gate["counts"].get("young", 0)
        if not young:
            break
        if time.monotonic() > deadline:
            raise Missed("reconciliation must judge every item when its lease has been over for a minute")
        # Leases have to end by themselves: that they do is what is played.
        time.sleep(_JUDGED_EVERY)
    found = [each for each in gate["findings"] if each["what"] == "gate_without_outcome" and each["severity"] == "critical"]
    return frozenset(each["subject"] for each in found)


def _followed(state: dict) -> Standby:
    """A new standby of the ledger's server."""
    (port,) = free_ports(1)
    standby = clone_postgres(cloud_directory(state["name"]) / f"standby-{port}", port, state["postgres"]["port"])
    # Whatever happens next, taking the cloud down finds it.
    state["processes"]["standby"] = asdict(standby.server)
    write_state(state["name"], state)
    return standby


def _take_over(state: dict, standby: Standby) -> None:
    """The promoted standby is the ledger's server, for the pooler and for whoever reads the cloud's state."""
    state["processes"]["postgres"] = state["processes"].pop("standby")
    state["postgres"]["port"] = standby.port
    write_state(state["name"], state)
    directory = cloud_directory(state["name"]) / "pgbouncer"
    point_pgbouncer(servers(state)["pgbouncer"], directory, state["pgbouncer"]["port"], standby.port)


def _wait_for_misses(port: int) -> None:
    misses = 0
    while True:
        misses = 0 if answers(port) else misses + 1
        if misses == _MISSES:
            return
        # As a health check asks: at intervals, and not in a storm.
        time.sleep(_ASKED_EVERY)


def _tell(counts: Counts, payments: list[Payment]) -> None:
    attempts = sum(len(each.attempts) for each in payments)
    print(f"  {len(payments)} payments in {attempts} requests: {counts.posted} posted, {counts.declined} declined, {counts.undecided} undecided")
    print(f"  {counts.unknown} had an unknown outcome on the way, {counts.in_commit} of them when the server was killed")
    print(f"    {counts.found} were in the promoted ledger already: their retries got that answer, and posted nothing")
    print(f"    {counts.anew} were not: their retries posted or declined them")
    print(f"  acknowledged and lost: {counts.lost}; decided twice: {counts.duplicates}")
    print("  every payment was asked for once more, with its item at the gate deleted: compared byte by byte")


def _ids(bodies) -> frozenset[str]:
    return frozenset(json.loads(each)["id"] for each in bodies)


def _heading(text: str) -> None:
    print(f"\n{text}")
