"""A cloud for one command: on free ports, gone when the command is, however it ends."""

import os
import signal
import subprocess

from local.cloud import FRESH, remove, sweep, up, up_database
from local.places import cloud_directory
from local.state import FILE


def in_fresh_cloud(command: list[str], *, database_only: bool = False) -> int:
    """Runs `command` with ONCELEDGER_CLOUD naming the state file of a new cloud, whole or its database only; returns its exit code."""
    sweep()
    name = f"{FRESH}{os.getpid()}"
    try:
        # The tests say when events go out, and when what waits is woken.
        up_database(name) if database_only else up(name, silent=True)
        return _run(command, {"ONCELEDGER_CLOUD": str(cloud_directory(name) / FILE)})
    finally:
        # A second Ctrl-C must not leave half of it standing.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        remove(name)


def _run(command: list[str], environment: dict[str, str]) -> int:
    # In a session of its own, so that all it started can be ended with it.
    child = subprocess.Popen(command, env=os.environ | environment, start_new_session=True)
    try:
        return child.wait()
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
