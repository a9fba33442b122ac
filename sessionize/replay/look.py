"""What a plan hangs on: ledgers, claims and marks of the lake, and what has landed. Only read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sessionize.config import PipelineConfig
from sessionize.lake.chain import onwards
from sessionize.lake.claim_records import ClaimRecords, read_objects
from sessionize.lake.claims import earliest_straggler
from sessionize.lake.landed import for_each_hour
from sessionize.lake.layout import Lake
from sessionize.lake.storage import StoredObject, side_by_side
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour
from sessionize.pipeline.stages import Pipeline
from sessionize.pipeline.status import HourStatus, pipeline_status
from sessionize.replay.plan import HourFacts, Plan, plan

#: Hours behind those asked for that are looked at.
LATER_HOURS = 2000


def plan_of(
    pipeline: Pipeline,
    first: Hour,
    end: Hour,
    *,
    asked: bool = False,
    later_hours: int = LATER_HOURS,
    most_hours: int | None = None,
) -> Plan:
    """Plan a replay of the hours ``[first, end)`` under the pipeline's settings.

    Costs a listing of all ledgers' and marks' names; for each hour that is looked at three reads;
    listings of the raw objects and of the claims, by day and by month, of those hours and of the
    look-back before them, whose claims are read. Where something has landed that none of these
    claims holds, those of the look-back behind are read too. Looked at are the hours asked for,
    those that have to be run first, and ``later_hours`` behind. Nothing is written.

    Parameters
    ----------
    pipeline : Pipeline
        With the settings under which hours will be run.
    first, end : Hour
        Half-open.
    asked : bool
        Whether the hours are run also where they would come out as they are.
    later_hours : int
        What lies farther behind is planned by name, without sums.
    most_hours : int, optional
        Refuse to look at more hours than these, beside those behind.

    Raises
    ------
    IntervalError
        If the range is empty, begins before the pipeline's ``start``, or takes a look at too many
        hours.
    ForeignFileError, NewerFormatError
        If a ledger or claim is not one that this release understands.
    StorageError
        If the lake or the raw objects cannot be read.
    """
    config, lake = pipeline.config, pipeline.lake
    config.check_hour(first)
    if end <= first:
        raise IntervalError(
            f"there is no hour from {first} to {end}", "The end is exclusive: give a later hour."
        )
    done = lake.done_hours()
    begin = _begin(first, config, done, lake.marks())
    looked_at = (end.start - begin.start) // timedelta(hours=1)
    if most_hours is not None and looked_at > most_hours:
        raise IntervalError(
            f"a plan of {first} to {end} has to look at {looked_at:,} hours, from {begin} on: "
            f"more than {most_hours:,}",
            "Ask for fewer; or plan on the command line, which looks at any number: "
            f"`python -m sessionize plan --from {first} --to {end} --config …`.",
        )
    behind = onwards(done, end)
    seen = behind[:later_hours]
    until = seen[-1].next if seen else end
    lines = list(pipeline_status(lake, config, begin, until, done))
    facts = _facts(pipeline, lines)
    unseen = behind[later_hours:]
    settings = config.fingerprint()
    return plan(config.name, facts, first, end, settings, unseen=unseen, asked=asked)


def _begin(
    first: Hour, config: PipelineConfig, done: Sequence[Hour], marks: Collection[Hour]
) -> Hour:
    """Return the hour from which hours have to be run for ``first`` to be: see `state_store`."""
    begin = min([marked for marked in marks if marked < first], default=first)
    if first > config.start and first.previous not in set(done):
        before = [hour for hour in done if hour < first]
        begin = min(begin, before[-1].next if before else config.start)
    return max(begin, config.start)


@dataclass(frozen=True)
class _Claims:
    """Who holds which object.

    Attributes
    ----------
    of : dict of Hour to tuple of StoredObject
        The claims of some hours.
    holders : dict of str to set of Hour
        The runs that claim an object, by its key.
    noted : dict of str to set of Hour
        The runs that have noted an object as theirs: one that died may not have claimed it.
    """

    of: dict[Hour, tuple[StoredObject, ...]] = field(default_factory=dict)
    holders: dict[str, set[Hour]] = field(default_factory=dict)
    noted: dict[str, set[Hour]] = field(default_factory=dict)

    def add(self, lake: Lake, hours: Iterable[Hour]) -> None:
        """Read the claims of hours."""
        hours = [hour for hour in hours if hour not in self.of]
        claims = side_by_side(lake.storage, lambda hour: read_objects(lake, hour) or (), hours)
        for hour, objects in zip(hours, claims, strict=True):
            self.of[hour] = objects
            for entry in objects:
                self.holders.setdefault(entry.key, set()).add(hour)

    def lets(self, key: str, hour: Hour) -> bool:
        """Tell whether a run of ``hour`` would claim an object: by the rules of `claims`.

        Notes of later runs count by themselves, those of earlier ones if their claim says so too.
        """
        holders, noted = self.holders.get(key, set()), self.noted.get(key, set())
        return not holders and not any(by > hour for by in noted)


def _facts(pipeline: Pipeline, lines: Sequence[HourStatus]) -> list[HourFacts]:
    """Hold what has landed against what is claimed."""
    config, lake = pipeline.config, pipeline.lake
    begin, last = lines[0].hour, lines[-1].hour
    prefix, earliest = config.landing.prefix, earliest_straggler(begin, config)
    landed = dict(
        for_each_hour(pipeline.raw, prefix, earliest, last, lambda hour, found: (hour, found), None)
    )
    there = {entry.key: entry for found in landed.values() for entry in found}
    records = ClaimRecords(lake, earliest, _latest_holder(last, config))
    claims = _Claims()
    claims.add(lake, (hour for hour in records.claimed() if hour <= last))
    if any(key not in claims.holders for key in there):
        # Some later run may hold it.
        claims.add(lake, (hour for hour in records.claimed() if hour > last))
    free = {
        hour: [entry for entry in found if entry.key not in claims.holders]
        for hour, found in landed.items()
    }
    free = {hour: found for hour, found in free.items() if found}
    for under in free:
        for by, note in records.of(under).notes.items():
            for key in records.note(note):
                claims.noted.setdefault(key, set()).add(by)

    def facts(line: HourStatus) -> HourFacts:
        hour = line.hour
        oldest = earliest_straggler(hour, config)
        claimed = claims.of.get(hour, ())
        known = [entry for entry in claimed if _was_listed(entry, landed_from=earliest)]
        return HourFacts(
            status=line,
            claimed=tuple(there.get(entry.key, entry) for entry in claimed),
            claimable=tuple(
                entry
                for under, found in sorted(free.items())
                if oldest <= under <= hour and _is_claimed(under)
                for entry in found
                if claims.lets(entry.key, hour)
            ),
            replaced=any(entry.key in there and there[entry.key] != entry for entry in known),
            gone=tuple(entry.key for entry in known if entry.key not in there),
        )

    def _was_listed(entry: StoredObject, landed_from: Hour) -> bool:
        under = prefix.hour_of(entry.key)
        return under is not None and landed_from <= under <= last

    def _is_claimed(under: Hour) -> bool:
        # An hour that is going to be run claims what is its own before a later one looks.
        return under >= begin or records.is_claimed(under)

    return [facts(line) for line in lines]


def _latest_holder(last: Hour, config: PipelineConfig) -> Hour:
    """Return the last hour whose run may have claimed an object of ``last``, or of one before."""
    try:
        latest = last.start + config.landing.straggler_lookback
    except OverflowError:
        return last
    return Hour.containing(latest).next
