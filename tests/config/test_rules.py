"""The rules of validation in words follow from the settings."""

from __future__ import annotations

import pytest

from sessionize.config.rules import rule_of
from sessionize.model.reasons import Reason
from tests.pipeline import scenario

DESKTOP = scenario.config("raw", "lake")


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("settings", [{}, {"profile": "none"}, {"product": []}])
def test_each_reason_has_a_rule_under_any_settings(reason: Reason, settings: dict):
    rule = rule_of(reason, scenario.config("raw", "lake", **settings))
    assert rule.endswith(".")
    assert "release" not in rule


@pytest.mark.parametrize(
    ("reason", "settings", "says"),
    [
        ("bad_build_id", {"valid": {"build_id": "v[0-9]+"}}, "`build_id` must be a text that "
         "matches `v[0-9]+` as a whole."),
        ("bad_inst_id", {"fields": {"inst_id": "device"}}, "`device` must be a text that matches "
         "`[0-9a-fA-F]{2,}` as a whole."),
        ("bad_action", {}, "`reader` (reader), `pro` (pro)"),
        ("bad_trialstate", {}, "of pro: `Expired`, `Activated`, `Trial`"),
        ("missing_field", {"valid": {"required": ["trialstate"]}}, "`inst_id`, `trialstate`"),
        ("too_old", {"session": {"max_event_age": "36h"}}, "at most 1d12h (`max_event_age`)"),
        ("in_the_future", {}, "at most 15m (`max_clock_skew`)"),
        ("record_too_large", {"landing": {"max_record_size": "1KiB"}}, "at most 1,024 bytes"),
        ("too_many_records", {"landing": {"max_object_records": 9}}, "at most 9 records"),
        ("bad_inst_id", {"profile": "none"}, "does not have now"),
    ],
)  # fmt: skip
def test_it_names_the_setting_in_force(reason: str, settings: dict, says: str):
    assert says in rule_of(reason, scenario.config("raw", "lake", **settings))


def test_it_names_the_columns_of_the_file():
    column = {"name": "sku", "field": "item.sku", "required": True, "pattern": "[A-Z]+"}
    config = scenario.config("raw", "lake", profile="none", column=[column])
    assert "`item.sku` must fit the column `sku`: string that matches `[A-Z]+` as a whole" in (
        rule_of("bad_value", config)
    )
    assert "`item.sku`" in rule_of("missing_field", config)


def test_a_reason_of_another_release_is_said_to_be_unknown():
    assert rule_of("bad_weather", DESKTOP) == "A reason that this release does not know."
