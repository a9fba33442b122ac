from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest

from sessionize.airflow.run_date import date_of_run
from sessionize.model.errors import IntervalError


def context(key: str | None = None, text: str | None = None):
    return {"dag_run": SimpleNamespace(partition_key=key), "params": {"date": text}}


@pytest.mark.parametrize(
    "given", [("2017-02-04", None), (None, "2017-02-04"), ("2017-02-04", "2017-02-04")]
)
def test_the_day_is_that_of_the_key_or_of_the_param(given):
    assert date_of_run(context(*given)) == date(2017, 2, 4)


def test_a_run_for_no_day_is_refused():
    with pytest.raises(IntervalError, match=r"Trigger the DAG again with the param: --conf"):
        date_of_run(context())


def test_a_run_for_two_days_is_refused():
    with pytest.raises(IntervalError, match="with one of them"):
        date_of_run(context("2017-02-04", "2017-02-05"))


def test_a_text_that_is_no_day_is_refused():
    with pytest.raises(IntervalError, match="YYYY-MM-DD"):
        date_of_run(context(text="2017-02-30"))
