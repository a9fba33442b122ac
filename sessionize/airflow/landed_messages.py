"""What the messages say that S3 sends when an object lands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import LandingPrefix


def landed_hours(body: str, raw: str, prefix: LandingPrefix) -> set[Hour]:
    """Return the hours under which the objects of a message have landed.

    Parameters
    ----------
    body : str
        An S3 event notification, as S3 sends it or as SNS passes it on. Anything else, S3's
        ``s3:TestEvent`` too, names no hour.
    raw : str
        ``s3://bucket/prefix``: objects elsewhere do not count.
    prefix : LandingPrefix
        An hour's folder below ``raw``.
    """
    bucket, _, folder = raw.removeprefix("s3://").partition("/")
    above = folder.rstrip("/") + "/" if folder.strip("/") else ""
    hours = set()
    for its_bucket, key in _objects(_parsed(body)):
        if its_bucket == bucket and key.startswith(above):
            hours.add(prefix.hour_of(key[len(above) :]))
    return {hour for hour in hours if hour is not None}


def _objects(message: Any) -> Iterator[tuple[str, str]]:
    """Yield bucket and key of each object that a message says has been created."""
    if not isinstance(message, dict):
        return
    if message.get("Type") == "Notification":
        yield from _objects(_parsed(message.get("Message")))
    records = message.get("Records")
    for record in records if isinstance(records, list) else ():
        try:
            created = record["eventName"].startswith("ObjectCreated")
            bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
            found = (bucket, unquote_plus(key)) if created else None
        except (AttributeError, KeyError, TypeError):
            continue
        if found:
            yield found


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
