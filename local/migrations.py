"""Applies migrations/*.sql once each, in order, each in a transaction of its own, as the role that owns the database."""

import hashlib
from pathlib import Path

from local.places import MIGRATIONS
from local.postgres import DATABASE, OWNER, SUPERUSER, psql

_CREATE_OWNER = f"CREATE ROLE {OWNER} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS"
_CREATE_DATABASE = f"CREATE DATABASE {DATABASE} OWNER {OWNER}"
_CREATE_RECORD = """
CREATE TABLE IF NOT EXISTS public.applied_migrations (
    file text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


def create_database(port: int) -> None:
    """Creates the owner and its database if they are missing: the one thing that is done as superuser."""
    for create, exists in (
        (_CREATE_OWNER, f"SELECT 1 FROM pg_roles WHERE rolname = '{OWNER}'"),
        (_CREATE_DATABASE, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"),
    ):
        found = psql(port, SUPERUSER, "-tAc", exists, database="postgres", capture_output=True).stdout
        if not found.strip():
            psql(port, SUPERUSER, "-c", create, database="postgres")


def migrate(port: int) -> list[str]:
    """Applies what is new and returns its file names. Raises SystemExit if a file that was applied has changed since."""
    psql(port, OWNER, "-c", "SET client_min_messages = warning", "-c", _CREATE_RECORD)
    listing = psql(port, OWNER, "-tAF", " ", "-c", "SELECT file, sha256 FROM public.applied_migrations", capture_output=True).stdout
    applied = dict(line.split() for line in listing.splitlines())
    return [path.name for path in sorted(MIGRATIONS.glob("*.sql")) if _apply(path, applied.get(path.name), port)]


def _apply(path: Path, recorded: str | None, port: int) -> bool:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if recorded == digest:
        return False
    if recorded is not None:
        raise SystemExit(
            f"migrations/{path.name} is not the file that was applied to this database: put it back and add a new migration,"
            " or `make clean` to start with an empty ledger"
        )
    record = f"INSERT INTO public.applied_migrations (file, sha256) VALUES ('{path.name}', '{digest}')"
    psql(port, OWNER, "-1", "-o", "/dev/null", "-c", "SET client_min_messages = warning", "-f", str(path), "-c", record)
    return True
