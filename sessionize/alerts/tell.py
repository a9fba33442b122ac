"""Telling what is to be told, with the record of it in the lake."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime

from sessionize.alerts.check import Look
from sessionize.alerts.findings import FailedTask
from sessionize.alerts.messages import Message, message_of
from sessionize.alerts.told import (
    Telling,
    Told,
    confirmed,
    decoded,
    encoded,
    told_by,
    updated,
    with_failure,
)
from sessionize.lake.layout import Lake
from sessionize.model.errors import NotToldError, OvertakenError

log = logging.getLogger(__name__)

RECORD = "_alerts.json"
#: How often the record is read again because another has written it meanwhile.
_TRIES = 10

#: Sends a message, or raises whatever it raises.
Send = Callable[[Message], None]


def tell_look(
    lake: Lake,
    pipeline: str,
    look: Look,
    recipients: Mapping[str, Send],
    now: datetime,
    link: str | None = None,
) -> int:
    """Tell what a look has shown and has not been told; return how much that was.

    Parameters
    ----------
    lake : Lake
        Keeps the record of what has been told.
    pipeline : str
        Its name.
    look : Look
        What is wrong, and what was looked at.
    recipients : mapping of str to Send
        Whom to tell. The names are kept in the record: one that changes is a new recipient.
    now : datetime
        Aware.
    link : str, optional
        Where to look.

    Raises
    ------
    NotToldError
        If a recipient could not be told; the others were, and a later look tries again.
    """
    return _tell(lake, pipeline, lambda told, by: updated(told, look, by), recipients, now, link)


def tell_failure(
    lake: Lake,
    pipeline: str,
    failure: FailedTask,
    recipients: Mapping[str, Send],
    now: datetime,
    link: str | None = None,
) -> int:
    """Tell of a task that has failed, unless its hour's failure has been told: as `tell_look`."""
    return _tell(
        lake, pipeline, lambda told, by: with_failure(told, failure, by), recipients, now, link
    )


def _tell(
    lake: Lake,
    pipeline: str,
    update: Callable[[tuple[Told, ...], Telling], tuple[Told, ...]],
    recipients: Mapping[str, Send],
    now: datetime,
    link: str | None,
) -> int:
    by = Telling(pipeline, tuple(recipients), uuid.uuid4().hex, now)
    mine = told_by(_replace(lake, lambda told: update(told, by)), by.teller)
    reached, failures = set(), {}
    for name, send in recipients.items():
        lines = [entry.line for entry in mine if name in entry.left]
        if not lines:
            continue
        try:
            send(message_of(pipeline, lines, link))
        except Exception as error:
            log.warning("%s could not be told", name, exc_info=True)
            failures[name] = error
        else:
            reached.add(name)
    if mine:
        _replace(lake, lambda told: confirmed(told, by.teller, reached))
    if failures:
        said = "; ".join(
            f"{name}: {type(error).__name__}: {error}" for name, error in failures.items()
        )
        raise NotToldError(
            f"{pipeline}: {len(mine)} findings could not be told to {said}",
            "Mend the connection or `alerts.notify`; the next look tells them.",
        )
    return len(mine)


def _replace(
    lake: Lake, change: Callable[[tuple[Told, ...]], tuple[Told, ...]]
) -> tuple[Told, ...]:
    """Change the record, whoever else does so at the same time; return it as it is then."""
    place = f"{lake.storage.url}/{RECORD}"
    for _ in range(_TRIES):
        document, version = lake.read_json_version(RECORD)
        told = decoded(document, place)
        after = change(told)
        if after == told:
            return after
        try:
            lake.write_json(RECORD, encoded(after), version)
        except OvertakenError:
            continue
        return after
    raise NotToldError(
        f"{place} is being replaced again and again",
        "See who writes it; the next look tries again.",
    )
