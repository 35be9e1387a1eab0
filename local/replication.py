"""A second PostgreSQL server that follows the ledger's: cloned from it, kept in step or held back, and promoted when it is needed."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.places import LOOPBACK
from local.postgres import BINARIES, SUPERUSER, give_to_unprivileged, psql, start_postgres, unprivileged
from local.processes import Server, send_signal

# What the standby calls itself, so that the server knows whom its commits wait for.
_NAME = "standby"

_FOLLOWER = f"FROM pg_stat_replication WHERE application_name = '{_NAME}' AND state = 'streaming'"

# Longer than anything takes that comes at all, also on a busy machine.
_PATIENCE_SECONDS = 180.0


class Missed(Exception):
    """The moment did not come; the message says which."""


@dataclass(frozen=True)
class Standby:
    """A server that follows another, and where it listens."""

    server: Server
    port: int


def wait(condition: Callable[[], bool], otherwise: str) -> None:
    """Returns once `condition()` holds. Raises Missed with `otherwise` if it does not in minutes."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Missed(otherwise)
        time.sleep(0.02)


def clone_postgres(directory: Path, port: int, primary_port: int) -> Standby:
    """Copies the running server on `primary_port` to `directory`/data, and starts the copy on `port`. It follows, and nobody waits for it yet."""
    data = directory / "data"
    # A server refuses a directory that others may look into.
    data.mkdir(parents=True, mode=0o700)
    give_to_unprivileged(data)
    primary = f"host={LOOPBACK} port={primary_port} user={SUPERUSER} application_name={_NAME}"
    copy = [str(BINARIES / "pg_basebackup"), "-d", primary, "-D", str(data), "-X", "stream", "-c", "fast", "-R"]
    subprocess.run([*unprivileged(), *copy], check=True, stdout=subprocess.DEVNULL, cwd="/")
    standby = Standby(start_postgres(directory, port), port)
    try:
        wait(lambda: _ask(primary_port, f"SELECT count(*) {_FOLLOWER}") == "1", "the standby does not follow")
    except BaseException:
        standby.server.kill_at_once()
        raise
    return standby


def make_synchronous(primary_port: int) -> None:
    """From now on no commit is acknowledged before the standby has it on its disk. Without the standby, none is."""
    # Only that and not more: `remote_apply` would add nothing to what survives.
    _ask(primary_port, f"ALTER SYSTEM SET synchronous_standby_names = '{_NAME}'")
    _ask(primary_port, "SELECT pg_reload_conf()")
    wait(lambda: _ask(primary_port, f"SELECT sync_state {_FOLLOWER}") == "sync", "the standby does not become synchronous")


def has_sent_all(primary_port: int) -> bool:
    """Whether all WAL of the server has left for the standby, which need not have read it."""
    return _ask(primary_port, f"SELECT sent_lsn >= pg_current_wal_flush_lsn() {_FOLLOWER}") == "t"


def has_applied_all(primary_port: int) -> bool:
    """Whether the standby shows all that the server has committed."""
    return _ask(primary_port, f"SELECT replay_lsn >= pg_current_wal_flush_lsn() {_FOLLOWER}") == "t"


def commits_waiting(primary_port: int) -> int:
    """How many postings have committed on the server's disk, and are not acknowledged, because the standby has said nothing yet."""
    return int(_ask(primary_port, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'poster' AND wait_event = 'SyncRep'"))


@contextmanager
def deaf(standby: Standby) -> Iterator[None]:
    """The standby reads nothing of what it is sent. What was sent meanwhile is read at the end, whatever has become of the sender."""
    with _paused(standby.port, "SELECT pid FROM pg_stat_wal_receiver"):
        yield


@contextmanager
def silent(primary_port: int) -> Iterator[None]:
    """The server sends its standby nothing."""
    with _paused(primary_port, f"SELECT pid {_FOLLOWER}"):
        yield


def promote(standby: Standby) -> None:
    """Makes the standby the server, with all that it was sent. The one it followed must be dead: two that write would be two ledgers."""
    wait(lambda: _ask(standby.port, "SELECT count(*) FROM pg_stat_wal_receiver") == "0", "the standby still reads from its server")
    # It waits for the end of the recovery, and says false if that takes longer than this many seconds.
    if _ask(standby.port, f"SELECT pg_promote(true, {int(_PATIENCE_SECONDS)})") != "t":
        raise Missed("the standby was not promoted")


@contextmanager
def _paused(port: int, which: str) -> Iterator[None]:
    """The process that the query names stands still."""
    wait(lambda: _ask(port, which) != "", f"there is no process to pause: {which}")
    pid = int(_ask(port, which))
    send_signal(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        send_signal(pid, signal.SIGCONT)


def _ask(port: int, query: str) -> str:
    return psql(port, SUPERUSER, "-tAc", query, capture_output=True).stdout.strip()
