"""Kills a function at its most awkward moment: the ledger has committed, and nobody has been told."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from local.api import Answer
from local.cloud import function_processes
from local.emulator import client
from local.places import LOOPBACK
from local.postgres import BINARIES, DATABASE, SUPERUSER, psql

# Within this, since a statement waits for a lock no longer than three seconds.
_PATIENCE_SECONDS = 2.5

_WAITING = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'poster' AND wait_event_type = 'Lock'"


class Missed(Exception):
    """The moment did not come; the message says which."""


def killed_after_commit(state: dict, account: str, send) -> tuple[Answer, int]:
    """Calls `send`, a payment from `account`, in a thread; returns what its caller got, and how many processes of Authorize were killed.

    The account's lock, held from outside, stops the statement in the middle of its transaction. Then the function is paused, the lock is
    given back, the database commits, and the function dies without having read the answer. Raises Missed if it went any other way.
    """
    port, paused = state["postgres"]["port"], []
    before = _transactions(port, account)
    with ThreadPoolExecutor(1) as thread:
        try:
            with _locked(port, account):
                answer = thread.submit(send)
                _wait(lambda: _holds(port, _WAITING), "the posting never came to wait for the account's lock")
                paused = function_processes(state, "Authorize")
                _signal(paused, signal.SIGSTOP)
            _wait(lambda: _transactions(port, account) > before, "the ledger did not commit the posting")
        finally:
            _signal(paused, signal.SIGKILL)
        return answer.result(), len(paused)


def gate_status(state: dict, key) -> str:
    """What the gate holds for a client's key: PENDING, PROCESSING, COMPLETE or nothing."""
    found = client("dynamodb", state["aws"]["port"]).scan(
        TableName=state["gate_table"], FilterExpression="sk = :key", ExpressionAttributeValues={":key": {"S": f"key#{key}"}}
    )
    return "".join(item["status"]["S"] for item in found["Items"]) or "nothing"


@contextmanager
def _locked(port: int, account: str):
    """Holds the account's row lock in a session of its own, and rolls back at the end."""
    command = [str(BINARIES / "psql"), "-XqtA", "-h", LOOPBACK, "-p", str(port), "-U", SUPERUSER, "-d", DATABASE]
    session = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        session.stdin.write(f"BEGIN; SELECT 'locked' FROM ledger.accounts WHERE account_id = '{account}' FOR UPDATE;\n")
        session.stdin.flush()
        if session.stdout.readline() != "locked\n":
            raise Missed("the account's lock was not to be had")
        yield
    finally:
        # At the end of its input psql leaves, and the server rolls back.
        session.communicate()


def _transactions(port: int, account: str) -> int:
    """How many transactions the ledger holds that debited the account, or refused to."""
    query = f"SELECT count(*) FROM ledger.ledger_transactions WHERE source = '{account}'"
    return int(psql(port, "auditor", "-tAc", query, capture_output=True).stdout)


def _holds(port: int, query: str) -> bool:
    return psql(port, SUPERUSER, "-tAc", query, capture_output=True).stdout.strip() == "t"


def _wait(condition, otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Missed(otherwise)
        time.sleep(0.01)


def _signal(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            pass
