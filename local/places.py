"""Where things stand. A cloud's whole state is one directory under .local/clouds; the tools and the repository are shared."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
CLOUDS = REPOSITORY / ".local" / "clouds"
TEMPLATE = REPOSITORY / "template.yaml"
STATE_MACHINES = REPOSITORY / "statemachines"
INFRASTRUCTURE = REPOSITORY / "infrastructure"
IDENTITY_TEMPLATE = REPOSITORY / "local" / "identity.yaml"
MIGRATIONS = REPOSITORY / "migrations"
VENV_BIN = Path(sys.executable).parent

LOOPBACK = "127.0.0.1"
REGION = "eu-west-1"
# The emulator takes this pair for the account's root, as AWS would the root user's keys. It opens nothing outside this machine.
ADMIN_KEY_ID = "test"
ADMIN_SECRET = "test"


def cloud_directory(name: str) -> Path:
    """The directory of the cloud called `name`; it may not exist yet."""
    if not name.replace("-", "").isalnum():
        raise SystemExit(f"a cloud's name is letters, digits and hyphens, not {name!r}")
    return CLOUDS / name
