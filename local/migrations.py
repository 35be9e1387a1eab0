"""Who owns the database, and the migrations. A deployment applies them, by functions/migrate; a database without a cloud gets them here."""

import hashlib
import re
from pathlib import Path

from local.places import MIGRATIONS, REPOSITORY
from local.postgres import DATABASE, OWNER, SUPERUSER, psql

_CREATE_OWNER = f"CREATE ROLE {OWNER} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS"
_CREATE_DATABASE = f"CREATE DATABASE {DATABASE} OWNER {OWNER}"
# The function's own: the lock, and the record of what was applied.
_PREPARE = REPOSITORY / "functions" / "migrate" / "src" / "prepare.sql"


def create_database(port: int) -> None:
    """Creates the owner and its database if they are missing: the one thing that is done as superuser."""
    for create, exists in (
        (_CREATE_OWNER, f"SELECT 1 FROM pg_roles WHERE rolname = '{OWNER}'"),
        (_CREATE_DATABASE, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"),
    ):
        found = psql(port, SUPERUSER, "-tAc", exists, database="postgres", capture_output=True).stdout
        if not found.strip():
            psql(port, SUPERUSER, "-c", create, database="postgres")


def migrate_empty_database(port: int) -> None:
    """Applies them all as the owner, in one transaction, with the record that functions/migrate keeps. Raises CalledProcessError."""
    steps = ["-f", str(_PREPARE)]
    for path in _files():
        record = f"INSERT INTO public.applied_migrations (file, sha256) VALUES ('{path.name}', '{_sha256(path.read_bytes())}')"
        steps += ["-f", str(path), "-c", record]
    psql(port, OWNER, "-1", "-o", "/dev/null", *steps)


def check_version(template: Path) -> None:
    """Raises SystemExit unless the template names the migrations as they are: otherwise a deployment would not apply a new one."""
    files = _files()
    lines = "".join(f"{path.name} {_sha256(path.read_bytes())}\n" for path in files)
    version = f"{files[-1].name[:4]}-{_sha256(lines.encode())[:16]}"
    if not re.search(rf'^      Version: "{version}"$', template.read_text(), re.MULTILINE):
        raise SystemExit(f'migrations/ has changed: write Version: "{version}" under Migrations in {template.name}')


def _files() -> list[Path]:
    return sorted(MIGRATIONS.glob("*.sql"))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
