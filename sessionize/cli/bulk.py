"""``bulk``: many hours in one pass, on Spark."""

from __future__ import annotations

import argparse

from sessionize.cli.arguments import (
    Commands,
    add_command,
    add_range,
    hours_of_range,
    open_pipeline,
)
from sessionize.cli.summary import print_outdated, print_published


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "run many hours in one pass, on many machines: the same files as hour by hour"
    parser = add_command(commands, "bulk", text, _bulk)
    add_range(parser, "run")
    parser.add_argument(
        "--master",
        metavar="URL",
        help="where Spark runs, as local[2]; unless given as spark-submit says, or on all "
        "processors of this machine",
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep hours that are done, up to the first that isn't"
    )
    parser.add_argument(
        "--stretch", metavar="N", type=int, help="take N hours in one pass; a week unless given"
    )


def _bulk(options: argparse.Namespace) -> int:
    if options.first is None or options.end is None:
        options.parser.error("give --from and --to")
    if options.stretch is not None and options.stretch < 1:
        options.parser.error("--stretch is at least 1")
    hours, pipeline = hours_of_range(options), open_pipeline(options)
    from sessionize.bulk.driver import STRETCH, Cut, bulk, not_done
    from sessionize.bulk.engine import SparkEngine
    from sessionize.bulk.progress import ShownProgress
    from sessionize.bulk.spark import session

    if options.resume:
        from sessionize.lake.commit import remove_staged

        done, hours = hours, not_done(pipeline, hours)
        # A driver that was killed may have left some of what it worked on.
        remove_staged(pipeline.lake, pipeline.staging, done[: len(done) - len(hours)])
        if not hours:
            print(f"{options.first} to {options.end}: all hours are done")
            return 0
    published, cut = None, Cut(stretch=options.stretch or STRETCH)
    with session(options.master) as spark:
        for published in bulk(pipeline, SparkEngine(spark, ShownProgress()), hours, cut):
            print_published(published)
    print_outdated(published)
    return 0
