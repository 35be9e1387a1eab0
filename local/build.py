"""Builds the functions natively with plain cargo and lays them out where the template looks for them.

`sam build` (cargo-lambda, zig, a target of its own) is for AWS. Here the functions share their dependencies' artefacts with the tests, so
that each crate is compiled once; and the template is used as it stands, because beside its copy stands functions/<name>/bootstrap.
"""

import json
import shutil
import subprocess
from pathlib import Path

from local.places import INFRASTRUCTURE, REPOSITORY, STATE_MACHINES, TEMPLATE


def function_names() -> list[str]:
    """The functions' directories, which are also their packages' and binaries' names."""
    return sorted(path.parent.name for path in REPOSITORY.glob("functions/*/Cargo.toml"))


def compile_functions() -> None:
    """Compiles all of them, and the KYC provider's simulator, dev profile; cargo reports its progress to the terminal.

    No package is named, here or by the tests: of the same packages, cargo builds every dependency once. Raises CalledProcessError.
    """
    subprocess.run(["cargo", "build", "--locked", "--bins"], cwd=REPOSITORY, check=True)


def kyc_simulator() -> Path:
    """The provider's simulator: `kyc-simulator PORT`."""
    return _target_directory() / "debug" / "kyc-simulator"


def stage(directory: Path) -> Path:
    """Puts copies of the template and of what it names into `directory`: state machines, every function's bootstrap. Returns its path.

    Also the templates of AWS's side, which sam uploads and nothing here deploys.
    """
    target = _target_directory()
    for name in function_names():
        bootstrap = directory / "functions" / name / "bootstrap"
        bootstrap.parent.mkdir(parents=True, exist_ok=True)
        # Without symbols it is a quarter of the size, and zipping and unpacking it a quarter of the time.
        subprocess.run(["strip", "-o", str(bootstrap), str(target / "debug" / name)], check=True)
    for named in (STATE_MACHINES, INFRASTRUCTURE):
        shutil.copytree(named, directory / named.name)
    return Path(shutil.copy(TEMPLATE, directory / "template.yaml"))


def _target_directory() -> Path:
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    metadata = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    return Path(json.loads(metadata)["target_directory"])
