"""PgBouncer in transaction mode, where RDS Proxy stands in the cloud: a connection belongs to a client for one transaction only."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from local.places import LOOPBACK
from local.ports import accepts_connections
from local.postgres import FUNCTION_ROLES, OWNER, give_to_unprivileged, unprivileged
from local.processes import Server, send_signal, start, wait_until_ready

# Any database of the server, so that a test's own is reached as the ledger's is.
# `query_wait_timeout` is the proxy's borrow timeout: seconds a client waits for a connection before it is refused.
_CONFIGURATION = """
[databases]
* = host={host} port={postgres_port}

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = 12
max_client_conn = 1000
query_wait_timeout = 2
query_timeout = 6
server_connect_timeout = 2
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
"""


def start_pgbouncer(directory: Path, port: int, postgres_port: int) -> Server:
    """Starts PgBouncer on `port` before the server on `postgres_port`. Raises StartFailed, or SystemExit if it cannot be had."""
    binary, log = _installed() or _install(), directory / "pgbouncer.log"
    configuration = _configure(directory, port, postgres_port, binary)
    server = start([*unprivileged(), binary, str(configuration)], log)
    wait_until_ready(server, lambda: accepts_connections(port), log)
    return server


def point_pgbouncer(server: Server, directory: Path, port: int, postgres_port: int) -> None:
    """Has the running PgBouncer lead to another server, on `postgres_port`: its clients keep their connections to it, as to RDS Proxy."""
    _configure(directory, port, postgres_port, _installed() or _install())
    send_signal(server.pid, signal.SIGHUP)


def _configure(directory: Path, port: int, postgres_port: int, binary: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    users, configuration = directory / "users.txt", directory / "pgbouncer.ini"
    # Listing a role here admits it; no password is asked of anybody on this machine.
    users.write_text("".join(f'"{role}" ""\n' for role in (OWNER, *FUNCTION_ROLES)))
    configuration.write_text(
        _CONFIGURATION.format(host=LOOPBACK, port=port, postgres_port=postgres_port, users=users)
        + _without_prepared_statements(binary)
    )
    for each in (directory, users, configuration):
        give_to_unprivileged(each)
    return configuration


def _without_prepared_statements(binary: str) -> str:
    """The setting that makes a prepared statement fail here, since it would pin the session in RDS Proxy; before 1.21 it always does."""
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
    return "max_prepared_statements = 0\n" if tuple(map(int, version.split(".")[:2])) >= (1, 21) else ""


def _installed() -> str | None:
    # Debian keeps it in /usr/sbin, which is not on everybody's PATH.
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _install() -> str:
    """Installs Debian's package without letting it start its own service."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (sudo and subprocess.run([*sudo, "true"], check=False, capture_output=True).returncode):
        raise SystemExit("PgBouncer is missing: install the package `pgbouncer` (1.18 or later), then run this again")
    print("Installing pgbouncer with apt-get", flush=True)
    script = Path(__file__).with_name("install_pgbouncer.sh")
    subprocess.run([*sudo, "sh", str(script)], check=True)
    return _installed() or "pgbouncer"
