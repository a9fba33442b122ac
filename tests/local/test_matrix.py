"""The matrix says what was tried and what was not; what it tries is `make test-matrix`."""

from __future__ import annotations

import re

import pytest

from local import matrix
from local.environment import REPOSITORY
from local.matrix import CELLS, Cell
from local.mwaa import AIRFLOW


def test_a_python_that_is_not_there_is_a_row_of_its_own_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(matrix, "CELLS", (Cell("9.99", "9.99"),))
    assert matrix.main([]) == 1
    assert re.search(r"^9\.99 +9\.99 +NO SUCH PYTHON HERE", capsys.readouterr().out, re.MULTILINE)


def test_an_environment_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]):
    assert matrix.main(["3.10"]) == 2
    assert "3.11, 3.12, 3.13, mwaa" in capsys.readouterr().out


def test_without_pins_all_of_the_lock_counts_with_them_what_they_leave_open():
    lock = (REPOSITORY / "requirements-dev.txt").read_text()
    whole = matrix._constraints(CELLS[0]).splitlines()
    assert len(whole) == len(re.findall(r"^\S+==", lock, re.MULTILINE))
    with_pins = [cell for cell in CELLS if cell.pins]
    assert [cell.name for cell in with_pins] == ["mwaa", "airflow-3.2"]
    for cell in with_pins:
        beside = matrix._constraints(cell).splitlines()
        pinned = {pin.partition("==")[0] for pin in cell.pins}
        assert not pinned & {line.partition("==")[0] for line in beside}
        assert any(line.startswith("numba==") for line in beside)


def test_mwaas_airflow_is_the_one_that_is_deployed():
    [mwaa] = [cell for cell in CELLS if cell.name == "mwaa"]
    assert f"apache-airflow=={AIRFLOW}" in mwaa.pins


@pytest.mark.parametrize("path", matrix.SUITE)
def test_the_suite_is_there(path: str):
    assert (REPOSITORY / path).exists()
