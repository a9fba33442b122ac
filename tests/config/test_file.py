from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path

import pytest

from sessionize.config import load_config, parse_config
from sessionize.model.errors import ConfigError
from sessionize.model.hours import Hour

from .minimal import START, configured, document

OF_THE_CONTRACT = """
name  = "nitro"
raw   = "s3://events/raw"
lake  = "s3://events/lake"
start = 2017-02-04T22:00:00Z

[session]
timeout             = "30m"
opening             = "start|firstrun"
max_duration        = "12h"
allowed_lateness    = "1h"
max_out_of_orderness = "0s"
dedup_window        = "2h"
max_event_age       = "7d"
max_clock_skew      = "15m"
"""

WEB_PAGES = """
name  = "web"
raw   = "s3://clicks/raw"
lake  = "s3://clicks/lake"
start = 2026-01-01T00:00:00Z

[session]
opening = "^landing_page$"

[fields]
event_id  = "uuid"
timestamp = "sent_at"
action    = "page"
inst_id   = "browser_id"

[valid]
required = []
inst_id  = ".{1,200}"

[[product]]
name   = "web"
action = ""
"""


@pytest.fixture
def written(tmp_path: Path):
    """Writes the text of a pipeline file, and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "pipeline.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


class TestNames:
    def test_every_setting_of_the_contract_is_read_from_a_file(self, written):
        config = load_config(written(OF_THE_CONTRACT))
        assert (config.name, config.raw, config.lake) == (
            "nitro",
            "s3://events/raw",
            "s3://events/lake",
        )
        assert config.start == Hour(START)
        session = config.session
        assert session.timeout == timedelta(minutes=30)
        assert session.opening.pattern == "start|firstrun"
        assert session.max_duration == timedelta(hours=12)
        assert session.allowed_lateness == timedelta(hours=1)
        assert session.max_out_of_orderness == timedelta(0)
        assert session.dedup_window == timedelta(hours=2)
        assert session.max_event_age == timedelta(days=7)
        assert session.max_clock_skew == timedelta(minutes=15)

    def test_the_contracts_values_are_the_defaults_and_max_duration_is_off(self, written):
        given = load_config(written(OF_THE_CONTRACT.replace("max_duration", "# max_duration")))
        assert given.session.max_duration is None
        assert given.fingerprint() == configured().fingerprint()

    def test_other_events_are_a_matter_of_settings(self, written):
        config = load_config(written(WEB_PAGES))
        assert config.fields.action == "page"
        assert config.fields.trialstate == "trialstate"
        assert config.valid.required == ()
        assert [product.name for product in config.product] == ["web"]

    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"nme": "x"}, "`nme`"),
            ({"session": {"timeuot": "30m"}}, "`session.timeuot`"),
            ({"fields": {"time": "t"}}, "`fields.time`"),
            ({"valid": {"trialstate": "x"}}, "`valid.trialstate`"),
            ({"landing": {"lookback": "7d"}}, "`landing.lookback`"),
            ({"limits": {"fail": 0.1}}, "`limits.fail`"),
            ({"run": {"batch": "1B"}}, "`run.batch`"),
            ({"airflow": {"pool": "x"}}, "`airflow.pool`"),
            (
                {"product": [{"name": "a", "action": "a", "trial": ["x"]}]},
                r"`product\[0\].*`trial`",
            ),
            (
                {"fix": [{"column": "action", "pattern": "a", "replace": "", "flags": "i"}]},
                r"`fix\[0\].*`flags`",
            ),
        ],
    )
    def test_an_unknown_setting_is_refused_by_its_name(self, settings: dict, named: str):
        with pytest.raises(ConfigError, match=named):
            configured(**settings)

    def test_a_misspelt_setting_is_met_with_the_right_spelling(self):
        with pytest.raises(ConfigError, match=r"Did you mean `session\.timeout`\?"):
            configured(session={"timeuot": "30m"})

    @pytest.mark.parametrize("missing", ["name", "raw", "lake", "start"])
    def test_a_required_setting_that_is_missing_is_named(self, missing: str):
        settings = document()
        del settings[missing]
        with pytest.raises(ConfigError, match=f"`{missing}`"):
            parse_config(settings)


class TestValues:
    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"name": 5}, "`name`"),
            ({"name": "two words"}, "`name`"),
            ({"name": "nitro\n"}, "`name`"),
            ({"name": ""}, "`name`"),
            ({"raw": ""}, "`raw`"),
            ({"raw": "s3://"}, "`raw`"),
            ({"lake": "gs://bucket/lake"}, "`lake`"),
            ({"session": "30m"}, "`session`"),
            ({"session": {"timeout": 1800}}, r"`session\.timeout`.*unit"),
            ({"session": {"timeout": "1800"}}, r"`session\.timeout`.*unit"),
            ({"session": {"max_duration": "-12h"}}, r"`session\.max_duration`.*unit"),
            ({"session": {"opening": "("}}, r"`session\.opening`.*regular expression"),
            ({"session": {"opening": 5}}, r"`session\.opening`.*regular expression"),
            ({"fields": {"action": 5}}, r"`fields\.action`"),
            ({"fields": {"action": "timestamp"}}, "`fields`.*'timestamp'"),
            ({"valid": {"inst_id": "[a-"}}, r"`valid\.inst_id`.*regular expression"),
            ({"valid": {"required": ["buildid"]}}, r"`valid\.required\[0\]`.*'buildid'"),
            ({"product": [{"name": "a"}]}, r"`product\[0\]`.*`action`"),
            ({"product": [{"name": "a", "action": "*"}]}, r"`product\[0\]\.action`"),
            ({"product": [{"name": "a", "action": "a", "trialstate": "x"}]}, r"trialstate`"),
            ({"fix": [{"column": "nid", "pattern": "a", "replace": ""}]}, r"`fix\[0\]\.column`"),
            ({"landing": {"max_object_records": 0}}, r"`max_object_records` is 0: write 1 or"),
            ({"landing": {"max_record_size": "16MB"}}, r"`landing\.max_record_size`.*unit"),
            ({"limits": {"fail_late": 1.01}}, "`fail_late`"),
            ({"limits": {"warn_quarantined": -0.01}}, "`warn_quarantined`"),
            ({"limits": {"fail_late": float("nan")}}, "`fail_late`"),
            ({"run": {"shards": -1}}, "`shards`"),
            ({"run": {"shards": 257}}, "`shards`"),
            ({"airflow": {"retries": "3"}}, r"`airflow\.retries`"),
            ({"airflow": {"retries": -1}}, "`retries`"),
            ({"airflow": {"max_active_runs": 0}}, "`max_active_runs`"),
        ],
    )
    def test_a_wrong_value_is_refused_by_the_name_of_its_setting(self, settings, named: str):
        with pytest.raises(ConfigError, match=named):
            configured(**settings)

    @pytest.mark.parametrize(
        "start",
        [
            "2017-02-04T22:00:00",  # TOML's local time: no zone
            "2017-02-04",
            '"2017-02-04T22:00:00Z"',
            "2017-02-04T22:30:00Z",
            "2017-02-04T22:00:00.000001Z",
            "2017-02-04T22:00:00+05:30",
        ],
    )
    def test_a_start_that_is_not_an_aligned_hour_in_utc_is_refused(self, written, start: str):
        text = OF_THE_CONTRACT.replace("2017-02-04T22:00:00Z", start)
        with pytest.raises(ConfigError, match="`start`"):
            load_config(written(text))

    def test_a_start_in_another_zone_is_taken_in_utc(self, written):
        text = OF_THE_CONTRACT.replace("2017-02-04T22:00:00Z", "2017-02-05T03:30:00+05:30")
        assert load_config(written(text)).start == Hour(START)

    def test_lists_are_read_as_tuples(self):
        config = configured(
            product=[{"name": "a", "action": "a", "trialstate": ["x"]}],
            fix=[],
            valid={"required": []},
            airflow={"tags": ["t"]},
        )
        values = (config.product, config.fix, config.valid.required, config.airflow.tags)
        assert {type(value) for value in (*values, config.product[0].trialstate)} == {tuple}

    def test_the_document_it_was_read_from_is_left_as_it_was(self):
        settings = document(session={"timeout": "30m"}, product=[{"name": "a", "action": "a"}])
        before = copy.deepcopy(settings)
        parse_config(settings)
        assert settings == before

    def test_the_end_must_lie_after_the_start(self):
        assert configured(end=START + timedelta(hours=1)).end == Hour(START).next
        with pytest.raises(ConfigError, match="`end`"):
            configured(end=START)

    def test_patterns_are_in_ascii_whatever_the_alphabet_of_the_event(self):
        build_id = configured(valid={"build_id": r"\d+"}).valid.build_id
        assert build_id.fullmatch("10")
        assert not build_id.fullmatch("\N{ARABIC-INDIC DIGIT ONE}")

    def test_a_lookback_too_short_to_reach_the_hour_before_is_refused(self):
        with pytest.raises(ConfigError, match="straggler_lookback"):
            configured(landing={"straggler_lookback": "59m"})


class TestPlaces:
    @pytest.mark.parametrize(
        ("raw", "lake"),
        [
            ("s3://events/a", "s3://events/a"),
            ("s3://events/a", "s3://events/a/"),
            ("s3://events", "s3://events/"),
            ("data", "data"),
            ("data", "./data"),
            ("data", "{folder}/data"),
        ],
    )
    def test_raw_and_lake_cannot_be_the_same_place(self, tmp_path: Path, raw: str, lake: str):
        settings = document(raw=raw, lake=lake.format(folder=tmp_path))
        with pytest.raises(ConfigError, match="`raw` and `lake`"):
            parse_config(settings, folder=tmp_path)

    def test_a_bucket_may_hold_both_under_prefixes_that_begin_alike(self):
        assert configured(raw="s3://e/raw", lake="s3://e/raw2").lake == "s3://e/raw2"

    def test_relative_folders_start_at_the_file(self, written, tmp_path: Path, monkeypatch):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        path = written(
            OF_THE_CONTRACT.replace("s3://events/raw", "raw").replace("s3://events/lake", "../lake")
        )
        monkeypatch.chdir(elsewhere)
        config = load_config(path)
        assert Path(config.raw) == tmp_path / "raw"
        assert Path(config.lake).resolve() == tmp_path.parent / "lake"

    def test_absolute_folders_and_urls_stay_as_they_are(self, tmp_path: Path):
        config = parse_config(document(raw="/srv/raw", lake="s3://e/lake"), folder=tmp_path)
        assert (config.raw, config.lake) == ("/srv/raw", "s3://e/lake")

    def test_a_tilde_stands_for_the_home_folder(self, tmp_path: Path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        config = parse_config(document(raw="~/raw"), folder=tmp_path)
        assert Path(config.raw) == tmp_path / "home" / "raw"


class TestFile:
    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path):
        with pytest.raises(ConfigError, match=r"absent\.toml"):
            load_config(tmp_path / "absent.toml")

    def test_a_file_that_is_not_toml_is_named_with_the_line(self, written):
        with pytest.raises(ConfigError, match=r"pipeline\.toml is not TOML.*line 2"):
            load_config(written("name = 'nitro'\nraw = nothing"))

    def test_a_file_that_is_not_utf8_is_refused(self, tmp_path: Path):
        path = tmp_path / "pipeline.toml"
        path.write_bytes('name = "nitró"'.encode("latin-1"))
        with pytest.raises(ConfigError, match="cannot be read"):
            load_config(path)

    def test_an_error_names_the_file_that_holds_it(self, written):
        with pytest.raises(ConfigError, match=r"pipeline\.toml.*`session\.timeout`"):
            load_config(written(OF_THE_CONTRACT.replace('"30m"', "30")))
