"""``make bench``: generate, measure in turns, check that all agree, write the report.

``python -m bench --quick`` measures one million events once or twice and writes no report.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from dataclasses import asdict
from typing import Any

from bench import report
from bench.contenders import (
    CONTENDERS,
    OURS,
    Contender,
    Outcome,
    differences,
    do_job,
    outcome,
    write_config,
)
from bench.generate import Landed, in_small_objects, landed_hour, landed_hours
from bench.job import HOUR
from bench.machine import machine, versions
from bench.measure import REPOSITORY, FailedError, Run, memory_limit, run

_FOLDER = REPOSITORY / ".bench"
_REPEATS = {1_000_000: 5, 5_000_000: 3}
_LIMIT = 2 << 30
_HOURS, _PER_HOUR = 200, 5_000
#: The same events in few objects, and in many of so many events.
_SPREAD, _FEW_OBJECTS, _PER_SMALL_OBJECT = 500_000, 10, 100
_SPREAD_REPEATS = 3


def main() -> int:
    """Run the command line."""
    options = _options()
    names = options.only.split(",") if options.only else [c.name for c in CONTENDERS]
    contenders = [contender for contender in CONTENDERS if contender.name in names]
    sizes = [_size(text) for text in options.sizes.split(",")]
    results: dict[str, Any] = {
        "machine": machine(),
        "versions": versions(c.package for c in CONTENDERS if c.package),
        "landed": {},
        "runs": {},
    }
    for size in sizes:
        landed = landed_hour(_FOLDER / "data", size)
        results["landed"][str(size)] = asdict(landed) | {"raw": None}
        results["runs"][str(size)] = _in_turns(contenders, size, landed, options.repeats)
        if OURS in names and not options.quick:
            _ours_alone(results, size)
    print()
    print(report.speed_table(results))
    if options.quick or options.only:
        return 0
    results["limited"] = _under_a_limit(max(sizes))
    results["objects"] = _many_objects()
    results["start"] = _starts()
    results["hours"] = _many_hours()
    (_FOLDER / "results.json").write_text(json.dumps(results, indent=1))
    report.write(results, REPOSITORY / "docs")
    print(f"\nwritten: {report.PAGE}, {report.PLOT}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1M only, twice, without a report")
    parser.add_argument("--only", help="of " + ",".join(c.name for c in CONTENDERS))
    parser.add_argument("--sizes", help="as 100k,1M,5M")
    parser.add_argument("--repeats", type=int, help="runs of each, at most")
    options = parser.parse_args()
    options.sizes = options.sizes or ("1M" if options.quick else "1M,5M,20M")
    options.repeats = options.repeats or (2 if options.quick else None)
    if options.quick and options.only is None:
        options.only = f"{OURS},duckdb,polars"
    return options


def _size(text: str) -> int:
    units = {"k": 1_000, "M": 1_000_000}
    return int(text[:-1]) * units[text[-1]] if text[-1] in units else int(text)


def _in_turns(
    contenders: list[Contender], size: int, landed: Landed, repeats: int | None
) -> dict[str, Any]:
    """Let all do the job, one after the other, and again: what disturbs one disturbs all."""
    results: dict[str, Any] = {}
    for contender in contenders:
        reason = None
        if contender.missing:
            reason = f"not measured: there is no `{contender.missing}` here"
        elif size > contender.largest:
            reason = f"not measured above {contender.largest // 1_000_000} M"
        results[contender.name] = {"runs": [], "note": reason}
    for path in sorted(landed.raw.rglob("*.gz")):
        path.read_bytes()  # from now on it is in the page cache, for the first as for the last
    ours: Outcome | None = None
    for turn in range(repeats or _REPEATS.get(size, 1)):
        for contender in contenders:
            result = results[contender.name]
            if result["note"] or turn >= contender.repeats:
                continue
            folder = _FOLDER / "lakes" / contender.name
            try:
                measured = do_job(contender, landed.raw, folder)
            except FailedError as error:
                result["note"] = f"failed: {error}"
                _say(size, contender.title, result["note"])
                continue
            result["runs"].append(
                {
                    "seconds": measured.seconds,
                    "peak": measured.peak_bytes,
                    "cpu": measured.cpu_seconds,
                }
            )
            _say(
                size,
                contender.title,
                f"{measured.seconds:7.2f} s  {measured.peak_bytes / 1e6:7,.0f} MB",
            )
            if turn == 0:
                found = outcome(folder)
                ours = ours or found
                result["outcome"] = asdict(found)
                result["differences"] = differences(ours, found)
                for difference in result["differences"]:
                    _say(size, contender.title, f"DIFFERS in {difference}")
            if contender.name != OURS:
                shutil.rmtree(folder, ignore_errors=True)
    return results


def _ours_alone(results: dict[str, Any], size: int) -> None:
    """Measure our parts, on the lake that our last run has left."""
    folder = _FOLDER / "lakes" / OURS
    raw = _FOLDER / "data" / str(size) / "raw"
    if not (folder / "lake").exists():
        return
    results.setdefault("state", {})[str(size)] = _module("state", folder / "bench.toml")
    if size > 5_000_000:
        return
    results.setdefault("algorithm", {})[str(size)] = _module("algorithm", folder / "lake")
    if size > 1_000_000:
        return
    results["floors"] = _module("floors", raw, folder / "lake")
    profiled = _FOLDER / "lakes" / "profiled"
    shutil.rmtree(profiled, ignore_errors=True)
    profiled.mkdir(parents=True)
    config = write_config(profiled, raw)
    results["stages"] = _module("stages", config, f"{HOUR:%Y-%m-%dT%H}")


def _module(name: str, *arguments: object) -> Any:
    """Run one of this package's modules in a process of its own; None if it fails."""
    try:
        ran = run([sys.executable, "-m", f"bench.{name}", *map(str, arguments)])
    except FailedError as error:
        print(f"bench.{name}: {error}", file=sys.stderr)
        return None
    return json.loads(ran.output.splitlines()[-1])


def _under_a_limit(size: int) -> dict[str, Any]:
    ours = CONTENDERS[0]
    raw = _FOLDER / "data" / str(size) / "raw"
    with memory_limit(_LIMIT) as limit:
        result: dict[str, Any] = {"size": size, "limit": _LIMIT, "means": limit.means}
        try:
            measured = do_job(ours, raw, _FOLDER / "lakes" / "limited", limit)
        except FailedError as error:
            return result | {"note": f"failed: {error}"}
    return result | {"seconds": measured.seconds, "peak": measured.peak_bytes}


def _starts() -> dict[str, float]:
    commands = {
        "`import sessionize`": ["-c", "import sessionize"],
        "`python -m sessionize --help`": ["-m", "sessionize", "--help"],
        "`python -c pass`": ["-c", "pass"],
    }
    return {
        title: statistics.median(run([sys.executable, *command]).seconds for _ in range(5))
        for title, command in commands.items()
    }


def _many_objects(records: int = _SPREAD) -> list[dict[str, float]] | None:
    """Run the same events in few objects and in many, in turns."""
    few = landed_hour(_FOLDER / "data", records, objects=_FEW_OBJECTS)
    many = in_small_objects(few, _FOLDER / "data" / f"{records}-small", _PER_SMALL_OBJECT)
    measured: dict[int, list[Run]] = {few.objects: [], many.objects: []}
    for _ in range(_SPREAD_REPEATS):
        for landed in (few, many):
            folder = _FOLDER / "lakes" / "objects"
            try:
                measured[landed.objects].append(do_job(CONTENDERS[0], landed.raw, folder))
            except FailedError as error:
                print(f"{landed.objects} objects: {error}", file=sys.stderr)
                return None
    return [
        {
            "objects": objects,
            "events": records,
            "seconds": statistics.median(run.seconds for run in runs),
            "peak": statistics.median(run.peak_bytes for run in runs),
        }
        for objects, runs in measured.items()
    ]


def _many_hours() -> list[float] | None:
    landed = landed_hours(_FOLDER / "data", _HOURS, _PER_HOUR)
    folder = _FOLDER / "lakes" / "hours"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    seconds: list[float] | None = _module("hours", write_config(folder, landed.raw), _HOURS)
    return seconds


def _say(size: int, who: str, what: str) -> None:
    print(f"{report.millions(size):>6}  {who:15} {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
