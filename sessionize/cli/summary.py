"""What is said of a published hour, however it was run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionize.cli.arguments import NO_OBJECT

if TYPE_CHECKING:
    from sessionize.lake.commit import Published


def print_published(published: Published) -> None:
    """Print an hour's line."""
    counts = published.ledger.counts
    print(
        f"{published.ledger.hour}  read {counts.records_read:,}  valid {counts.valid:,}  "
        f"quarantined {counts.quarantined:,}  late {counts.late:,}  "
        f"duplicates {counts.duplicates:,}  sessions closed {counts.sessions_closed:,}  "
        f"open {counts.sessions_open:,}"
        + ("" if published.ledger.claimed else f"  {NO_OBJECT}")
        + ("" if published.changed else "  (unchanged)"),
        flush=True,
    )


def print_outdated(last: Published | None) -> None:
    """Print which hours are to be run again, after the last hour of a run."""
    if last is not None and last.outdated:
        first, end = last.outdated[0], last.outdated[-1].next
        print(
            f"{len(last.outdated)} later hours now stand on an outdated state: run "
            f"--from {first} --to {end}",
            flush=True,
        )
