"""The AWS emulator (ministack) as a process of this cloud's own, with nothing of the caller's environment."""

import sys
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

from local.places import ADMIN_KEY_ID, ADMIN_SECRET, LOOPBACK, REGION, REPOSITORY
from local.processes import Server, start, wait_until_ready


def start_emulator(directory: Path, port: int) -> Server:
    """Starts the emulator on `port`; what it writes stays under `directory`. Raises StartFailed."""
    log, scratch = directory / "emulator.log", directory / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    # Functions inherit all of this, so it is complete: nothing leaks in from whoever ran make.
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
        "TMPDIR": str(scratch),
        "STATE_DIR": str(directory / "state"),
        "S3_DATA_DIR": str(directory / "s3"),
        "PYTHONPATH": str(REPOSITORY),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "AWS_ENDPOINT_URL": endpoint(port),
        "AWS_ACCESS_KEY_ID": ADMIN_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET,
        "MINISTACK_REGION": REGION,
        # Execution roles are enforced: a function without a permission gets AccessDenied, as in AWS.
        "AUTH": "true",
        # A sign-in whose trigger fails gives no token, as in AWS.
        "MINISTACK_COGNITO_PRETOKEN_STRICT": "1",
        # AWS's own default; the emulator would otherwise derive one from this machine's memory.
        "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
        # Otherwise it listens on every interface for IoT devices.
        "IOT_MTLS_ENABLED": "0",
    }
    server = start([sys.executable, "-m", "local.emulator_process"], log, environment, directory)
    wait_until_ready(server, lambda: _healthy(port), log)
    return server


def endpoint(port: int) -> str:
    """The address of every AWS service of the emulator on `port`."""
    return f"http://{LOOPBACK}:{port}"


def client(service: str, port: int, config: Config | None = None):
    """A boto3 client for `service`, as the account's root."""
    return boto3.client(
        service,
        endpoint_url=endpoint(port),
        region_name=REGION,
        aws_access_key_id=ADMIN_KEY_ID,
        aws_secret_access_key=ADMIN_SECRET,
        config=config,
    )


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint(port)}/_ministack/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
