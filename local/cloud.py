"""A cloud's life: up, deployed, down, gone. Several stand side by side; each has a name, a directory and ports of its own."""

import hashlib
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from local.build import compile_functions, function_names, kyc_simulator, stage
from local.cluster import register_cluster
from local.deployment import Database, deploy, deployed_functions, outputs, resources
from local.emulator import endpoint, start_emulator
from local.identity import Issuer, deploy_issuer
from local.migrations import check_version, create_database, migrate_empty_database
from local.operators import create_operators
from local.places import ADMIN_KEY_ID, ADMIN_SECRET, CLOUDS, LOOPBACK, REGION, TEMPLATE, cloud_directory
from local.pooler import start_pgbouncer
from local.ports import accepts_connections, free_ports
from local.postgres import DATABASE, OWNER, SUPERUSER, start_postgres, stop_postgres
from local.processes import Server, children_of, start, wait_until_ready
from local.state import read_state, servers, write_state

# Clouds of one command are called this and its process id.
FRESH = "fresh-"


def up(name: str, *, silent: bool = False) -> dict:
    """Builds the functions, starts what is not running, deploys what has changed; returns the state, as written to state.json.

    In a `silent` cloud, events wait in the outbox until somebody invokes the poller, and so does what is parked or lost for its functions.
    """
    check_version(TEMPLATE)
    with _step("functions built"):
        compile_functions()
    if not _running(name):
        down(name)
        try:
            _start(name)
        except BaseException:
            down(name)
            raise
    return _deploy(name, read_state(name), silent)


def up_database(name: str) -> None:
    """Starts PostgreSQL and PgBouncer alone, with the migrations applied: neither functions nor an emulator."""
    try:
        _start(name, database_only=True)
    except BaseException:
        down(name)
        raise
    with _step("migrations applied"):
        migrate_empty_database(read_state(name)["postgres"]["port"])


def down(name: str) -> None:
    """Stops this cloud's servers, the functions with them. The ledger stays on disk; the emulator forgets."""
    state = read_state(name)
    for role, server in reversed(servers(state).items()):
        stop_postgres(server) if role in ("postgres", "standby") else server.stop()
    if state:
        write_state(name, {"name": name})


def remove(name: str) -> None:
    """Stops the cloud and removes all that it kept."""
    down(name)
    shutil.rmtree(cloud_directory(name), ignore_errors=True)


def sweep() -> None:
    """Removes the clouds whose command was killed before it could remove them itself."""
    for name in all_clouds():
        if name.startswith(FRESH) and not Path("/proc", name.removeprefix(FRESH)).exists():
            remove(name)


def all_clouds() -> list[str]:
    """The names of the clouds that have a directory."""
    return sorted(path.name for path in CLOUDS.glob("*") if path.is_dir())


def function_processes(state: dict, function: str) -> list[int]:
    """The pids of this cloud's running copies of `function` (its logical name), and of no other cloud's."""
    emulator, name = state["processes"]["emulator"]["pid"], state["functions"][function]["name"]
    named = f"AWS_LAMBDA_FUNCTION_NAME={name}".encode()
    return [pid for pid in children_of(emulator) if named in _environment(pid)]


def _running(name: str) -> bool:
    state = read_state(name)
    return {"issuer", "operators"} <= state.keys() and all(server.alive() for server in servers(state).values())


def _start(name: str, *, database_only: bool = False) -> None:
    directory = cloud_directory(name)
    emulator, postgres, pgbouncer, kyc = free_ports(4)
    state = {
        "name": name,
        "aws": {
            "endpoint": endpoint(emulator),
            "port": emulator,
            "region": REGION,
            "access_key_id": ADMIN_KEY_ID,
            "secret_access_key": ADMIN_SECRET,
        },
        "postgres": {"host": LOOPBACK, "port": postgres, "superuser": SUPERUSER, "owner": OWNER, "database": DATABASE},
        "pgbouncer": {"host": LOOPBACK, "port": pgbouncer, "database": DATABASE},
        "kyc_origin": f"http://{LOOPBACK}:{kyc}",
        "mint_token": [sys.executable, "-m", "local", "--cloud", name, "token"],
        "processes": {},
    }

    def record(role: str, server: Server) -> None:
        # Written at once: whatever happens next, `down` finds it.
        state["processes"][role] = asdict(server)
        write_state(name, state)

    with _step("PostgreSQL and PgBouncer up"):
        record("postgres", start_postgres(directory / "postgres", postgres))
        create_database(postgres)
        record("pgbouncer", start_pgbouncer(directory / "pgbouncer", pgbouncer, postgres))
    if database_only:
        return
    with _step("AWS emulator and KYC simulator up, identities deployed"):
        record("emulator", start_emulator(directory / "emulator", emulator))
        record("kyc", _start_kyc(directory / "kyc.log", kyc))
        state["operators"] = create_operators(emulator)
        state["issuer"] = asdict(deploy_issuer(emulator))
        write_state(name, state)


def _start_kyc(log: Path, port: int) -> Server:
    """The provider that verifies merchants, simulated; it approves until told otherwise (tests/src/kyc_simulator.rs says how)."""
    server = start([str(kyc_simulator()), str(port)], log)
    wait_until_ready(server, lambda: accepts_connections(port), log)
    return server


def _deploy(name: str, state: dict, silent: bool) -> dict:
    """Deploys unless template and functions are the very ones deployed before."""
    build = cloud_directory(name) / "build"
    shutil.rmtree(build, ignore_errors=True)
    template = stage(build)
    digest = f"{_digest(build)} {silent=}"
    emulator = state["aws"]["port"]
    if state.get("deployed") != digest:
        database = Database(state["pgbouncer"]["port"], *register_cluster(emulator, state["postgres"]["port"]))
        with _step("template deployed, migrations applied by it"):
            deploy(template, emulator, database, Issuer(**state["issuer"]), state["kyc_origin"], silent=silent)
        made = outputs(emulator)
        state |= {
            "deployed": digest,
            # No stage and no host name to resolve: routes are appended to this as they stand.
            "api_url": f"{endpoint(emulator)}/_aws/execute-api/{made['ApiId']}",
            "gate_table": made["GateTable"],
            "resources": resources(emulator),
            "functions": {
                logical: function | {"bootstrap": str(build / "functions" / _directory_of(logical) / "bootstrap")}
                for logical, function in deployed_functions(emulator).items()
            },
        }
        write_state(name, state)
    return state


def _directory_of(logical_name: str) -> str:
    """FoldBalances is built from functions/fold-balances."""
    return next(each for each in function_names() if each.replace("-", "") == logical_name.lower())


def _digest(directory: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(each for each in directory.rglob("*") if each.is_file()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _environment(process: int) -> list[bytes]:
    try:
        return Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


@contextmanager
def _step(done: str):
    began = time.monotonic()
    yield
    print(f"  {done} ({time.monotonic() - began:.1f} s)", file=sys.stderr, flush=True)
