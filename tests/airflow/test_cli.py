from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

import pytest
from airflow.cli.cli_config import GroupCommand

from sessionize.airflow import cli
from sessionize.airflow.provider import get_provider_info


def run_airflow(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run Airflow's command line in a new process, after some Python."""
    program = f"{before}\nimport sys\nfrom airflow.__main__ import main\nsys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ,
        capture_output=True,
        text=True,
    )


def groups() -> list[GroupCommand]:
    return [GroupCommand(name="dags", help="", subcommands=())]


@pytest.fixture
def parser_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("airflow.cli.cli_parser")
    monkeypatch.setitem(sys.modules, "airflow.cli.cli_parser", module)
    return module


def test_airflow_knows_the_command():
    done = run_airflow("dags", "backfill", "--help")
    assert done.returncode == 0
    assert "--rerun-failed-tasks" in done.stdout


def test_the_hook_adds_to_the_group_and_returns_no_group(parser_module: ModuleType):
    parser_module.airflow_commands = groups()
    assert cli.get_cli_commands() == []
    (group,) = parser_module.airflow_commands
    assert [command.name for command in group.subcommands] == ["backfill"]


def test_an_airflow_that_has_the_command_keeps_its_own(parser_module: ModuleType):
    own = cli.backfill_command()._replace(help="Airflow's own")
    parser_module.airflow_commands = [groups()[0]._replace(subcommands=(own,))]
    assert cli.get_cli_commands() == []
    assert parser_module.airflow_commands[0].subcommands == (own,)


@pytest.mark.parametrize("commands", [None, [], [object()]])
def test_other_internals_leave_the_command_line_as_it_is(parser_module: ModuleType, commands):
    if commands is not None:
        parser_module.airflow_commands = commands
    before = list(commands or [])
    assert cli.get_cli_commands() == []
    assert (commands or []) == before


def test_other_commands_work_without_the_command():
    broken = "import airflow.cli.cli_config as c\nc.lazy_load_command = None\ndel c.positive_int"
    without = run_airflow("dags", "backfill", "--help", before=broken)
    assert without.returncode == 2
    other = run_airflow("dags", "list", "--help", before=broken)
    assert other.returncode == 0


def test_the_provider_points_to_the_hook():
    (hook,) = get_provider_info()["cli"]
    module, _, name = hook.rpartition(".")
    assert getattr(sys.modules[module], name) is cli.get_cli_commands
