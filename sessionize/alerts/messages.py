"""What is told, in words: the fault, its hours, numbers, and the remedy."""

from __future__ import annotations

import html
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

from sessionize.alerts.findings import (
    EmptyHours,
    FailedTask,
    Finding,
    InterruptedHour,
    LateEventsOverLimit,
    LateHours,
    OutdatedHours,
    OverLimit,
    QuarantinedOverLimit,
)

#: A message shows so many findings, and counts the others: a channel is not a report.
_MOST = 10
_MOST_REASONS = 3
_TEXT = 300


@dataclass(frozen=True)
class Line:
    """A finding in a message: what is wrong and what to do, or that it is resolved."""

    text: str
    remedy: str = ""
    resolved: bool = False


@dataclass(frozen=True)
class Message:
    """What is sent.

    Attributes
    ----------
    pipeline : str
        The pipeline's name.
    lines : tuple of Line
        What is wrong stands first.
    link : str or None
        Where to look: the page of the DAG.
    """

    pipeline: str
    lines: tuple[Line, ...]
    link: str | None = None

    @property
    def subject(self) -> str:
        """One line: of one finding what it is, of more how many there are."""
        wrong = [line for line in self.lines if not line.resolved]
        if len(self.lines) == 1:
            [line] = self.lines
            return f"{self.pipeline}: {'resolved: ' if line.resolved else ''}{line.text}"
        counts = {"findings": len(wrong), "resolved": len(self.lines) - len(wrong)}
        said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"{self.pipeline}: {said}"

    @property
    def text(self) -> str:
        """All of it, plain."""
        return "\n".join([self.subject, *self._body()])

    @property
    def markdown(self) -> str:
        """All of it for Slack, which takes three characters for its own."""
        first, *rest = (html.escape(part, quote=False) for part in [self.subject, *self._body()])
        return "\n".join([f"*{first}*", *rest])

    @property
    def html(self) -> str:
        """All of it for mail."""
        first, *rest = (html.escape(part) for part in [self.subject, *self._body()])
        return "<br>\n".join([f"<b>{first}</b>", *rest])

    def _body(self) -> list[str]:
        parts = []
        for line in self.lines[:_MOST]:
            if len(self.lines) > 1:
                parts.append(f"{'Resolved: ' if line.resolved else ''}{line.text}")
            if line.remedy:
                parts.append(line.remedy)
        if len(self.lines) > _MOST:
            parts.append(f"and {len(self.lines) - _MOST} more")
        if self.link:
            parts.append(self.link)
        return parts


def message_of(pipeline: str, lines: Sequence[Line], link: str | None = None) -> Message:
    """Make a message: what is wrong first, then what is not any more."""
    return Message(pipeline, tuple(sorted(lines, key=lambda line: line.resolved)), link)


# What is wrong.


@singledispatch
def title_of(finding: Finding) -> str:
    """Say what is wrong, in one line: which hours, and the numbers."""
    raise NotImplementedError(type(finding))


@title_of.register
def _(finding: LateHours) -> str:
    return f"{_hours(finding)} not published {_minutes(finding)} after its end"


@title_of.register
def _(finding: OutdatedHours) -> str:
    return f"{_hours(finding)} on an outdated state"


@title_of.register
def _(finding: InterruptedHour) -> str:
    return f"{finding.first} interrupted: half published, or with objects claimed and not read"


@title_of.register
def _(finding: QuarantinedOverLimit) -> str:
    reasons = [f"{reason} {count:,}" for reason, count in finding.reasons[:_MOST_REASONS]]
    if len(finding.reasons) > _MOST_REASONS:
        reasons.append("…")
    return f"{_share(finding)} quarantined ({', '.join(reasons)})"


@title_of.register
def _(finding: LateEventsOverLimit) -> str:
    return f"{_share(finding)} late"


@title_of.register
def _(finding: EmptyHours) -> str:
    landed = f"{finding.objects:,} objects, but no record" if finding.objects else "no object"
    return f"{_hours(finding)} empty: {landed} has landed"


@title_of.register
def _(finding: FailedTask) -> str:
    return f"{finding.first} failed in {finding.task}: {_short(finding.error)}"


# What to do about it.


@singledispatch
def remedy_of(finding: Finding, pipeline: str) -> str:
    """Say what to do."""
    raise NotImplementedError(type(finding))


@remedy_of.register
def _(finding: LateHours, pipeline: str) -> str:
    return (
        "See whether the DAG is paused, and what the log of the hour's failed or running task says."
        f" Hours that have no run: {_backfill(finding, pipeline)}"
    )


@remedy_of.register
@remedy_of.register(InterruptedHour)
def _(finding: OutdatedHours, pipeline: str) -> str:
    return f"Run again, in order: {_backfill(finding, pipeline)} --reset-dagruns"


@remedy_of.register
def _(finding: QuarantinedOverLimit, pipeline: str) -> str:
    return (
        f"Look at the records: dataset `quarantine`, {finding.worst.partition}. Mend the producer "
        "or the settings, or raise `limits.warn_quarantined`."
    )


@remedy_of.register
def _(finding: LateEventsOverLimit, pipeline: str) -> str:
    return (
        f"Look at the events: dataset `late_events`, {finding.worst.partition}. If they always "
        "come like that, set `session.max_out_of_orderness`, or raise `limits.warn_late`."
    )


@remedy_of.register
def _(finding: EmptyHours, pipeline: str) -> str:
    return (
        "See that producers send, and that the delivery stream delivers to `raw`; what comes later "
        "is claimed by a later hour."
    )


@remedy_of.register
def _(finding: FailedTask, pipeline: str) -> str:
    return (
        "The task's log says why, and what to do. Then: airflow tasks clear "
        f"{shlex.quote(f'sessionize_{pipeline}')} -s {finding.first}:00 -e {finding.first}:00 -y"
    )


def line_of(finding: Finding, pipeline: str) -> Line:
    """Return a finding as it stands in a message."""
    return Line(title_of(finding), remedy_of(finding, pipeline))


def _hours(finding: Finding) -> str:
    if finding.hours == 1:
        return f"{finding.first}"
    return f"{finding.first} to {finding.last} ({finding.hours:,} hours)"


def _minutes(finding: LateHours) -> str:
    return f"{finding.after.total_seconds() / 60:g} minutes"


def _share(finding: OverLimit) -> str:
    row = "" if finding.hours == 1 else f"{_hours(finding)}, at worst "
    return (
        f"{row}{finding.worst}: {finding.share:.1%} (limit {finding.limit:.1%}), "
        f"{finding.count:,} of {finding.of:,}"
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT else f"{line[: _TEXT - 1]}…"


def _backfill(finding: Finding, pipeline: str) -> str:
    return (
        f"airflow dags backfill {shlex.quote(f'sessionize_{pipeline}')} -s {finding.first}:00 "
        f"-e {finding.last}:00"
    )
