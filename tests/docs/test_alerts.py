"""The pipeline file that the operator's page shows has the alerts that it says."""

from __future__ import annotations

from pathlib import Path

from sessionize.config import load_config
from tests.docs.test_readme import snippets


def test_the_example_of_the_operators_page_is_a_pipeline_with_alerts(tmp_path: Path) -> None:
    [example] = [text for text in snippets("docs/operate.md", "toml") if "[alerts]" in text]
    [whole] = [text for text in snippets("README.md", "toml") if "start = " in text]
    (tmp_path / "nitro.toml").write_text(whole + example)
    config = load_config(tmp_path / "nitro.toml")
    assert config.alerts.are_on
    assert config.alerts.empty_hours
    assert config.limits.warn_quarantined
    assert [to.channel for to in config.alerts.notify] == ["#data-alerts"]  # type: ignore[union-attr]
