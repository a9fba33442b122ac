"""A published hour's metrics: which, as they come out of a StatsD socket, and never at its cost."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils

from sessionize.airflow.metrics import count_published
from sessionize.lake.commit import Published
from tests.alerts.looks import at, hour, status


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What listens where Airflow sends to; its backend is made as a task's process makes it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        for name, value in {
            "STATSD_ON": "True",
            "STATSD_HOST": "127.0.0.1",
            "STATSD_PORT": str(listening.getsockname()[1]),
        }.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__{name}", value)
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
        yield listening
    monkeypatch.undo()
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)


def received(listening: socket.socket) -> dict[str, str]:
    """What has been sent: the loopback delivers before `send` returns."""
    lines = {}
    while True:
        try:
            name, _, value = listening.recv(65536).decode().partition(":")
        except BlockingIOError:
            return lines
        lines[name] = value


@pytest.fixture
def published() -> Published:
    ledger = status(0, read=10, quarantined=3, late=1, reasons={"not_json": 2, "too_old": 1}).ledger
    assert ledger is not None
    counts = replace(ledger.counts, sessions_open=4, pending_after=5)
    ledger = replace(ledger, counts=counts, closed_by_reason={"timeout": 6})
    return Published(ledger, changed=True, outdated=(hour(1), hour(2)))


GAUGES = {
    "airflow.sessionize.my_web.sessions_open": "4|g",
    "airflow.sessionize.my_web.pending_after": "5|g",
    "airflow.sessionize.my_web.outdated_hours": "2|g",
    "airflow.sessionize.my_web.lag_seconds": "1200.0|g",
}


def test_what_was_published_is_counted(statsd: socket.socket, published: Published):
    count_published("my.web", published, at(0, 20))
    assert received(statsd) == GAUGES | {
        "airflow.sessionize.my_web.hours": "1|c",
        "airflow.sessionize.my_web.records_read": "10|c",
        "airflow.sessionize.my_web.valid": "7|c",
        "airflow.sessionize.my_web.late": "1|c",
        "airflow.sessionize.my_web.duplicates": "0|c",
        "airflow.sessionize.my_web.settled": "6|c",
        "airflow.sessionize.my_web.quarantined.not_json": "2|c",
        "airflow.sessionize.my_web.quarantined.too_old": "1|c",
        "airflow.sessionize.my_web.sessions_closed.timeout": "6|c",
    }


def test_a_run_that_changed_nothing_adds_nothing(statsd: socket.socket, published: Published):
    count_published("my.web", replace(published, changed=False), at(0, 20))
    assert received(statsd) == GAUGES


def test_no_metric_fails_an_hour(published: Published, monkeypatch, caplog):
    monkeypatch.setattr(stats, "incr", SimpleNamespace())  # not callable
    count_published("n", published, hour(0).end + timedelta(minutes=1))
    assert "metrics could not be sent" in caplog.text
