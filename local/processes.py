"""Starting and ending a cloud's servers. Each leads a process group of its own, so ending it ends what it started."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


class StartFailed(Exception):
    """A server ended, or did not answer in time; the message carries the end of its log."""


@dataclass(frozen=True)
class Server:
    """A running server: `born` (kernel clock ticks since boot) tells it from a later process that got the same pid."""

    pid: int
    born: int

    def alive(self) -> bool:
        return _birth(self.pid) == self.born

    def stop(self, polite: signal.Signals = signal.SIGTERM, grace: float = 5.0) -> None:
        """Asks the leader to end, waits up to `grace` seconds, then kills its whole group, the paused and orphaned members too."""
        if self.alive():
            os.kill(self.pid, polite)
            _wait_until(lambda: not self.alive(), grace)
        if _birth(self.pid) in (None, self.born):
            _kill_group(self.pid)
        _wait_until(lambda: not self.alive(), grace)

    def kill_at_once(self, grace: float = 5.0) -> int:
        """Ends the leader and what it started in one blow, as a power cut would: nobody gets to finish or to say anything.

        Returns how many there were. They have all gone then; RuntimeError if they have not within `grace` seconds.
        """
        if not self.alive():
            return 0
        # Paused, it neither starts any more nor hears that the first of them has died.
        send_signal(self.pid, signal.SIGSTOP)
        _wait_until(lambda: _fields(self.pid)[:1] == ["T"], grace)
        family = [self.pid, *children_of(self.pid)]
        for each in family:
            send_signal(each, signal.SIGKILL)
        if not _wait_until(lambda: all(_birth(each) is None for each in family), grace):
            raise RuntimeError(f"process {self.pid} and its children could not be killed")
        return len(family)


def start(command: list[str], log: Path, environment: dict[str, str] | None = None, directory: Path | None = None) -> Server:
    """Starts `command` in a session of its own, out of reach of the terminal's Ctrl-C; its output goes to `log`."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=directory, start_new_session=True
        )
    return Server(child.pid, _birth(child.pid) or 0)


def wait_until_ready(server: Server, ready, log: Path, seconds: float = 30.0) -> None:
    """Returns once `ready()` holds. Raises StartFailed when the server ends before, or `seconds` pass; it is stopped on any exception."""
    try:
        _wait_until(lambda: ready() or not server.alive(), seconds)
        if not server.alive() or not ready():
            tail = log.read_text(errors="replace").splitlines()[-15:]
            raise StartFailed("\n".join([f"did not start; the end of {log}:", *tail]))
    except BaseException:
        server.stop()
        raise


def children_of(pid: int) -> list[int]:
    """The processes that `pid` has started and that are still there."""
    every = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [each for each in every if _fields(each)[1:2] == [str(pid)]]


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signals a process, which may have gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _wait_until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def _birth(pid: int) -> int | None:
    """When process `pid` began, or None if there is none (a zombie counts as none: it holds nothing)."""
    fields = _fields(pid)
    if not fields:
        return None
    state, start_time = fields[0], fields[19]
    if state == "Z":
        _reap(pid)
        return None
    return int(start_time)


def _fields(pid: int) -> list[str]:
    """What the kernel says of a process: its state, its parent, and what /proc/<pid>/stat has besides. Empty if there is none."""
    try:
        # The second field is the program's name in parentheses and may hold anything; what follows the last one is regular.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass
