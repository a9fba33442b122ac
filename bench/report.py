"""The page of the results: words are written here, numbers come from measurement alone."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from bench import generate
from bench.contenders import CONTENDERS, OURS

PAGE = "docs/benchmarks.md"
PLOT = "docs/benchmarks.svg"

_TARGET, _AIM = 1.6, 2.0
_ALGORITHM = 5_000_000
_START_S = 0.5
_SPREAD = 2.0
#: Hours compared to see whether the cost grows: without the first, which warm up.
_EARLY, _FULL, _LATE = slice(10, 40), slice(168, 184), slice(184, None)

Results = dict[str, Any]


def write(results: Results, folder: Path) -> None:
    """Write the page and its plot."""
    from bench.plot import draw

    draw(results, folder / Path(PLOT).name)
    (folder / Path(PAGE).name).write_text(_page(results))


def _page(results: Results) -> str:
    parts = [_HEAD, _setting(results), speed_table(results), _SPEED_NOTES, _targets(results)]
    parts += [f"![Seconds and memory by events; seconds by hour]({Path(PLOT).name})"]
    parts += ["## How time and memory grow", _growth(results), _limited(results)]
    parts += [_STAGES_HEAD, _floors(results), _profile(results)]
    parts += [_PARTS_HEAD, _algorithm(results), _starts(results)]
    parts += [_OBJECTS_HEAD, _objects(results)] if results.get("objects") else []
    parts += [_HOURS_HEAD, _hours(results), _state(results), _SAME_HEAD, _same(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


_HEAD = """# Benchmarks

Written by `make bench`; the code is in `bench/`. The whole job from landed gzip objects to
published Parquet: gunzip, parse, validate, quarantine, enrich, drop duplicates, sessionize,
write `events`, `sessionized_events`, `sessions`, `open_sessions` and `quarantine` in Parquet
with zstd at level 1. Ours is what a user runs (`python -m sessionize run`), and does more: it
claims, keeps state and ledger, checks its equations, hashes what it writes and syncs it to disk.
The peers (`bench/peers/`) do the job once, for a first hour, without state, ledger and late
events.

Each run is a fresh process, pinned to the same two cores, on the same files in the page cache,
in turns: all once, then all again. Seconds and memory are medians; seconds include the
interpreter's start."""

_SPEED_NOTES = """Ours works on an hour in memory as long as it takes up to 2 GiB there; a
larger hour goes over the disk in bounded memory (`[run] in_memory`), which costs time.

Memory is the peak resident memory of the process: the kernel's high water
mark, or, if that is more, the sum over all its processes, sampled five times a second (PySpark's
is its Java process)."""

_STAGES_HEAD = """## Where our time goes

At one million events. The floors are what no design can go below: one part of the job alone, all
in memory, by the fastest library at hand. The parsing floors make Python objects, or Polars
columns, of every value and check nothing."""

_PARTS_HEAD = "## The parts that are ours alone"

_OBJECTS_HEAD = """## Many small objects

The same events in the same order, in few objects and in many, in turns."""

_HOURS_HEAD = """## Across hours

Two hundred hours in a row in one process, all of the same machines: an hour's cost must not
depend on how many went before it."""

_SAME_HEAD = """## All agree

The counts of each peer's published files are held against ours; a difference would be named
here."""


def _setting(results: Results) -> str:
    about = ", ".join(f"{name}: {value}" for name, value in results["machine"].items())
    packages = ", ".join(f"{name} {value}" for name, value in results["versions"].items())
    landed = next(iter(results["landed"].values()))
    shape = (
        f"The events: {landed['decompressed'] / landed['records']:.0f} bytes of JSON each, some "
        f"{generate.EVENTS_PER_MACHINE} a machine, {generate.INVALID_SHARE:.0%} invalid "
        f"(a tenth of them no JSON), {generate.DUPLICATE_SHARE:.1%} duplicates; objects of "
        f"{landed['compressed'] / landed['objects'] / 1e6:.0f} MB, compressed."
    )
    return f"Measured on: {about}.\nWith: {packages}.\n\n{shape}"


def speed_table(results: Results) -> str:
    """Return the table of who takes how long."""
    lines = [
        "| events | | s | events/s | ours is faster by | peak MB | CPU s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for size, runs in results["runs"].items():
        ours = _median(runs, OURS, "seconds")
        for contender in CONTENDERS:
            if contender.name not in runs:
                continue
            start = f"| {millions(int(size))} | {contender.title} |"
            seconds = _median(runs, contender.name, "seconds")
            if seconds is None:
                lines.append(f"{start} {runs[contender.name]['note']} | | | | |")
                continue
            ratio = f"{seconds / ours:.2f}x" if ours and contender.name != OURS else ""
            peak = _median(runs, contender.name, "peak") or 0
            cpu = _median(runs, contender.name, "cpu") or 0
            lines.append(
                f"{start} {seconds:.1f} | {int(size) / seconds:,.0f} | {ratio} "
                f"| {peak / 1e6:,.0f} | {cpu:.1f} |"
            )
    return "\n".join(lines)


def _targets(results: Results) -> str:
    lines = ["| target | measured | reached |", "| --- | --- | --- |"]
    for size, runs in results["runs"].items():
        ours, peers = _median(runs, OURS, "seconds"), _peers(runs, "seconds")
        if ours and peers and int(size) <= 5_000_000:
            title, seconds = min(peers.items(), key=lambda item: item[1])
            ratio = seconds / ours
            lines.append(
                f"| {millions(int(size))}: {_TARGET}x the fastest peer, better {_AIM:.0f}x "
                f"| {ratio:.2f}x {title} | {_verdict(ratio >= _TARGET)} |"
            )
            memory, peaks = _median(runs, OURS, "peak") or 0, _peers(runs, "peak")
            title, peak = min(peaks.items(), key=lambda item: item[1])
            lines.append(
                f"| {millions(int(size))}: less memory than the leanest peer "
                f"| {memory / 1e6:,.0f} MB, {title} {peak / 1e6:,.0f} MB "
                f"| {_verdict(memory < peak)} |"
            )
    limited = results.get("limited")
    if limited:
        measured = f"{limited['seconds']:.0f} s" if "seconds" in limited else limited["note"]
        lines.append(
            f"| {millions(limited['size'])} in {limited['limit'] >> 30} GiB | {measured} "
            f"| {_verdict('seconds' in limited)} |"
        )
    for size, part in (results.get("algorithm") or {}).items():
        if part:
            speed = part["events"] / part["seconds"]
            lines.append(
                f"| {millions(int(size))}: the algorithm alone, {_ALGORITHM / 1e6:.0f} M events/s "
                f"| {speed / 1e6:.1f} M events/s | {_verdict(speed >= _ALGORITHM)} |"
            )
    if results.get("objects"):
        few, many = results["objects"]
        ratio = many["seconds"] / few["seconds"]
        lines.append(
            f"| {millions(few['events'])} in {many['objects']:,} objects: at most {_SPREAD:.0f}x "
            f"the time of {few['objects']:,} | {ratio:.2f}x | {_verdict(ratio <= _SPREAD)} |"
        )
    for title, seconds in (results.get("start") or {}).items():
        if "pass" not in title:
            lines.append(
                f"| {title} in {_START_S} s | {seconds:.2f} s | {_verdict(seconds < _START_S)} |"
            )
    return "## Targets\n\n" + "\n".join(lines) + _reasons(results)


def _reasons(results: Results) -> str:
    """Say what bounds the job: from the floors and the profile."""
    floors, profile = results.get("floors"), results.get("stages")
    if not (floors and profile):
        return ""
    least = floors["gunzip"]["ISA-L"] + min(floors["write"].values())
    every = sum(stage["seconds"] for stage in profile["stages"])
    return (
        "\n\nWhat bounds the job: at one million events, gunzip and Parquet writing alone take "
        f"{least:.1f} s of one core, which every contender pays; ours takes {every:.1f} s of "
        "thread-seconds in all. What is missed is missed for two reasons: pandas and numba take "
        "most of a second to start, on one core, whatever the hour's size; and between the steps "
        "events are whole frames, which are copied where a step leaves rows out or puts them in "
        "another order."
    )


def _growth(results: Results) -> str:
    sizes = list(results["runs"])
    head = " | ".join(f"{millions(int(size))}: s, µs an event, MB" for size in sizes)
    lines = [f"| | {head} |", "| --- |" + " --- |" * len(sizes)]
    for contender in CONTENDERS:
        cells = []
        for size in sizes:
            seconds = _median(results["runs"][size], contender.name, "seconds")
            peak = _median(results["runs"][size], contender.name, "peak") or 0
            cells.append(
                f"{seconds:.1f}, {seconds / int(size) * 1e6:.1f}, {peak / 1e6:,.0f}"
                if seconds
                else ""
            )
        lines.append(f"| {contender.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _limited(results: Results) -> str:
    limited = results.get("limited")
    if not limited:
        return ""
    size, limit = millions(limited["size"]), limited["limit"] >> 30
    if "seconds" not in limited:
        return f"{size} events under a limit of {limit} GiB: {limited['note']}."
    return (
        f"{size} events under a limit of {limit} GiB ({limited['means']}): done in "
        f"{limited['seconds']:.0f} s, with {limited['peak'] / 1e6:,.0f} MB resident at most."
    )


def _floors(results: Results) -> str:
    floors = results.get("floors")
    if not floors:
        return ""
    lines = ["| floor | by | s |", "| --- | --- | --- |"]
    lines += [
        f"| {part} | {name} | {seconds:.2f} |"
        for part, ways in floors.items()
        for name, seconds in sorted(ways.items(), key=lambda item: item[1])
    ]
    return "\n".join(lines)


def _profile(results: Results) -> str:
    profile = results.get("stages")
    if not profile:
        return ""
    total = sum(stage["seconds"] for stage in profile["stages"])

    def measured(seconds: float) -> str:
        return f"{seconds:.2f} | {seconds / total:.0%} |"

    lines = [
        f"Ours: {profile['imports']:.2f} s of imports, then {profile['seconds']:.2f} s. By "
        "sampling all threads, thread-seconds by stage, what they wait for each other included:",
        "",
        "| stage | thread-seconds | share |",
        "| --- | --- | --- |",
        *(f"| {stage['stage']} | {measured(stage['seconds'])}" for stage in profile["stages"]),
        "",
        "And by the innermost module, compiled kernels counting as the module that calls them:",
        "",
        "| module | what | thread-seconds | share |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{module['module'].removeprefix('sessionize.')}` | {module['idea']} "
        f"| {measured(module['seconds'])}"
        for module in profile["modules"]
        if module["seconds"] >= total / 100
    ]
    return "\n".join(lines)


def _algorithm(results: Results) -> str:
    lines = [
        f"- A frame in memory → sessions, ids, tags and state, {millions(int(size))}: "
        f"{part['seconds']:.2f} s, {part['events'] / part['seconds'] / 1e6:.1f} M events a second."
        for size, part in (results.get("algorithm") or {}).items()
        if part
    ]
    return "\n".join(lines)


def _starts(results: Results) -> str:
    starts = results.get("start") or {}
    return "\n".join(f"- {title}: {seconds:.2f} s." for title, seconds in starts.items())


def _objects(results: Results) -> str:
    lines = ["| events | objects | s | peak MB |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {millions(part['events'])} | {part['objects']:,} | {part['seconds']:.2f} "
        f"| {part['peak'] / 1e6:,.0f} |"
        for part in results["objects"]
    ]
    return "\n".join(lines)


def _hours(results: Results) -> str:
    hours = results.get("hours")
    if not hours:
        return ""
    early, full, late = (statistics.median(hours[part]) for part in (_EARLY, _FULL, _LATE))
    return (
        f"An hour takes {early:.3f} s among the hours {_EARLY.start} to {_EARLY.stop}, {full:.3f} "
        f"s among {_FULL.start} to {_FULL.stop}, and {late:.3f} s from there to {len(hours)}. It "
        "grows by the look-back for stragglers, seven days by default: in a folder, a run reads "
        "what each of those hours has claimed (on S3 an index saves that). From hour 168 on that "
        "is full."
    )


def _state(results: Results) -> str:
    states = {size: part for size, part in (results.get("state") or {}).items() if part}
    if not states:
        return ""
    lines = [
        "The state that a run leaves, and what a million machines of it cost:",
        "",
        "| events | machines | MB | MB a million | s to load a million | s to save a million |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for size, part in states.items():
        share = 1e6 / part["machines"]
        lines.append(
            f"| {millions(int(size))} | {part['machines']:,} | {part['bytes'] / 1e6:.1f} "
            f"| {part['bytes'] / 1e6 * share:.0f} | {part['load'] * share:.2f} "
            f"| {part['save'] * share:.2f} |"
        )
    return "\n".join(lines)


def _same(results: Results) -> str:
    names = ("valid", "quarantined", "duplicates", "settled", "machines", "open")
    lines = [
        f"| events | {' | '.join(names)} | closed | the same in |",
        "| --- |" + " --- |" * (len(names) + 2),
    ]
    differences = []
    for size, runs in results["runs"].items():
        found = {name: run for name, run in runs.items() if "outcome" in run}
        if not found:
            continue
        first = next(iter(found.values()))["outcome"]
        same = [name for name, run in found.items() if not run["differences"]]
        closed = ", ".join(f"{reason} {count:,}" for reason, count in first["closed"].items())
        counts = " | ".join(f"{first[name]:,}" for name in names)
        lines.append(f"| {millions(int(size))} | {counts} | {closed} | {', '.join(same)} |")
        differences += [
            f"- {millions(int(size))}, {name}: {difference}"
            for name, run in found.items()
            for difference in run["differences"]
        ]
    return "\n".join(lines) + ("\n\n" + "\n".join(differences) if differences else "")


def _peers(runs: Results, what: str) -> dict[str, float]:
    medians = {c.title: _median(runs, c.name, what) for c in CONTENDERS if c.name != OURS}
    return {title: value for title, value in medians.items() if value is not None}


def _median(runs: Results, name: str, what: str) -> float | None:
    measured = [run[what] for run in runs.get(name, {}).get("runs", [])]
    return statistics.median(measured) if measured else None


def _verdict(is_reached: bool) -> str:
    return "yes" if is_reached else "**no**"


def millions(size: int) -> str:
    """Write a number of events."""
    return f"{size / 1e6:g} M"
