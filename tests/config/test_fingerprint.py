"""The fingerprint changes with what a run publishes, and with nothing else."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from sessionize.config.fingerprint import fingerprint
from sessionize.config.settings import PipelineConfig, SessionRules

from .minimal import START, configured, document


@pytest.mark.parametrize(
    "settings",
    [
        {"start": START + timedelta(hours=1)},
        *(
            {"session": {name: "36m"}}
            for name in (
                "timeout",
                "max_duration",
                "allowed_lateness",
                "max_out_of_orderness",
                "dedup_window",
                "max_event_age",
                "max_clock_skew",
            )
        ),
        {"session": {"opening": "start"}},
        {"fields": {"machine_length": "length"}},
        {"valid": {"inst_id": "[0-9]+"}},
        {"valid": {"required": ["build_id", "event_id"]}},
        {"product": [{"name": "reader", "action": "reader"}]},
        {"fix": []},
        {"fix": [{"column": "build_id", "pattern": "^f", "replace": "x"}]},
        {"landing": {"max_record_size": "1MiB"}},
        {"landing": {"max_object_records": 1000}},
    ],
)
def test_it_changes_with_each_setting_that_can_change_the_result(settings: dict):
    assert configured(**settings).fingerprint() != configured().fingerprint()


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "other"},
        {"raw": "s3://moved/raw"},
        {"lake": "s3://moved/lake"},
        {"end": START + timedelta(days=1)},
        {"limits": {"fail_late": 0.5}},
        {"run": {"shards": 7, "batch_size": "1MiB"}},
        {"airflow": {"retries": 9}},
        {"raw": "s3://b/raw", "airflow": {"trigger": "sqs", "queue": "landed"}},
        {"alerts": {"late_after": "45m", "notify": [{"kind": "slack", "channel": "#data"}]}},
        {"session": {"timeout": "1800s"}},
        {"session": {"opening": "start|firstrun"}},
    ],
)
def test_it_stays_with_each_setting_that_cannot(settings: dict):
    assert configured(**settings).fingerprint() == configured().fingerprint()


def test_it_does_not_depend_on_the_order_of_the_settings():
    one = configured(session={"timeout": "36m", "dedup_window": "3h"}, fields={"nid": "n"})
    other = configured(fields={"nid": "n"}, session={"dedup_window": "3h", "timeout": "36m"})
    assert one.fingerprint() == other.fingerprint()


def test_it_does_not_change_where_a_default_is_written_out():
    pro = {"name": "pro", "action": "pro", "trialstate": ["Expired", "Activated", "Trial"]}
    written_out = configured(
        product=[{"name": "reader", "action": "reader"}, pro],
        fix=[{"column": "build_id", "pattern": "^f", "replace": ""}],
        valid={"inst_id": "[0-9a-fA-F]{2,}", "required": ["build_id"]},
    )
    assert written_out.fingerprint() == configured().fingerprint()


def test_a_release_that_adds_settings_changes_no_fingerprint():
    class MoreRules(SessionRules, frozen=True):
        grace: int = 5

    class MoreConfig(PipelineConfig, frozen=True):
        session: SessionRules = MoreRules()
        more: str = "x"

    config = configured(fields={"nid": "n"})
    given = {field.name: getattr(config, field.name) for field in msgspec.structs.fields(config)}
    assert fingerprint(MoreConfig(**(given | {"session": MoreRules()}))) == fingerprint(config)


def test_it_stays_the_same_from_release_to_release():
    """Else an upgrade would call every hour outdated."""
    changed = document(session={"timeout": "36m", "opening": "^start"}, fix=[])
    assert configured(**changed).fingerprint() == "710046318fb14a23"
