"""``plan``: a replay, before it is run, and then its execution."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from sessionize.cli.arguments import Commands, add_command, add_range, hours_of_range, open_pipeline

if TYPE_CHECKING:
    from sessionize.pipeline.stages import Pipeline
    from sessionize.replay.plan import Plan


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "say what a replay of hours would run, why, and what stands on them; then do it"
    parser = add_command(commands, "plan", text, _plan)
    add_range(parser, "plan")
    parser.add_argument(
        "--all", action="store_true", help="also the hours that would come out as they are"
    )
    parser.add_argument("--json", action="store_true", help="the plan as data")
    parser.add_argument(
        "--dry-run-hours",
        metavar="N",
        type=int,
        help="run the first N hours, publish nothing, and say what would be otherwise",
    )
    parser.add_argument("--execute", action="store_true", help="run the plan's hours, in order")


def _plan(options: argparse.Namespace) -> int:
    if options.first is None or options.end is None:
        options.parser.error("give --from and --to")
    if options.dry_run_hours is not None and options.dry_run_hours < 1:
        options.parser.error("--dry-run-hours is at least 1")
    if options.execute and (options.json or options.dry_run_hours):
        options.parser.error("--execute goes without --json and --dry-run-hours")
    hours = hours_of_range(options)
    pipeline = open_pipeline(options)
    from sessionize.replay.look import plan_of

    plan = plan_of(pipeline, hours[0], hours[-1].next, asked=options.all)
    if options.json:
        _print_json(pipeline, plan, options)
        return 0
    _print(plan, options)
    if options.dry_run_hours:
        _rehearse(pipeline, plan, options.dry_run_hours)
    if options.execute:
        _execute(pipeline, plan)
    return 0


def _print(plan: Plan, options: argparse.Namespace) -> None:
    from sessionize.replay.explain import commands, explained

    for line in explained(plan):
        print(line)
    if not options.execute:
        for command in commands(plan, options.config):
            print(f"  {command}")


def _print_json(pipeline: Pipeline, plan: Plan, options: argparse.Namespace) -> None:
    from sessionize.replay.explain import commands
    from sessionize.replay.plan import to_json

    document = {**to_json(plan), "commands": list(commands(plan, options.config))}
    if options.dry_run_hours:
        from sessionize.replay.rehearse import rehearse

        found = rehearse(pipeline, plan, options.dry_run_hours)
        document["dry_run"] = [one.encode() for one in found]
    print(json.dumps(document, indent=1))


def _rehearse(pipeline: Pipeline, plan: Plan, hours: int) -> None:
    from sessionize.replay.announce import announced, concluded
    from sessionize.replay.rehearse import rehearse

    found = []
    for one in rehearse(pipeline, plan, hours):
        found.append(one)
        for line in announced(one):
            print(line, flush=True)
    if found:
        print(concluded(found, len(found), len(plan.runs) - len(found)))


def _execute(pipeline: Pipeline, plan: Plan) -> None:
    from sessionize.replay.execute import execute

    for outcome in execute(pipeline, plan):
        published = outcome.published
        if published is None:
            said = "left as it is: it stands on the same state"
        elif published.changed:
            said = "published"
        else:
            said = "run again, unchanged"
        print(f"{outcome.step.hour}  {said}", flush=True)
