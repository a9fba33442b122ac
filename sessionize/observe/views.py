"""The answers: plain values, fit for JSON by ``dataclasses.asdict``.

Hours are texts as ``2017-02-04T23``, instants are ISO 8601 in UTC with a ``Z``. Ranges of hours
are half-open. Durations end in ``_s`` and are seconds; sizes are bytes; shares are from 0 to 1, and
None where there is nothing to take a share of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sessionize.lake.ledger import Counts, ObjectCounts, WrittenFile


@dataclass(frozen=True)
class Progress:
    """How far the ledgers have been read: ``read`` of ``known`` hours."""

    read: int
    known: int


@dataclass(frozen=True)
class HourRow:
    """An hour of the calendar, and what its ledger says; None and empty where it has not been run.

    Attributes
    ----------
    hour : str
    state : str
        ``done``, ``outdated``, ``interrupted``; ``missing``: not run, and can be run now;
        ``waiting``: not run, and an hour before it has to be run first; ``reading``: published, its
        ledger has not been read yet; ``damaged``: its ledger cannot be read, see ``problem``.
    problem : str or None
        What is wrong with the ledger, and what to do.
    previous_state, state_fingerprint : str or None
        The state that it stands upon, and the one that it has left.
    chain_broken : bool
        Whether it stands on another state than the hour before has left.
    published_at : str or None
        When its ledger was written last.
    lag_s : float or None
        From the hour's end to ``published_at``.
    settings : str or None
        The fingerprint of the settings that it was run under.
    counts : Counts or None
        As in the ledger.
    quarantined_by_reason, closed_by_reason : dict of str to int
    objects : int
        The objects that it has read,
    bytes_landed : int
        and their bytes, as they landed (compressed).
    bytes_published : dict of str to int
        By dataset.
    """

    hour: str
    state: str
    problem: str | None = None
    previous_state: str | None = None
    state_fingerprint: str | None = None
    chain_broken: bool = False
    published_at: str | None = None
    lag_s: float | None = None
    settings: str | None = None
    counts: Counts | None = None
    quarantined_by_reason: dict[str, int] = field(default_factory=dict)
    closed_by_reason: dict[str, int] = field(default_factory=dict)
    objects: int = 0
    bytes_landed: int = 0
    bytes_published: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class HoursView:
    """The hours of a range, in order; those that are not over yet are left out unless published.

    ``by_state`` counts them. ``settings_now`` is the fingerprint of the settings in force.
    """

    first: str
    end: str
    hours: list[HourRow]
    by_state: dict[str, int]
    settings_now: str
    progress: Progress


@dataclass(frozen=True)
class CalendarHour:
    """An hour and its state, as in `HourRow`."""

    hour: str
    state: str


@dataclass(frozen=True)
class BrokenChain:
    """An hour that stands on another state than the hour before has left.

    ``left`` is None where that is not known: the hour before has not been run.
    """

    hour: str
    stands_on: str | None
    left: str | None


@dataclass(frozen=True)
class CalendarView:
    """The hours of a range without what their ledgers say: a year of them is still small."""

    first: str
    end: str
    hours: list[CalendarHour]
    broken: list[BrokenChain]
    progress: Progress


@dataclass(frozen=True)
class HourView:
    """One hour: its row, and what only its whole ledger has.

    Attributes
    ----------
    row : HourRow
    watermark : str or None
        Events before it are settled.
    claimed : list of ObjectCounts
        The objects read, the most quarantined records first; at most `MOST_OBJECTS`
    claimed_left_out : int
        and how many more there are.
    published, state : dict of str to WrittenFile
        The files: ``key``, ``rows``, ``bytes``, ``sha256``; by dataset, and by table of the state.
    ledger_url : str
    """

    row: HourRow
    watermark: str | None = None
    claimed: list[ObjectCounts] = field(default_factory=list)
    claimed_left_out: int = 0
    published: dict[str, WrittenFile] = field(default_factory=dict)
    state: dict[str, WrittenFile] = field(default_factory=dict)
    ledger_url: str = ""


@dataclass(frozen=True)
class Lengths:
    """How long sessions took, from their first to their last event.

    Lengths are counted by the whole second (rounded down), and nothing else is approximated: the
    median and the 95th percentile are the smallest length, in whole seconds, that at least 50 and
    95 of 100 sessions do not exceed.

    Attributes
    ----------
    sessions : int
        How many are counted.
    median_s, p95_s : int or None
    histogram : list of int
        How many sessions lie from one of ``TrendsView.length_bounds_s`` (inclusive) to the next.
    """

    sessions: int
    median_s: int | None
    p95_s: int | None
    histogram: list[int]


@dataclass(frozen=True)
class TrendBucket:
    """An hour, or a day (UTC), of the trends; sums over its published hours.

    Attributes
    ----------
    begin : str
        The hour, or the day as ``2017-02-04``.
    hours : int
        How many published hours it sums up.
    records, valid, quarantined, late, duplicates : int
    settled : int
        Events that went into sessions.
    sessions_closed : int
    closed_by_reason : dict of str to int
    sessions_open : int
        At the end of its last published hour.
    share_quarantined : float or None
        Of the records.
    share_late, share_duplicates : float or None
        Of the valid ones.
    objects, bytes_landed, bytes_published : int
    lag_max_s : float or None
        The longest time from an hour's end to its publication.
    lengths : Lengths
        Of the sessions closed, in the hours whose ``sessions`` file has been read.
    """

    begin: str
    hours: int
    records: int
    valid: int
    quarantined: int
    late: int
    duplicates: int
    settled: int
    sessions_closed: int
    closed_by_reason: dict[str, int]
    sessions_open: int
    share_quarantined: float | None
    share_late: float | None
    share_duplicates: float | None
    objects: int
    bytes_landed: int
    bytes_published: int
    lag_max_s: float | None
    lengths: Lengths


@dataclass(frozen=True)
class TrendsView:
    """Figures over time; buckets without a published hour are left out.

    Attributes
    ----------
    first, end, by : str
    buckets : list of TrendBucket
    length_bounds_s : list of int
        The lower bounds of the histograms; the last class has no upper one.
    lengths : Lengths
        Of the whole range.
    lengths_read, lengths_waiting : int
        The hours with closed sessions whose ``sessions`` file has been read, and has not yet: ask
        again.
    progress : Progress
    lengths_lost : int
        The hours whose ``sessions`` file is not the one that their ledger names: it is gone or
        damaged. They are not asked again in this process.
    """

    first: str
    end: str
    by: str
    buckets: list[TrendBucket]
    length_bounds_s: list[int]
    lengths: Lengths
    lengths_read: int
    lengths_waiting: int
    progress: Progress
    lengths_lost: int = 0


@dataclass(frozen=True)
class WorstObject:
    """An object of many refused records, and the hour that read it."""

    hour: str
    key: str
    size: int
    records: int
    valid: int
    quarantined: int


@dataclass(frozen=True)
class ReasonsHour:
    """What an hour put into quarantine, of how many records."""

    hour: str
    records: int
    quarantined: int
    by_reason: dict[str, int]


@dataclass(frozen=True)
class ReasonsView:
    """Quarantine over time: the published hours, in order.

    ``by_reason`` sums them up, the most frequent first; ``rules`` says of each of those reasons, in
    words, what refuses a record now. ``worst`` are the objects with the most refused records.
    """

    first: str
    end: str
    hours: list[ReasonsHour]
    by_reason: dict[str, int]
    rules: dict[str, str]
    worst: list[WorstObject]
    progress: Progress


@dataclass(frozen=True)
class QuarantinedRecord:
    r"""A refused record.

    Attributes
    ----------
    object_key, position : str, int
        Where it landed; its place there, from 0.
    raw : str
        The first `MOST_TEXT` characters, in printable ones: what is not (and bytes that are no
        UTF-8) is written as an escape, ``\x1b``. Still text: a page must quote it for HTML.
    raw_length : int
        The whole record's characters, or bytes where it is no UTF-8.
    raw_is_bytes : bool
        Whether it is no UTF-8.
    reason, detail : str
    rule : str
        In words, what refuses such records under the settings in force.
    """

    object_key: str
    position: int
    raw: str
    raw_length: int
    raw_is_bytes: bool
    reason: str
    detail: str
    rule: str


@dataclass(frozen=True)
class QuarantineView:
    """A page of an hour's refused records, in landed order.

    ``total`` is how many match ``reason`` and ``object_key``; ``settings_changed`` says that the
    hour was run under other settings than those that the rules are told from.
    """

    hour: str
    reason: str | None
    object_key: str | None
    offset: int
    limit: int
    total: int
    records: list[QuarantinedRecord]
    settings_changed: bool


@dataclass(frozen=True)
class ReadWork:
    """What an answer took: files and bytes read, of ``hours`` published hours in the range."""

    files: int
    bytes: int
    hours: int


@dataclass(frozen=True)
class EventRow:
    """An event.

    Attributes
    ----------
    event_id, machine_id, action : str
    event_time : str
    object_key, position : str, int
        Where it landed; its place there, from 0.
    user_id : str or None
    extra : dict
        All its other columns, the pipeline's own among them; instants as texts.
    frontier : str or None
        Late events: the time up to which its machine was settled when it came.
    late_by_s : float or None
        Late events: from the event to that time.
    hour : str
        The hour in whose partition, or state, it was found.
    """

    event_id: str
    machine_id: str
    action: str
    event_time: str
    object_key: str
    position: int
    user_id: str | None
    extra: dict[str, Any]
    hour: str
    frontier: str | None = None
    late_by_s: float | None = None


@dataclass(frozen=True)
class SessionRow:
    """A session, and its events of the range.

    Attributes
    ----------
    session_id, machine_id : str
    user_id : str or None
    started_at, ended_at : str
        Its first and last event; of an open session, the last one so far.
    duration_s : float
    event_count : int
    start_action, end_action : str or None
    is_open : bool
        At the end of the range.
    hour : str
        The hour whose run closed it; of an open one, the last hour of the range.
    began : str
        ``no_open_session``, ``timeout``, ``opening_event``, ``max_duration``, ``closing_event``
        (the reason why the session before it ended), ``before_range``: it was open before; or
        ``unknown``: an hour is not published, or outdated.
    began_why : str
        That in words.
    since_previous_s : float or None
        From the last event of the session before, if that is in the range, to its first.
    end_reason : str or None
        None: it is open.
    ended_why : str
    extra : dict
        All other columns.
    events : list of EventRow
        In session order; those settled in the range.
    events_before : int
        Its events that were settled before the range.
    """

    session_id: str
    machine_id: str
    user_id: str | None
    started_at: str
    ended_at: str
    duration_s: float
    event_count: int
    start_action: str | None
    end_action: str | None
    is_open: bool
    hour: str
    began: str
    began_why: str
    since_previous_s: float | None
    end_reason: str | None
    ended_why: str
    extra: dict[str, Any]
    events: list[EventRow]
    events_before: int


@dataclass(frozen=True)
class MachineView:
    """What a range of hours knows of a machine.

    Attributes
    ----------
    sessions : list of SessionRow
        Those with an event settled, or closed, in the range, and the one open at its end; by start.
    late : list of EventRow
    pending : list of EventRow
        Events that wait in the state at the end of the range.
    events_left_out : int
        More than `MOST_EVENTS` are not shown.
    missing_hours : int
        Hours of the range that are not published, so were not looked at.
    read : ReadWork
    """

    machine_id: str
    first: str
    end: str
    sessions: list[SessionRow]
    late: list[EventRow]
    pending: list[EventRow]
    events_left_out: int
    missing_hours: int
    read: ReadWork


@dataclass(frozen=True)
class EventFate:
    """A record with the event id that was looked for, and what has become of it.

    Attributes
    ----------
    fate : str
        ``settled`` (in ``session``), ``late`` (behind ``event.frontier``), ``pending`` (waits for
        the watermark), ``duplicate`` (an earlier one in landed order counts), ``quarantined``, or
        ``unknown``: an hour after it is not published.
    why : str
        That in words.
    hour : str
        The hour in which it was found: settled, late or refused; or, of the others, read.
    event : EventRow or None
    session : SessionRow or None
        Its session, as the range knows it; without the other events.
    record : QuarantinedRecord or None
    """

    fate: str
    why: str
    hour: str
    event: EventRow | None = None
    session: SessionRow | None = None
    record: QuarantinedRecord | None = None


@dataclass(frozen=True)
class EventView:
    """What has become of the records with an event id, in landed order; none: it is unknown there.

    ``fates_left_out`` counts those beyond `MOST_FATES`, as far as they were looked for. Refused
    records are searched for the id as a text, but for those that are no UTF-8.
    """

    event_id: str
    first: str
    end: str
    fates: list[EventFate]
    fates_left_out: int
    missing_hours: int
    read: ReadWork


#: The most that an answer holds.
MOST_OBJECTS = 1000
MOST_TEXT = 4000
MOST_EVENTS = 10_000
MOST_FATES = 100
