"""Settings, once they are read: what they are, what is made of them, and that they stay so."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from datetime import timedelta

import pytest

from sessionize.config import SessionRules
from sessionize.config.settings import MAX_THREADS
from sessionize.config.units import Duration
from sessionize.model.columns import DEFAULT_FIELDS
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

from .minimal import START, configured


class TestImmutability:
    @pytest.mark.parametrize("section", ["", "session", "fields", "valid", "run", "airflow"])
    def test_no_setting_can_be_changed(self, section: str):
        config = configured()
        target = getattr(config, section) if section else config
        name = target.__struct_fields__[0]
        with pytest.raises(AttributeError):
            setattr(target, name, getattr(target, name))

    def test_settings_survive_pickling(self):
        config = configured(session={"opening": "^proe", "max_duration": "12h"})
        restored = pickle.loads(pickle.dumps(config))
        assert restored == config
        assert restored.fingerprint() == config.fingerprint()
        assert restored.session.opening.search("proedit")


class TestLimits:
    def test_by_default_more_than_half_in_quarantine_fails_and_no_share_of_late_events_does(self):
        limits = configured().limits
        assert (limits.fail_quarantined, limits.fail_late) == (0.5, None)
        assert (limits.warn_quarantined, limits.warn_late) == (None, None)


class TestRules:
    def test_rules_are_made_by_hand_as_by_a_file(self):
        rules = SessionRules(timeout=Duration.parse("36m"))
        assert rules == configured(session={"timeout": "36m"}).session
        assert SessionRules() == configured().session


class TestFields:
    def test_each_column_has_the_raw_field_that_fills_it(self):
        given = {"action": "page", "machine_length": "len"}
        assert configured(fields=given).raw_fields == DEFAULT_FIELDS | given

    def test_two_raw_fields_may_change_places(self):
        fields = configured(fields={"nid": "language", "language": "nid"}).fields
        assert (fields.nid, fields.language) == ("language", "nid")


class TestHours:
    def test_an_hour_before_the_first_is_refused_with_the_mend(self):
        config = configured()
        config.check_hour(Hour(START))
        config.check_hour(Hour(START + timedelta(days=400)))
        with pytest.raises(IntervalError, match=r"before the first hour.*set `start` earlier"):
            config.check_hour(Hour(START - timedelta(hours=1)))


class TestWorkers:
    def test_are_as_many_as_threads_are_set(self):
        assert configured(run={"threads": 3}).run.workers == 3

    @pytest.mark.parametrize(("processors", "workers"), [(1, 1), (5, 5), (200, MAX_THREADS)])
    def test_are_by_default_as_many_as_there_are_processors_for_this_process(
        self, processors: int, workers: int, monkeypatch
    ):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
        assert configured().run.workers == workers


def test_a_file_is_read_without_loading_numpy_or_pyarrow():
    """Airflow reads every pipeline file again and again to know its DAGs."""
    script = (
        "import sys; from tests.config.minimal import configured; configured().fingerprint();"
        "assert not set(sys.modules) & {'numpy', 'pandas', 'pyarrow', 'numba'}"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
