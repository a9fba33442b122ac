"""``verify``: what it finds, and the command that it gives."""

from __future__ import annotations

from sessionize.cli import main
from tests.pipeline import scenario

FIRST, SECOND, THIRD, LAST = scenario.HOURS


def test_a_lake_is_verified_and_the_command_that_mends_it_can_be_typed(config, tmp_path, capsys):
    main(["run", "--config", config, "--from", str(FIRST), "--to", str(THIRD)])
    capsys.readouterr()
    assert main(["verify", "--config", config]) == 0
    assert "everything is as the ledgers say" in capsys.readouterr().out
    part = tmp_path / "lake" / "sessions" / SECOND.partition / "part-0.parquet"
    part.write_bytes(bytes(part.stat().st_size))
    assert main(["verify", "--config", config]) == 1
    *_, fault, _, command = capsys.readouterr().out.splitlines()
    assert fault.endswith("part-0.parquet is damaged: its SHA-256 is another one")
    program, arguments = command.split(" run ")
    assert program == "python -m sessionize"
    assert main(["verify", "--config", config, "--to", str(SECOND)]) == 0
    assert main(["run", *arguments.split()]) == 0
    assert main(["verify", "--config", config]) == 0
