"""What docker-compose.yaml promises that a slip of the pen would take back, without an engine.

`.ci/compose` runs it for real, where there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import dotenv

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "docker-compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
#: They do one thing, and end.
ONCE = {"init", "bucket"}
AIRFLOW = {name for name, service in SERVICES.items() if "sessionize" in service["image"]}
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def variables() -> list[tuple[str, str]]:
    code = "\n".join(line for line in TEXT.splitlines() if not line.lstrip().startswith("#"))
    return re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)(:[?-])?", code)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined_limited_and_watched(name: str):
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"max-size", "max-file"} <= service["logging"]["options"].keys()
    assert {"cpus", "memory"} == service["deploy"]["resources"]["limits"].keys()
    if name in ONCE:
        assert service["restart"] == "no"
    else:
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_this_machine(name: str):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_is_root(name: str):
    image_user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[-1]
    user = str(SERVICES[name].get("user", image_user if name in AIRFLOW else "root"))
    assert user.split(":")[0] not in {"root", "0"}


def test_a_variable_has_a_default_or_is_required_and_then_made():
    assert not [name for name, kind in variables() if not kind]
    required = {name for name, kind in variables() if kind == ":?"}
    made = dict(re.findall(r"^([A-Z_]+)=(.+)$", dotenv.text_of(local=False), re.MULTILINE))
    assert required == made.keys()


def test_no_secret_stands_in_the_file():
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD$|SECRET|KEY|SQL_ALCHEMY_CONN|BROKER_URL|RESULT_BACKEND", key):
                assert value is None or ":?" in value, f"{name}: {key}"


def test_a_worker_can_neither_sign_tokens_nor_reach_airflows_own_settings_of_the_database():
    worker = SERVICES["worker"]["environment"].keys()
    secrets = {"AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
    assert not worker & secrets
    for name in AIRFLOW - {"worker"}:
        assert secrets <= SERVICES[name]["environment"].keys()


def test_images_are_pinned():
    named = re.findall(r"image: \$\{[A-Z]+_IMAGE:-([^}]+)\}", TEXT)
    named += re.findall(r"^ARG PYTHON_IMAGE=(.*)$", DOCKERFILE, re.MULTILINE)
    assert len(named) == 5
    assert all(re.search(r":\d+\.\d+", image) for image in named)
    base = re.findall(r"PYTHON_IMAGE:-([^}]+)\}", TEXT)
    assert base == re.findall(r"^ARG PYTHON_IMAGE=(.*)$", DOCKERFILE, re.MULTILINE)


def test_image_and_package_have_one_version():
    version = re.search(r'^version = "(.*)"$', (REPOSITORY / "pyproject.toml").read_text(), re.M)
    assert version is not None
    assert f"ARG VERSION={version[1]}\n" in DOCKERFILE
    assert f"sessionize-airflow:{version[1]}}}" in TEXT


def test_the_image_is_made_of_the_locks_with_their_hashes():
    for lock in ("requirements-image.txt", "requirements-build.txt"):
        assert re.search(rf"--require-hashes[^&]*-r {lock}", DOCKERFILE)
        text = (REPOSITORY / lock).read_text()
        assert text.count("==") - text.count("python_full_version ==") <= text.count("\n    --hash")


def test_secrets_are_made_once_and_for_their_owner(tmp_path: Path):
    file = tmp_path / ".env"
    assert dotenv.write(file, local=True)
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    assert not dotenv.write(file, local=True)
    assert file.read_bytes() == before
    assert dotenv.text_of(local=False) != dotenv.text_of(local=False)


def test_git_and_the_image_do_not_see_the_secrets():
    asked = subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=REPOSITORY)
    assert asked.returncode == 0
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert "!.env" not in lines


def test_secrets_are_made_with_nothing_but_python(tmp_path: Path):
    """Who runs containers need not have the package's environment."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from local import dotenv"
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(REPOSITORY)], check=True)
