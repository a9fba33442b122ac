"""Terraform, where it and its provider are to be had."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

MODULE = Path(__file__).parents[2] / "deploy" / "aws"

#: Where providers lie beside the places that Terraform knows, in a layout that it can use.
_MIRRORS = (os.environ.get("TERRAFORM_PLUGIN_DIR", ""), *map(str, Path("/opt").glob("*")))


class Terraform:
    """A copy of the module, with its provider, in a folder of its own."""

    def __init__(self, folder: Path, env: Mapping[str, str], mirror: Iterable[str]) -> None:
        self.folder = folder
        self._env = env
        #: What lets commands run as they are typed, where nobody can answer.
        self.unattended = {
            "TF_CLI_ARGS_apply": "-auto-approve -input=false -no-color",
            "TF_CLI_ARGS_init": " ".join(("-input=false", *mirror)),
        }

    def __call__(self, *arguments: str) -> str:
        """Run a command; return what it printed."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def outputs(self) -> dict[str, Any]:
        return {name: it["value"] for name, it in json.loads(self("output", "-json")).items()}


def terraform_in(folder: Path, **env: str) -> Terraform:
    """Return Terraform with the module's provider in a copy of the module; else skip the test."""
    mirror = _mirror_of_provider()
    shutil.copytree(
        MODULE,
        folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.auto.tfvars.json"),
    )
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    terraform = Terraform(folder, own | {"TF_CLI_ARGS": "-no-color"} | env, mirror)
    terraform("init", "-input=false", "-backend=false", *mirror)
    return terraform


@functools.cache
def _mirror_of_provider() -> tuple[str, ...]:
    """Return the option of `terraform init` with which the provider is found."""
    if shutil.which("terraform") is None:
        _skip("terraform is not installed")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(MODULE / "versions.tf", folder)
        options = [(f"-plugin-dir={path}",) for path in _MIRRORS if _is_mirror(path)]
        for option in (*options, ()):
            command = ("terraform", "init", "-input=false", "-backend=false", *option)
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if done.returncode == 0:
                return option
    _skip(f"terraform cannot get its AWS provider here: {done.stderr.strip()[-300:]}")


def _is_mirror(path: str) -> bool:
    return bool(path) and (Path(path) / "registry.terraform.io/hashicorp/aws").is_dir()


def _skip(why: str) -> Any:
    warnings.warn(f"deploy/aws IS NOT TRIED: {why}", stacklevel=1)
    pytest.skip(why)
