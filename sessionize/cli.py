"""The command line: run hours without Airflow, and see where a pipeline stands."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sessionize import signals
from sessionize.model.errors import SessionizeError

# Whatever is heavy (numpy, pyarrow, the AWS client) is imported by the command that needs it.
if TYPE_CHECKING:
    from sessionize.model.hours import Hour
    from sessionize.pipeline.stages import Pipeline
    from sessionize.pipeline.status import HourStatus

_HOUR_HELP = "an hour in UTC, as 2017-02-04T23"
_COUNTS = ("records_read", "valid", "quarantined", "late", "duplicates", "settled")
_NO_OBJECT = "NO OBJECT HAS LANDED"
_SESSIONS = ("sessions_closed", "sessions_open", "pending_after")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 success, 1 failure, 2 wrong usage.

    128 and the signal's number where one has ended it.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="%(levelname)s %(message)s",
        stream=sys.stderr,
    )
    try:
        with signals.raised():
            return options.command(options)
    except SessionizeError as error:
        if options.verbose:
            logging.getLogger(__name__).info("where it went wrong:", exc_info=error)
        print(f"sessionize: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("sessionize: interrupted; run the hour again to complete it", file=sys.stderr)
        return 130
    except signals.EndedError as ended:
        print(
            f"sessionize: ended by {ended.name}; run the hour again to complete it", file=sys.stderr
        )
        return ended.exit_code
    except Exception as error:
        if options.verbose:
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        print(
            f"sessionize: unexpected: {text}. Run it again with --verbose to see where; what is "
            "published is whole",
            file=sys.stderr,
        )
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sessionize",
        description="Turn landed events into sessions, hour by hour, with open sessions carried.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = _command(commands, "run", "run one hour, or a range of hours in order", _run)
    run.add_argument("--hour", metavar="HOUR", help=f"run {_HOUR_HELP}")
    run.add_argument("--from", dest="first", metavar="HOUR", help=f"run from {_HOUR_HELP}")
    run.add_argument("--to", dest="end", metavar="HOUR", help="up to this hour, exclusive")

    status = _command(commands, "status", "show hour by hour: done, missing, outdated", _status)
    status.add_argument("--from", dest="first", metavar="HOUR", help=f"show from {_HOUR_HELP}")
    status.add_argument("--to", dest="end", metavar="HOUR", help="up to this hour, exclusive")
    status.add_argument("--json", action="store_true", help="one JSON object an hour")

    describe = _command(commands, "describe", "print the columns of a pipeline", _describe)
    describe.add_argument("--athena", action="store_true", help="as statements for Athena")

    text = "hold every file of the lake against the ledgers: say what is wrong, and what to run"
    verify = _command(commands, "verify", text, _verify)
    verify.add_argument("--from", dest="first", metavar="HOUR", help=f"verify from {_HOUR_HELP}")
    verify.add_argument("--to", dest="end", metavar="HOUR", help="up to this hour, exclusive")

    check = _command(commands, "check", "check a pipeline file, and say what it sets", _check)
    check.add_argument(
        "--sample",
        action="store_true",
        help="also read the first records of the newest hour, and warn of settings that do not fit",
    )

    preview = _command(
        commands, "preview", "show what an hour would give, and write nothing", _preview
    )
    preview.add_argument(
        "--hour", metavar="HOUR", help=f"{_HOUR_HELP}; the newest that has landed unless given"
    )
    preview.add_argument(
        "--objects", metavar="N", type=int, help="read the hour's first N objects only"
    )

    text = "look at what has landed, and propose a pipeline file"
    init = commands.add_parser("init", help=text, description=text.capitalize() + ".")
    init.add_argument("--raw", required=True, metavar="URL", help="s3://bucket/prefix or a folder")
    init.add_argument("--lake", metavar="URL", help="where to publish; beside raw unless given")
    init.add_argument("--name", metavar="NAME", help="the pipeline's name")
    init.add_argument("--out", metavar="FILE", help="NAME.toml unless given; - is the screen")
    init.add_argument("--force", action="store_true", help="replace a file that is there")
    init.add_argument("--explain", action="store_true", help="print the evidence; write nothing")
    _finish(init, _init)
    return parser


def _command(commands, name: str, text: str, function) -> argparse.ArgumentParser:  # type: ignore[no-untyped-def]
    command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    command.add_argument("--config", required=True, metavar="FILE", help="the pipeline's TOML file")
    return _finish(command, function)


def _finish(command, function) -> argparse.ArgumentParser:  # type: ignore[no-untyped-def]
    command.add_argument("-v", "--verbose", action="store_true", help="say what is being done")
    command.set_defaults(command=function, parser=command)
    return command  # type: ignore[no-any-return]


def _run(options: argparse.Namespace) -> int:
    if (options.hour is None) == (options.first is None) or (
        (options.first is None) != (options.end is None)
    ):
        options.parser.error("give either --hour, or --from and --to")
    pipeline = _pipeline(options)
    from sessionize.pipeline.runner import run_hour

    published = None
    for hour in _hours(options):
        published = run_hour(pipeline, hour)
        counts = published.ledger.counts
        print(
            f"{hour}  read {counts.records_read:,}  valid {counts.valid:,}  "
            f"quarantined {counts.quarantined:,}  late {counts.late:,}  "
            f"duplicates {counts.duplicates:,}  sessions closed {counts.sessions_closed:,}  "
            f"open {counts.sessions_open:,}"
            + ("" if published.ledger.claimed else f"  {_NO_OBJECT}")
            + ("" if published.changed else "  (unchanged)"),
            flush=True,
        )
    if published is not None and published.outdated:
        first, last = published.outdated[0], published.outdated[-1]
        print(
            f"{len(published.outdated)} later hours now stand on an outdated state: run "
            f"--from {first} --to {last.next}",
            flush=True,
        )
    return 0


def _status(options: argparse.Namespace) -> int:
    pipeline = _pipeline(options)
    from sessionize.pipeline.status import pipeline_status

    first, end = _optional_hour(options.first), _optional_hour(options.end)
    lines = list(pipeline_status(pipeline.lake, pipeline.config, first, end))
    if not lines:
        config = pipeline.config
        print(
            f"No hour has been run: {config.lake} holds no ledger. The first is {config.start}: "
            f"run --config {options.config} --hour {config.start}",
            file=sys.stderr,
        )
        return 0
    if options.json:
        for line in lines:
            counts = line.ledger.encode()["counts"] if line.ledger else None
            objects = len(line.ledger.claimed) if line.ledger else None
            shown = {"state": line.state, "objects": objects, "counts": counts}
            print(json.dumps({"hour": str(line.hour), **shown}))
        return 0
    columns = (*_COUNTS, *_SESSIONS)
    print("  ".join(["hour         ", "state      ", *(name.rjust(12) for name in columns)]))
    for line in lines:
        print(_status_line(line, columns))
    return 0


def _status_line(line: HourStatus, columns: Sequence[str]) -> str:
    cells = (
        ["".rjust(12)] * len(columns)
        if line.ledger is None
        else [f"{getattr(line.ledger.counts, name):,}".rjust(12) for name in columns]
    )
    if line.ledger is not None and not line.ledger.claimed:
        cells.append(_NO_OBJECT)
    return "  ".join([str(line.hour), line.state.ljust(11), *cells]).rstrip()


def _verify(options: argparse.Namespace) -> int:
    pipeline = _pipeline(options)
    from sessionize.pipeline.verify import faults_of, hours_to_run

    first, end = _optional_hour(options.first), _optional_hour(options.end)
    faults = []
    for fault in faults_of(pipeline.lake, pipeline.config, first, end):
        print(fault.what, flush=True)
        faults.append(fault)
    if not faults:
        print(f"{pipeline.config.lake}: everything is as the ledgers say")
        return 0
    print(f"{len(faults)} faults; to mend them, after what the lines above ask for:")
    for first, end in hours_to_run(pipeline.lake, faults):
        command = f"--config {shlex.quote(options.config)} --from {first} --to {end}"
        print(f"python -m sessionize run {command}")
    return 1


def _check(options: argparse.Namespace) -> int:
    from sessionize.config import load_config

    config = load_config(options.config)
    print(f"{options.config}: pipeline {config.name!r}, {config.raw} to {config.lake}")
    if options.sample:
        from sessionize.discovery.fit import check_fit
        from sessionize.lake.storage import open_storage

        fit = check_fit(config, open_storage(config.raw))
        print(f"{fit.records:,} records of {fit.objects} objects of {fit.hour} read")
        for warning in fit.warnings:
            print(f"WARNING {warning}", file=sys.stderr)
    return 0


def _preview(options: argparse.Namespace) -> int:
    if options.objects is not None and options.objects < 1:
        options.parser.error("--objects is at least 1")
    from sessionize.config import load_config
    from sessionize.discovery.preview import preview, shown
    from sessionize.lake.storage import open_storage

    config = load_config(options.config)
    hour = _optional_hour(options.hour)
    sys.stdout.write(shown(preview(config, open_storage(config.raw), hour, options.objects)))
    return 0


def _init(options: argparse.Namespace) -> int:
    from pathlib import Path

    from sessionize.discovery.init import checked, look, refuse_existing, write_file

    # A file that is there is no reason to list a bucket first.
    if options.out not in (None, "-") and not options.explain:
        refuse_existing(Path(options.out), force=options.force)
    initial = look(options.raw, options.lake, options.name)
    if options.explain:
        sys.stdout.write(initial.explained)
        return 0
    path = Path(options.out or f"{initial.name}.toml")
    if options.out == "-":
        sys.stdout.write(checked(initial.text, path))
    else:
        write_file(path, initial.text, force=options.force)
    for doubt in initial.proposal.doubts:
        print(f"TODO {doubt}", file=sys.stderr)
    for remark in initial.proposal.remarks:
        print(f"NOTE {remark}", file=sys.stderr)
    if options.out != "-":
        print(
            f"{path} written"
            + ("" if initial.proposal.is_complete else ": name the fields marked TODO in it")
            + f". Then: python -m sessionize preview --config {path}"
        )
    return 0


def _describe(options: argparse.Namespace) -> int:
    from sessionize.config import load_config
    from sessionize.model.describe import athena_ddl, events_table, sessions_table

    config = load_config(options.config)
    if options.athena:
        first_day = f"{config.start.start:%Y-%m-%d}"
        for dataset in config.schemas.datasets:
            print(athena_ddl(dataset, config.schemas, config.lake, first_day), end="\n\n")
        return 0
    print(f"`events`\n\n{events_table(config.schemas, config.raw_fields)}\n")
    print(f"`sessions`, `open_sessions`\n\n{sessions_table(config.schemas)}")
    return 0


def _pipeline(options: argparse.Namespace) -> Pipeline:
    from sessionize.config import load_config
    from sessionize.pipeline.stages import Pipeline

    return Pipeline.open(load_config(options.config))


def _hours(options: argparse.Namespace) -> list[Hour]:
    from sessionize.model.hours import Hour, hours_between

    if options.hour is not None:
        return [Hour.parse(options.hour)]
    first, end = Hour.parse(options.first), Hour.parse(options.end)
    if end <= first:
        options.parser.error(f"--to {end} is not after --from {first} (the range is half-open)")
    return list(hours_between(first, end))


def _optional_hour(text: str | None) -> Hour | None:
    from sessionize.model.hours import Hour

    return None if text is None else Hour.parse(text)
