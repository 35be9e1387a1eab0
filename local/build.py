"""Builds the functions natively with plain cargo and lays them out where the template looks for them.

`sam build` (cargo-lambda, zig, a target of its own) is for AWS. Here the functions share their dependencies' artefacts with the tests, so
that each crate is compiled once; and the template is used as it stands, because beside its copy stands functions/<name>/bootstrap.
"""

import json
import shutil
import subprocess
from pathlib import Path

from local.places import REPOSITORY, TEMPLATE


def function_names() -> list[str]:
    """The functions' directories, which are also their packages' and binaries' names."""
    return sorted(path.parent.name for path in REPOSITORY.glob("functions/*/Cargo.toml"))


def compile_functions() -> None:
    """Compiles all of them, dev profile; cargo reports its progress to the terminal. Raises CalledProcessError."""
    packages = [argument for name in function_names() for argument in ("--package", name)]
    subprocess.run(["cargo", "build", "--locked", *packages], cwd=REPOSITORY, check=True)


def stage(directory: Path) -> Path:
    """Puts a copy of the template and every function's bootstrap into `directory`; returns the copy's path."""
    target = _target_directory()
    for name in function_names():
        bootstrap = directory / "functions" / name / "bootstrap"
        bootstrap.parent.mkdir(parents=True, exist_ok=True)
        # Without symbols it is a quarter of the size, and zipping and unpacking it a quarter of the time.
        subprocess.run(["strip", "-o", str(bootstrap), str(target / "debug" / name)], check=True)
    return Path(shutil.copy(TEMPLATE, directory / "template.yaml"))


def _target_directory() -> Path:
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    metadata = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    return Path(json.loads(metadata)["target_directory"])
