"""``describe``: a pipeline's columns."""

from __future__ import annotations

import argparse
import json

from sessionize.cli.arguments import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "print the columns of a pipeline"
    parser = add_command(commands, "describe", text, _describe)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--athena", action="store_true", help="as statements for Athena")
    form.add_argument(
        "--terraform", action="store_true", help="as the variables of deploy/aws, JSON"
    )


def _describe(options: argparse.Namespace) -> int:
    from sessionize.config import load_config
    from sessionize.model.describe import athena_ddl, daily_table, events_table, sessions_table
    from sessionize.model.glue import terraform_variables

    config = load_config(options.config)
    first_day = f"{config.start.start:%Y-%m-%d}"
    if options.terraform:
        variables = terraform_variables(
            config.name, config.raw, config.lake, config.landing.prefix, first_day, config.schemas
        )
        print(json.dumps(variables, indent=1))
        return 0
    if options.athena:
        for dataset in (*config.schemas.datasets, *config.schemas.daily_datasets):
            print(athena_ddl(dataset, config.schemas, config.lake, first_day), end="\n\n")
        return 0
    print(f"`events`\n\n{events_table(config.schemas, config.raw_fields)}\n")
    print(f"`sessions`, `open_sessions`\n\n{sessions_table(config.schemas)}\n")
    print("`daily_sessions`: the columns of `sessions`, and")
    for dataset in config.schemas.daily_datasets:
        heading = "" if dataset == "daily_sessions" else f"\n`{dataset}`\n"
        print(f"{heading}\n{daily_table(dataset, config.schemas)}")
    return 0
