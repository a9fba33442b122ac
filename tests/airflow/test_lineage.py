"""What lineage says of an hour. That it is sent is shown in `test_alerts_scheduler`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sessionize.airflow import lineage
from sessionize.airflow.lineage import datasets_of, emit_lineage, facet_of, raw_of
from sessionize.lake.ledger import Ledger, WrittenFile
from tests.alerts.looks import configured, status

CONFIG = configured(raw="s3://events/raw", lake="s3://lakes/nitro/")


@pytest.fixture
def ledger() -> Ledger:
    ledger = status(0, read=10, quarantined=3, objects=2, reasons={"not_json": 3}).ledger
    assert ledger is not None
    return replace(ledger, published={"sessions": WrittenFile("sessions/x", 7, 700, "")})


def test_the_raw_objects_are_the_input(ledger: Ledger):
    raw = raw_of(CONFIG, ledger)
    assert (raw.namespace, raw.name) == ("s3://events", "raw")
    read = raw.inputFacets["inputStatistics"]
    assert (read.rowCount, read.size, read.fileCount) == (10, 2, 2)


def test_the_datasets_are_the_outputs_with_columns_and_rows(ledger: Ledger):
    [sessions] = datasets_of(CONFIG, ledger)
    assert (sessions.namespace, sessions.name) == ("s3://lakes", "nitro/sessions")
    written = sessions.outputFacets["outputStatistics"]
    assert (written.rowCount, written.size, written.fileCount) == (7, 700, 1)
    columns = {column.name: column.type for column in sessions.facets["schema"].fields}
    assert columns["started_at"] == "timestamp[us, tz=UTC]"
    assert [*columns] == CONFIG.schemas.datasets["sessions"].names


def test_a_folder_is_named_as_one(ledger: Ledger, tmp_path: Path):
    raw = raw_of(configured(raw=str(tmp_path)), ledger)
    assert (raw.namespace, raw.name) == ("file", str(tmp_path))


def test_the_counts_of_the_ledger_are_a_facet(ledger: Ledger):
    facet = facet_of(ledger)
    assert facet.hour == "2017-02-04T22"
    assert (facet.records_read, facet.quarantined) == (10, 3)
    assert facet.quarantined_by_reason == {"not_json": 3}


def test_it_is_off_unless_the_provider_has_somewhere_to_send_to(ledger: Ledger, monkeypatch):
    monkeypatch.setattr(lineage, "raw_of", lambda *_: pytest.fail("it is off"))
    emit_lineage(CONFIG, ledger)


def test_no_lineage_fails_an_hour(ledger: Ledger, monkeypatch, caplog):
    monkeypatch.setattr("airflow.providers.openlineage.conf.is_disabled", lambda: False)
    monkeypatch.setattr(lineage, "raw_of", lambda *_: 1 // 0)
    emit_lineage(CONFIG, ledger)
    assert "lineage could not be sent" in caplog.text
