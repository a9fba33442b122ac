"""``init``, ``check --sample`` and ``preview`` from the command line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from sessionize.cli import main
from sessionize.config import load_config
from sessionize.lake.storage import S3Storage
from tests.discovery import landed
from tests.discovery.landed import HOURS

EXAMPLES = sorted(path for path in (Path(__file__).parents[2] / "examples").iterdir())


@pytest.mark.parametrize("kind", landed.KINDS)
def test_its_file_is_accepted_and_what_it_is_sure_of_runs(tmp_path, capsys, kind):
    landed.land(tmp_path / "raw", kind, "app=web/year=%Y/month=%m/day=%d/hour=%H/")
    file = tmp_path / "web.toml"
    assert main(["init", "--raw", f"{tmp_path}/raw", "--out", str(file)]) == 0
    first = capsys.readouterr()
    assert f"{file} written" in first.out
    assert main(["check", "--config", str(file), "--sample"]) == 0
    second = capsys.readouterr()
    config = load_config(file)
    assert config.name == "web"
    assert config.landing.prefix == "app=web/year=%Y/month=%m/day=%d/hour=%H/"
    if "TODO" in first.err:
        assert "TODO" in file.read_text()
        assert "WARNING [fields]" in second.err
    else:
        assert second.err == ""
        assert main(["run", "--config", str(file), "--hour", str(HOURS[0])]) == 0
        assert "valid 60  quarantined 0" in capsys.readouterr().out


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_of_sources_that_somebody_else_has_described_nothing_is_got_wrong(tmp_path, example):
    described = load_config(example / "pipeline.toml")
    file = tmp_path / "x.toml"
    assert main(["init", "--raw", f"{example}/raw", "--out", str(file)]) == 0
    proposed = load_config(file)
    assert proposed.profile == described.profile
    assert proposed.landing.prefix == described.landing.prefix
    assert proposed.start == described.start
    for role in ("timestamp", "action", "machine_id"):
        found = getattr(proposed.fields, role)
        assert found in (getattr(described.fields, role), f"TODO_{role}")
        assert example.name == "nginx" or "TODO" not in found


def test_a_file_that_is_there_stays(tmp_path, capsys):
    landed.land(tmp_path / "raw", "ga4")
    file = tmp_path / "web.toml"
    file.write_text("mine")
    arguments = ["init", "--raw", f"{tmp_path}/raw", "--out", str(file)]
    assert main(arguments) == 1
    assert "--force" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert main([*arguments, "--force"]) == 0
    assert load_config(file).name == tmp_path.name


def test_it_is_named_for_the_pipeline_unless_told(tmp_path, capsys, monkeypatch):
    landed.land(tmp_path / "raw", "ga4")
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--raw", "raw", "--name", "web", "--lake", "there"]) == 0
    config = load_config("web.toml")
    assert (config.name, config.raw, config.lake) == ("web", f"{tmp_path}/raw", f"{tmp_path}/there")
    assert main(["init", "--raw", "raw", "--name", "web"]) == 1
    assert "web.toml is there already" in capsys.readouterr().err


def test_explain_prints_the_evidence_and_writes_nothing(tmp_path, capsys, monkeypatch):
    landed.land(tmp_path / "raw", "two_ids")
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--raw", "raw", "--explain"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
    text = capsys.readouterr().out
    assert "machine_id: none: `device_id` and `client_id` are about equally good" in text
    assert "such as open, edit" in text or "such as edit, open" in text


def test_the_file_can_go_to_the_screen(tmp_path, capsys, monkeypatch):
    landed.land(tmp_path / "raw", "ga4")
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--raw", "raw", "--out", "-"]) == 0
    assert capsys.readouterr().out.startswith("# Proposed by")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--raw", "absent"], "absent is not a folder"),
        (["--raw", "empty"], "nothing has landed there"),
        (["--raw", "raw", "--name", "a b"], "`name` is 'a b'"),
        (["--raw", "raw", "--lake", "raw"], "are the same place"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_no_file(tmp_path, capsys, monkeypatch, options, says):
    landed.land(tmp_path / "raw", "ga4")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["init", *options, "--out", "x.toml"]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "x.toml").exists()


def test_records_that_cannot_be_read_are_said(tmp_path, capsys):
    landed.land(tmp_path / "raw", "ga4")
    (tmp_path / "raw" / HOURS[0].landing_prefix / "stream-2").write_text("x\n" * 20)
    assert main(["init", "--raw", f"{tmp_path}/raw", "--out", f"{tmp_path}/x.toml"]) == 0
    assert "NOTE 10.0% of the records cannot be read (20 not_json)" in capsys.readouterr().err
    load_config(tmp_path / "x.toml")


def test_preview_shows_and_writes_nothing(tmp_path, capsys):
    landed.land(tmp_path / "raw", "ga4")
    main(["init", "--raw", f"{tmp_path}/raw", "--out", f"{tmp_path}/x.toml"])
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert main(["preview", "--config", f"{tmp_path}/x.toml", "--hour", str(HOURS[0])]) == 0
    assert "records 60  valid 60  quarantined 0" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(SystemExit):
        main(["preview", "--config", f"{tmp_path}/x.toml", "--objects", "0"])


def test_a_record_with_every_name_twice_over_is_no_trouble(tmp_path, capsys):
    folder = tmp_path / "raw" / HOURS[0].landing_prefix
    folder.mkdir(parents=True)
    row = {"a": {"b": 1}, "a.b": 2, "a_b": 3, "A_B": 4, "user_id": 5, "USER_ID": 6}
    (folder / "s").write_text(json.dumps(row) * 30)
    assert main(["init", "--raw", f"{tmp_path}/raw", "--out", f"{tmp_path}/x.toml"]) == 0
    names = [column.name for column in load_config(tmp_path / "x.toml").column]
    assert len(set(names)) == len(names) == 6


def test_a_bucket_is_looked_at_and_nothing_is_written_to_it(
    tmp_path, bucket, s3_credentials, capsys, monkeypatch
):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_credentials.secret_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", s3_credentials.region)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_credentials.endpoint_url)
    store = S3Storage(f"s3://{bucket}", s3_credentials)
    for hour in HOURS:
        text = "".join(json.dumps(row) for row in landed.rows("ga4", hour, count=9000))
        store.write(f"raw/{hour.landing_prefix}s-1", gzip.compress(text.encode()))
    before = list(store.list())
    file = f"{tmp_path}/x.toml"
    assert main(["init", "--raw", f"s3://{bucket}/raw/", "--out", file]) == 0
    assert load_config(file).raw == f"s3://{bucket}/raw"
    assert main(["check", "--config", file, "--sample"]) == 0
    capsys.readouterr()
    assert main(["preview", "--config", file]) == 0
    assert "records 9,000  valid 9,000" in capsys.readouterr().out
    assert list(store.list()) == before
    assert main(["init", "--raw", f"s3://{bucket}-not", "--out", f"{tmp_path}/y.toml"]) == 1
    assert "NoSuchBucket" in capsys.readouterr().err
