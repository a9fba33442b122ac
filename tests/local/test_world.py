"""The demo's world: what lies in the bucket, what is to come, and how it goes on."""

from datetime import timedelta

import pytest

from local import world
from sessionize.config import load_config


@pytest.fixture(scope="module")
def made(server, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "FOLDER", tmp_path_factory.mktemp("demo"))
        patch.setattr(world, "_INSTALLATIONS", 60)
        yield world.make_world(server, hours_to_come=2)


def keys(server):
    pages = server.s3.get_paginator("list_objects_v2").paginate(Bucket="events", Prefix="raw/")
    return [entry["Key"] for page in pages for entry in page["Contents"]]


def hours_of(keys):
    return {key.removeprefix("raw/")[:14] for key in keys if "processing-failed" not in key}


def test_the_pipeline_file_is_one(made):
    config = load_config(world.pipeline_file())

    assert config.name == "nitro"
    assert (config.raw, config.lake) == ("s3://events/raw", "s3://events/lake")
    assert config.start == made.start


def test_seven_complete_hours_lie_in_the_bucket_but_for_a_straggler(made, server):
    landed = keys(server)

    assert len(made.complete) == 7
    assert {hour.landing_prefix for hour in made.complete} <= hours_of(landed)
    (straggler,) = made.stragglers
    assert straggler.folder == made.current.previous.landing_prefix
    assert f"raw/{straggler.key}" not in landed


def test_what_is_due_goes_through_firehose_once(made, server):
    before = set(keys(server))

    first, second = made.send_due(server), made.send_due(server)

    new = set(keys(server)) - before
    assert first > 0
    assert second == 0
    assert all("/nitro-events-1-" in key for key in new)


def test_a_straggler_lands_later(made, server):
    made.land_stragglers(server)

    assert f"raw/{made.stragglers[0].key}" in keys(server)


def test_the_world_goes_on_where_it_ended(made, server, monkeypatch):
    world.keep_world(server)
    monkeypatch.setattr(world, "STREAM", "another-stream")

    restored = world.restore_world(server, hours_to_come=2)

    assert restored is not None
    assert restored.start == made.start
    coming = [sent.body for sent in made._coming]
    assert [sent.body for sent in restored._coming][-20:] == coming[-20:]


def test_a_world_of_yesterday_is_not_brought_back(made, server, monkeypatch):
    monkeypatch.setattr(world, "_LONGEST", timedelta(hours=1))

    assert world.restore_world(server) is None
