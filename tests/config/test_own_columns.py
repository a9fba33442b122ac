"""What `[[column]]`, `[[session.column]]` and `profile` may be; each error names the mend."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sessionize.model.errors import ConfigError
from sessionize.model.schemas import DESKTOP

from .minimal import configured

PRICE = {"name": "price", "field": "order.price", "type": "double"}
REVENUE = {"name": "revenue", "aggregate": "sum", "of": "price"}


def test_a_column_stands_behind_the_built_in_ones_of_all_datasets_that_have_events():
    schemas = configured(column=[PRICE, PRICE | {"name": "other"}]).schemas
    for dataset in ("events", "sessionized_events", "late_events"):
        names = schemas.datasets[dataset].names
        assert [n for n in names if n not in DESKTOP.datasets[dataset].names] == ["price", "other"]
        assert names.index("price") == names.index("position") + 1
    assert schemas.datasets["quarantine"] == DESKTOP.datasets["quarantine"]


@pytest.mark.parametrize(
    ("aggregate", "of", "kind"),
    [
        ("count", None, "int64"),
        ("count", "action", "int64"),
        ("sum", "price", "double"),
        ("sum", "date_id", "int64"),
        ("min", "price", "double"),
        ("max", "event_time", "timestamp[us, tz=UTC]"),
        ("first", "action", "string"),
        ("last", "date_id", "int32"),
        ("distinct", "action", "int64"),
        ("list", "price", "list<element: double>"),
    ],
)
def test_a_session_column_has_the_type_that_its_aggregate_gives(aggregate, of, kind):
    column = {"name": "x", "aggregate": aggregate} | ({"of": of} if of else {})
    config = configured(column=[PRICE], session={"column": [column]})
    for dataset in ("sessions", "open_sessions"):
        schema = config.schemas.datasets[dataset]
        assert schema.names == [*DESKTOP.sessions.names, "x"]
        assert str(schema.field("x").type) == kind


def test_without_a_profile_nothing_of_the_desktop_is_left():
    config = configured(profile="none", column=[{"name": "product", "field": "sku"}])
    assert config.schemas.events.names == [
        *("event_id", "event_time", "machine_id", "user_id", "action"),
        *("date_id", "hour_id", "minute_id", "extended", "object_key", "position", "product"),
    ]
    assert not {"product", "build_id"} & {*config.schemas.sessions.names}
    assert config.raw_fields == {
        **{name: name for name in ("event_id", "timestamp", "action", "machine_id")},
        "column.product": "sku",
    }


def test_without_a_profile_a_field_may_name_the_user():
    fields = {"machine_id": "device.id", "user_id": "user.id"}
    assert configured(profile="none", fields=fields).raw_fields.items() >= fields.items()


def test_settings_that_are_not_given_change_no_fingerprint():
    assert configured(column=[], session={"column": []}).fingerprint() == configured().fingerprint()
    for change in (
        {"column": [PRICE]},
        {"profile": "none"},
        {"landing": {"prefix": "%Y-%m-%d-%H/"}},
    ):
        assert configured(**change).fingerprint() != configured().fingerprint()


def session(**column: Any) -> dict[str, Any]:
    return {"column": [PRICE], "session": {"column": [REVENUE | column]}}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"column": [PRICE | {"field": "a..b"}]}, r"column\[0\].*'a\.\.b'.*context\.page\.url"),
        ({"column": [PRICE | {"name": "Price"}]}, r"column\[0\].*'Price'.*small letter"),
        ({"column": [PRICE | {"name": "action"}]}, "`action`.*another"),
        ({"column": [PRICE | {"name": "session_id"}]}, "`session_id`.*another"),
        ({"column": [PRICE | {"name": "hour"}]}, "`hour`.*another"),
        ({"column": [PRICE, PRICE]}, "`price` is declared twice"),
        ({"column": [PRICE | {"type": "float"}]}, r"column\[0\]\.type.*double"),
        ({"column": [PRICE | {"pattern": "x"}]}, "`pattern`.*double"),
        ({"column": [PRICE | {"typ": "x"}]}, r"column\[0\].*typ"),
        (session(aggregate="nonsense"), r"session\.column\[0\]\.aggregate.*count, sum"),
        (session(of="prise"), "`prise`.*did you mean `price`"),
        (session(of="action"), "`action`: string cannot be summed"),
        (session(aggregate="first", of=None), "`of`"),
        (session(name="started_at"), "`started_at`.*another"),
        (session(name="session_number"), "`session_number`.*another"),
        (session(limit=3), "`limit`.*list"),
        (session(aggregate="list", limit=0), "`limit` is 0"),
        (session(where="("), r"session\.column\[0\]\.where.*regular expression"),
        ({"fields": {"action": "a..b"}}, "'a..b'"),
        ({"fields": {"machine_id": "x"}}, "`machine_id`.*desktop"),
        ({"profile": "none", "fields": {"inst_id": "x"}}, "`inst_id`.*none.*`user_id`"),
        ({"profile": "none", "valid": {"required": []}}, "`valid`.*desktop"),
        ({"profile": "none", "product": [{"name": "x", "action": ""}]}, "`product`.*desktop"),
        (
            {"profile": "none", "fix": [{"column": "build_id", "pattern": "a", "replace": ""}]},
            "`build_id`.*`action`",
        ),
        ({"profile": "web"}, "profile.*desktop, none"),
        ({"landing": {"prefix": "%Y/%m/"}}, r"landing\.prefix.*hour=%H/"),
    ],
)
def test_what_cannot_be_is_refused_and_the_mend_is_named(settings: dict[str, Any], says: str):
    settings = {
        name: {"column": [{k: v for k, v in c.items() if v is not None} for c in value["column"]]}
        if name == "session"
        else value
        for name, value in settings.items()
    }
    with pytest.raises(ConfigError) as refused:
        configured(**settings)
    assert re.search(says, str(refused.value), re.DOTALL), refused.value


def test_one_field_may_fill_two_columns():
    text = {"name": "price_text", "field": "order.price"}
    assert configured(column=[PRICE, text]).raw_fields["column.price_text"] == "order.price"
