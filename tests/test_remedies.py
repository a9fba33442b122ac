"""Every remedy that the project names, in one table, and most of them followed as they are typed.

A fault is provoked on a small lake, the command line says what to do, that is done to the letter,
and after it the hour is done.
"""

from __future__ import annotations

import ast
import inspect
import re
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sessionize
from sessionize.airflow.backfill import errors as backfill_errors
from sessionize.cli import main
from sessionize.config import load_config
from sessionize.lake import claims, commit
from sessionize.lake.state_store import load_state
from sessionize.lake.storage import LocalStorage, S3Credentials
from sessionize.model import errors
from sessionize.model.errors import (
    ClaimChangedError,
    ObjectGoneError,
    SessionizeError,
    StagingError,
)
from sessionize.model.hours import Hour
from sessionize.pipeline import stages
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario

FIRST, SECOND, THIRD, LAST = scenario.HOURS
HERE = "tests/test_remedies.py"
S3 = "tests/lake/storage/test_s3.py"
DISCOVERY = "tests/discovery"
OBSERVE = "tests/observe"
BULK = "tests/airflow/bulk"
LOCAL = "tests/lake/storage/test_local.py"
BACKFILL = "tests/airflow/test_backfill_command.py"
SCHEDULER = "tests/airflow/test_backfill_scheduler.py"
RUN_DATE = "tests/airflow/test_run_date.py"
DAILY = "tests/daily"
DELIVERY = "tests/airflow/test_delivery.py"
RUN_HOUR = "tests/airflow/test_run_hour.py"
TELL = "tests/alerts/test_tell.py"

#: Each remedy ({} is where something is put in), by module; and the test that provokes and, where
#: it stands in this file, follows it. `None`: nobody can, here.
REMEDIES: dict[str, dict[str, str | None]] = {
    "alerts/tell": {
        "Mend the connection or `alerts.notify`; the next look tells them.": (
            f"{TELL}::test_one_that_cannot_be_told_keeps_no_other_from_it_and_is_told_later"
        ),
        "See who writes it; the next look tries again.": (
            f"{TELL}::test_a_record_that_is_replaced_again_and_again_is_given_up"
        ),
    },
    "alerts/told": {
        "Move it away: what is wrong is then told once more.": (
            f"{TELL}::test_a_foreign_record_is_moved_away_and_all_is_told_once_more"
        ),
    },
    "airflow/alerts": {
        "The log says what to do. To be told elsewhere, name somebody in `[[alerts.notify]]`.": (
            "tests/airflow/test_alerts.py"
            "::test_a_look_without_anybody_to_tell_fails_with_what_is_wrong"
        ),
    },
    "airflow/backfill/actions": {
        "Wait until it is done, or cancel it.": (
            f"{BACKFILL}::test_a_backfill_that_goes_on_is_named"
        ),
        "Try again; if it is SQLite, use PostgreSQL, which many can write to at once.": None,
        "Nothing was started.": None,
        "Mend what it says.": None,
    },
    "airflow/backfill/command": {
        "The task's log in the UI says why. Mend it, then run: {}"
        " (those that wait go on by themselves)": (
            f"{SCHEDULER}::test_a_failed_hour_holds_the_later_ones_until_it_is_mended"
        ),
        "The task's log in the UI says why. Mend it, then run: {}": (
            f"{BACKFILL}::test_a_failed_run_is_the_exit_code"
        ),
        "Wait for it; if a failed run holds it, mend that and run: {}; or cancel it in the UI.": (
            f"{BACKFILL}::test_a_backfill_that_goes_on_is_named"
        ),
        "Leave --run-backwards out.": (
            f"{BACKFILL}::test_what_cannot_be_meant_is_refused_with_a_remedy"
        ),
        "Widen the range; both ends belong to it.": (
            f"{BACKFILL}::test_a_range_without_runs_is_refused"
        ),
        "Give --start-date, --end-date or both.": (
            f"{BACKFILL}::test_a_range_without_runs_is_refused"
        ),
        "Swap them.": f"{BACKFILL}::test_a_range_without_runs_is_refused",
        "Add --yes.": f"{BACKFILL}::test_done_runs_are_run_again_only_if_someone_says_yes",
        "You said no.": f"{BACKFILL}::test_done_runs_are_run_again_only_if_someone_says_yes",
        "Add --unpause, which unpauses it once the runs are there.{}": (
            f"{BACKFILL}::test_a_paused_dag_is_refused_with_the_remedy"
        ),
        "Mend it.": f"{BACKFILL}::test_what_cannot_be_meant_is_refused_with_a_remedy",
        # An option of Airflow 2: each with its own.
        "{}": f"{BACKFILL}::test_what_cannot_be_meant_is_refused_with_a_remedy",
    },
    "airflow/backfill/metadata": {
        "`airflow dags list` shows those there are, `airflow dags list-import-errors` the files "
        "that fail. The DAG processor can take some minutes to notice a new file.": None,
        "Trigger it (`airflow dags trigger`); partitions: `airflow backfill create`.": None,
    },
    "airflow/backfill/plan": {
        "See why, mend it, then add --rerun-failed-tasks.": (
            "tests/airflow/test_backfill_plan.py::test_a_failed_run_is_not_passed_over"
        ),
    },
    "airflow/backfill/preflight": {
        "Begin there: -s {}:00. Or set `start` earlier, and run all from there.": (
            f"{BACKFILL}::test_an_hour_before_the_pipelines_start_is_refused"
        ),
        # What the lake says, passed on.
        "{}": f"{BACKFILL}::test_an_hour_without_the_one_before_is_refused_before_it_is_created",
    },
    "airflow/backfill/replay": {
        "Run the command where Airflow's DAG files lie; for other DAGs leave --replay out.": (
            "tests/airflow/test_backfill_replay.py::test_a_dag_of_no_pipeline_has_no_replay"
        ),
    },
    "airflow/bulk/check": {
        "Give the first hour, and the one after the last.": (
            f"{BULK}/test_check.py::test_hours_that_cannot_be_run"
        ),
        "Give hours of the pipeline, or mend `start` or `end` in its file.": (
            f"{BULK}/test_check.py::test_hours_that_cannot_be_run"
        ),
        "Pause it (airflow dags pause {}), and clear this task once its tasks are done.": (
            f"{BULK}/test_check.py::test_an_hourly_dag_that_is_not_paused_could_run_the_same_hours"
        ),
        "Wait until they are done, then clear this task.": (
            f"{BULK}/test_check.py::test_tasks_that_are_still_at_work_are_waited_for"
        ),
    },
    "airflow/bulk/emr": {
        "Its driver's log, `stderr`, ends with what to do. Do it, and clear the task; what "
        "it has published stays.": (
            f"{BULK}/test_emr.py::test_a_job_that_has_failed_says_where_to_look"
        ),
    },
    "airflow/bulk/engines": {
        "Install apache-airflow-providers-apache-spark, or choose another engine.": (
            f"{BULK}/test_engines.py"
            "::test_a_provider_that_is_not_installed_is_named_when_the_dag_is_loaded"
        ),
    },
    "airflow/bulk/local": {
        "Do what it says, and clear the task; what it has published stays.": (
            f"{BULK}/test_local.py::test_its_last_line_is_the_fault"
        ),
    },
    "airflow/connection": {
        "Put keys or a role into it, or give the workers an instance role.": None,
        "Create it (airflow connections add {} --conn-type aws …), or mend `airflow.aws_conn_id` "
        "in the pipeline file.": None,
        "Mend its keys, its role or its profile.": None,
    },
    "airflow/notify": {
        "Install {} (the extra `alerts` has it), or leave the recipient out.": (
            "tests/airflow/test_notify.py"
            "::test_a_provider_that_is_not_installed_is_named_when_the_dag_is_loaded"
        ),
    },
    "airflow/page/catalogs": {
        "See that its pipeline file is where the API server finds it: "
        "SESSIONIZE_PIPELINES, or pipelines/ in the DAGs folder.": (
            "tests/airflow/page/test_access.py::test_a_dag_that_is_no_pipeline_is_unknown"
        ),
    },
    "airflow/page/parameters": {
        "Write it as 2017-02-04T23, in UTC.": (
            "tests/airflow/page/test_access.py::test_what_is_no_hour_is_refused"
        ),
    },
    "airflow/pipelines": {
        "The other pipelines run meanwhile.": (
            "tests/airflow/test_dag_files.py"
            "::test_a_broken_pipeline_file_leaves_the_others_alone_and_is_shown"
        ),
    },
    "airflow/run_date": {
        'Trigger the DAG again with the param: --conf \'{"date": "2017-02-04"}\'.': (
            f"{RUN_DATE}::test_a_run_for_no_day_is_refused"
        ),
        "Trigger the DAG again with one of them.": (
            f"{RUN_DATE}::test_a_run_for_two_days_is_refused"
        ),
    },
    "airflow/run_hour": {
        "Give an hour that has begun, in UTC.": (
            f"{DELIVERY}::test_an_hour_that_has_begun_is_waited_for_and_a_future_one_refused"
        ),
        'Trigger the hour by its name, without a logical date (--conf \'{"hour": "{}"}\'), or '
        "backfill it.": f"{RUN_HOUR}::test_a_date_within_an_hour_names_none",
        "Trigger the DAG again with the param and without a logical date.": (
            f"{RUN_HOUR}::test_it_cannot_name_another_hour_than_its_date"
        ),
        "Give `hour` to manual runs only; a backfill takes its hours from its dates.": (
            f"{RUN_HOUR}::test_no_other_run_can"
        ),
    },
    "config/file": dict.fromkeys(
        (
            "Give the lake a prefix or folder of its own.",
            "Give the lake a prefix or folder beside `raw`: its files would be claimed as data.",
            "Give the path of a TOML file.",
            "Mend the line it names.",
            "docs/configuration.md describes every setting.",
            "Did you mean `{}{}`?",
            "The settings here are: {}.",
        ),
        f"{HERE}::test_a_pipeline_file_is_mended_as_its_error_says",
    ),
    "config/settings": {
        "Run a later hour, or set `start` earlier and run all hours from there.": (
            f"{HERE}::test_an_hour_before_the_first"
        ),
        "Run an earlier hour, or set `end` later.": (
            f"{DELIVERY}::test_an_hour_that_is_never_scheduled_is_refused"
        ),
    },
    "lake/claim_records": {
        "Restore it from a backup, or move it away and run the hour again.": (
            f"{HERE}::test_a_record_that_is_not_the_projects_is_moved_away"
        ),
    },
    "lake/claims": {
        "Run {} first, then on to {}, in order.": f"{HERE}::test_claims_that_are_lost",
        "Run {} first.": f"{HERE}::test_claims_that_are_lost",
        "Run the hour again from `claim`.": (
            f"{HERE}::test_an_hour_that_another_attempt_claims_meanwhile"
        ),
    },
    "daily/commit": {
        "See where the day stands with `python -m sessionize daily --status`; run it again unless "
        "it is done.": (
            f"{DAILY}/test_commit.py::test_an_attempt_that_lags_behind_replaces_nothing"
        ),
    },
    "daily/inputs": {
        "Run the hours {} to {} first, in order.": (
            f"{DAILY}/test_run.py::test_a_day_waits_for_its_hours"
        ),
        "Run the hours {} to {} again, in order, then the day.": (
            f"{DAILY}/test_run.py::test_a_day_is_not_made_of_outdated_hours"
        ),
        "Run the days {} to {} first, in order: python -m sessionize daily --from {} --to {}.": (
            f"{DAILY}/test_run.py::test_a_day_needs_the_one_before"
        ),
        "Run the day {} again first: python -m sessionize daily --date {}.": (
            f"{DAILY}/test_commit.py"
            "::test_a_day_that_fails_anywhere_is_completed_by_the_next_attempt"
        ),
    },
    "daily/ledger": {
        # It takes a defect to get there.
        "Nothing was published. This is a defect: report it, and keep the files of the day's hours "
        "and of the day before.": None,
        "Run the newer release, or remove what `_days/` holds and run all days again. Nothing was "
        "written.": f"{DAILY}/test_ledger.py::test_the_day_of_a_newer_release_is_refused",
        "Restore it from a backup, or move it away and run its day again.": (
            f"{DAILY}/test_ledger.py::test_what_is_no_ledger_is_named"
        ),
    },
    "daily/records": {
        "Run a day that has hours of the pipeline.": (
            f"{DAILY}/test_run.py::test_a_day_that_is_not_the_pipelines_is_refused"
        ),
    },
    "daily/run": {
        "Run the hour {} again, then the day {}.": (
            f"{DAILY}/test_run.py::test_damaged_sessions_of_an_hour_are_not_built_upon"
        ),
        "Run the day {} again, then {}.": (
            f"{DAILY}/test_run.py::test_a_damaged_file_is_found_and_written_anew"
        ),
    },
    "discovery/browse": {
        "Give the bucket or folder, and the prefix, that Firehose delivers to: what stands before "
        "the year, such as s3://bucket/raw.": (
            f"{DISCOVERY}/test_browse.py::test_where_there_are_no_hours_the_error_says_what_there_is"
        ),
        # The place above, where hours are.
        "{}": f"{DISCOVERY}/test_browse.py::test_a_url_below_the_year_is_told_so",
    },
    "discovery/init": {
        "Give another file with --out.": (
            f"{DISCOVERY}/test_init.py::test_what_is_wrong_is_one_line_and_leaves_no_file"
        ),
        "Give another file with --out, or --force to replace it.": (
            f"{DISCOVERY}/test_init.py::test_a_file_that_is_there_stays"
        ),
    },
    "discovery/newest": {
        "Give another --hour, or mend `raw` or `[landing] prefix`: `python -m sessionize init "
        "--explain` shows where hours land.": (
            f"{DISCOVERY}/test_preview.py::test_an_hour_without_objects_is_told"
        ),
    },
    "discovery/sample": {
        "A pipeline reads JSON objects: give the place where those land.": (
            f"{DISCOVERY}/test_init.py::test_records_that_cannot_be_read_are_said"
        ),
    },
    "bulk/failures": {
        "The logs of the driver and its executors say more. Mend it and start again: what is "
        "published is whole, and stays.": (
            "tests/bulk/test_failures.py::test_what_else_goes_wrong_is_told_in_one_line"
        ),
    },
    "bulk/publishing": {
        "Run {} again.": "tests/bulk/test_crashes.py::test_an_hour_before_that_was_run_meanwhile",
    },
    "bulk/spark": {
        "Install it: pip install 'pyspark>=4,<5'.": (
            "tests/bulk/test_spark.py::test_without_pyspark_it_says_how_to_have_it"
        ),
        "Install Java 17 or 21 (Debian, Ubuntu: openjdk-17-jre-headless), or set JAVA_HOME.": (
            "tests/bulk/test_spark.py::test_without_java_it_says_how_to_have_it"
        ),
        "Its own words above say more: Spark 4 needs Java 17 or 21, and a `--master` that is "
        "there.": "tests/bulk/test_spark.py::test_a_master_that_is_not_there_is_said_so",
    },
    "lake/commit": {
        # That of the store, which has told that another attempt was first.
        "{}": f"{HERE}::test_an_hour_that_another_attempt_publishes_meanwhile",
    },
    "lake/layout": {
        "Restore it from a backup, or move it away and run its hour again.": (
            f"{HERE}::test_a_record_that_is_not_the_projects_is_moved_away"
        ),
        "Give each pipeline a `lake` of its own.": f"{HERE}::test_the_lake_of_another_pipeline",
        "Give the pipeline a `lake` of its own; if the same objects have been moved there, write "
        "{} into {}.": f"{HERE}::test_raw_objects_that_have_been_moved",
        "Move it out of the lake, then run the {} again.": f"{HERE}::test_a_foreign_file",
    },
    "lake/ledger": {
        "Restore it from a backup, or move it away and run its hour again.": (
            f"{HERE}::test_a_record_that_is_not_the_projects_is_moved_away"
        ),
        # A defect, by its nature.
        "Nothing was published. This is a defect: report it, and keep the hour's raw objects and "
        "the state of the hour before.": None,
    },
    "lake/migrations": {
        "Restore it from a backup, or move it away and run its hour again.": (
            f"{HERE}::test_a_record_that_is_not_the_projects_is_moved_away"
        ),
        "Run the newer release, or restore the lake as it was before the upgrade. Nothing was "
        "written.": f"{HERE}::test_the_lake_of_a_newer_release",
    },
    "lake/staging": {
        "Run the hour again from `claim`.": f"{HERE}::test_a_stage_that_was_left_out",
    },
    "lake/state_store": {
        "Restore the file; or remove it, if it is there, and run {} again, then {}.": (
            f"{HERE}::test_a_part_of_the_state_that_is_not_there"
        ),
        "Run the hours {} to {} again, in order.": f"{HERE}::test_outdated_hours",
        "Run {} first, then on to {}, in order.": f"{HERE}::test_hours_that_are_missing",
        "Run {} first.": f"{HERE}::test_hours_that_are_missing",
        "Run {} again.": f"{HERE}::test_a_state_that_was_replaced_meanwhile",
    },
    "lake/storage/base": {
        # Its stage says more.
        "Restore the object as it was, then run the hour again.": (
            f"{HERE}::test_an_object_of_a_published_hour_that_is_lost"
        ),
        "See where the hour stands with `python -m sessionize status`; run it again unless it is "
        "done.": f"{HERE}::test_an_hour_that_another_attempt_publishes_meanwhile",
        "If its hour has just been run again, ask once more; else look with `python -m sessionize "
        "verify`.": (
            f"{OBSERVE}/test_quarantine.py::test_a_file_that_is_another_one_by_now_is_refused"
        ),
    },
    "lake/storage/local": {
        "Restore what it leads to, or remove the link.": (
            f"{LOCAL}::test_a_link_that_leads_nowhere_is_an_error_that_names_it"
        ),
        "Rename it, or move it away.": (
            f"{LOCAL}::test_a_name_that_is_not_utf_8_is_an_error_that_shows_it"
        ),
        "Remove it.": f"{LOCAL}::test_links_in_rings_are_an_error",
        "Move what it leads to into the folder, or remove the link.": (
            f"{LOCAL}::test_a_link_out_of_the_folder_is_an_error"
        ),
        "Check that the folder is there, writable, and its disk not full.": (
            f"{HERE}::test_a_lake_that_is_no_folder"
        ),
        "Create it, or mend the setting.": f"{HERE}::test_a_raw_folder_that_is_missing",
        "Check the folder and its permissions.": None,  # a superuser may do anything
    },
    "lake/storage/s3": {
        **dict.fromkeys(
            (
                "Renew the credentials, unless they renew themselves; then run the hour again.",
                "Check the endpoint and the network, then run the hour again; nothing was half "
                "done.",
                "Grant the credentials list, get, put and delete on the prefix, then run the hour "
                "again.",
                "Mend the credentials of the Airflow connection or the AWS variables, then run the "
                "hour again.",
                "Set the bucket's region, then run the hour again.",
                "Restore the object from the archive, then run the hour again.",
            ),
            f"{S3}::test_what_s3_will_answer_again_is_told_from_what_may_pass",
        ),
        "Create the bucket, or mend `raw` or `lake` in the pipeline file; then run the hour "
        "again.": f"{HERE}::test_a_bucket_that_is_missing",
        "Set an Airflow connection (`aws_conn_id`) or the standard AWS variables.": (
            f"{S3}::test_missing_credentials_are_an_error_that_says_where_to_set_them"
        ),
        "Check the endpoint: write it as http://host:port or https://host.": (
            f"{S3}::test_a_wrong_endpoint_is_an_error_that_says_to_check_it"
        ),
    },
    "model/glue": {
        'Write it as `{} = "s3://BUCKET/{}"`: that is what is deployed.': (
            "tests/model/test_glue.py::test_what_lies_in_no_bucket_is_refused"
        ),
    },
    "model/days": {
        "Write it in UTC as YYYY-MM-DD: 2017-02-04.": (
            "tests/model/test_days.py::test_what_is_no_day_is_refused"
        ),
    },
    "model/hours": {
        "Give the hour in UTC, ending in Z.": (
            "tests/model/test_hours.py::test_an_hour_needs_a_time_zone"
        ),
        "A run covers exactly one clock hour, such as 2017-02-04T23.": (
            "tests/model/test_hours.py::test_an_hour_must_be_aligned"
        ),
        "Start the run with the param `hour` (2017-02-04T23), or backfill the hour.": (
            f"{RUN_HOUR}::test_an_interval_that_is_not_one_hour_is_refused"
        ),
        "Write it in UTC as YYYY-MM-DDTHH: 2017-02-04T23.": (
            f"{HERE}::test_an_hour_that_is_written_wrong"
        ),
    },
    "observe/quarantine": {
        "Ask for 1 to {} records, from 0 on.": (
            f"{OBSERVE}/test_quarantine.py::test_what_cannot_be_had_is_refused"
        ),
    },
    "observe/ranges": {
        "Give a later end: it does not belong to the range.": (
            f"{OBSERVE}/test_hours.py::test_a_range_that_is_none_is_refused"
        ),
        "Ask for {} or fewer.": f"{OBSERVE}/test_hours.py::test_a_range_that_is_none_is_refused",
        "Give an hour up to the year {}.": (
            f"{OBSERVE}/test_hours.py::test_a_range_that_is_none_is_refused"
        ),
        "Run it, or ask for another hour.": (
            f"{OBSERVE}/test_quarantine.py::test_what_cannot_be_had_is_refused"
        ),
        # What the ledger's error says, passed on with it.
        "Then ask again.": (
            f"{OBSERVE}/test_quarantine.py::"
            "test_an_hour_whose_ledger_is_damaged_cannot_be_looked_into"
        ),
        "Give 1 to {} of them.": (
            f"{OBSERVE}/test_quarantine.py::test_what_cannot_be_had_is_refused"
        ),
    },
    "observe/trends": {
        'Ask for "hour" or "day".': (
            f"{OBSERVE}/test_trends.py::test_other_buckets_than_hours_and_days_are_refused"
        ),
    },
    "pipeline/partitions": {
        "Nothing was published. Look into the objects, mend the settings (`[fields]` above all), "
        "or raise `limits.fail_{}`, and run the hour again.": (
            f"{HERE}::test_a_limit_that_is_exceeded"
        ),
    },
    "replay/differences": {
        "See what `python -m sessionize verify` says, and mend it first.": (
            f"{HERE}::test_a_damaged_file_that_a_dry_run_compares_with"
        ),
    },
    "replay/execute": {
        # That of the hour which has failed.
        "{} Then plan again: {} to {}.": f"{HERE}::test_a_replay_that_stops",
        "Restore them as they were, and plan again. An hour whose objects are lost for good is run "
        "without them once its ledger has been moved away.": (
            f"{HERE}::test_a_replay_of_hours_whose_objects_are_gone"
        ),
    },
    "replay/look": {
        "The end is exclusive: give a later hour.": (
            "tests/replay/test_look.py::test_a_range_without_hours_and_one_before_the_start_are_refused"
        ),
        "Ask for fewer; or plan on the command line, which looks at any number: "
        "`python -m sessionize plan --from {} --to {} --config …`.": (
            "tests/airflow/page/test_plan.py::test_more_hours_than_are_bearable_are_refused"
        ),
    },
    "lake/temporary": {
        "Make room there, or name a folder on a larger disk in the environment variable TMPDIR, "
        "and run the hour again.": (
            "tests/lake/test_temporary.py::test_the_command_line_says_it_in_one_line"
        ),
    },
    "pipeline/stages": {
        "Run {} again.": f"{HERE}::test_an_hour_before_that_was_run_meanwhile",
        "Restore the object as it was, then run {} again. If it is lost for good, and the hour is "
        "to be published without its events, move {} away and run {} again.": (
            f"{HERE}::test_an_object_of_a_published_hour_that_is_lost"
        ),
        "Restore the object as it was, or run {} again from `claim`: it then goes without an "
        "object that is gone, and reads one that was replaced as it is now.": (
            f"{HERE}::test_an_object_of_an_hour_under_way_that_is_lost"
        ),
    },
    "shipped": {
        "Give --force to replace what differs, or write into another folder.": (
            "tests/test_shipped.py::test_what_somebody_has_changed_is_replaced_only_if_they_say_so"
        ),
        "Name a folder that you may write into.": (
            "tests/test_shipped.py::test_a_folder_that_cannot_be_written_is_named"
        ),
    },
}


def texts_of(node: ast.AST, constants: dict[str, ast.expr]) -> list[str]:
    """Every text that an expression can be, with {} for what is put into it."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return [
                "".join(p.value if isinstance(p, ast.Constant) else "{}" for p in parts)  # type: ignore[misc]
            ]
        case ast.BinOp(left=left, right=right):
            lefts, rights = texts_of(left, constants), texts_of(right, constants)
            return [a + b for a in lefts for b in rights]
        case ast.IfExp(body=body, orelse=otherwise):
            return texts_of(body, constants) + texts_of(otherwise, constants)
        case ast.Name(id=name) if name in constants:
            return texts_of(constants[name], constants)
        case ast.Subscript(value=ast.Name(id=name)) if name in constants:
            values = getattr(constants[name], "values", [])
            return [text for value in values for text in texts_of(value, constants)]
    return ["{}"]


def remedies_in(module: Path) -> set[str]:
    """Every remedy of the errors that a module makes."""
    known = {
        name
        for place in (errors, backfill_errors)
        for name, kind in vars(place).items()
        if inspect.isclass(kind) and issubclass(kind, SessionizeError)
    }
    tree = ast.parse(module.read_text())
    constants = {
        target.id: line.value
        for line in tree.body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
    }
    return {
        text
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if call.func.id in known
        for text in texts_of(call.args[1], constants)
    }


def test_the_table_has_every_remedy_of_the_package_and_no_other():
    package = Path(sessionize.__file__).parent
    found: dict[str, set[str]] = defaultdict(set)
    for module in package.rglob("*.py"):
        if remedies := remedies_in(module):
            found[module.relative_to(package).with_suffix("").as_posix()] = remedies
    assert {module: set(table) for module, table in REMEDIES.items()} == found


@pytest.mark.parametrize(
    "test", sorted({test for table in REMEDIES.values() for test in table.values() if test})
)
def test_the_tests_that_it_names_are_there(test: str):
    file, _, name = test.partition("::")
    assert f"def {name}(" in (Path(__file__).parents[1] / file).read_text()


class Lab:
    """A pipeline file with its raw objects and its lake, and the command line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.file = folder / "pipeline.toml"
        self.raw, self.lake = LocalStorage(folder / "raw"), LocalStorage(folder / "lake")
        self._capsys = capsys
        (folder / "raw").mkdir()
        scenario.land_all(self.raw)
        self.file.write_text(f'name = "t"\nraw = "raw"\nlake = "lake"\nstart = {FIRST}:00:00Z\n')

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline.open(load_config(self.file))

    def command(self, *arguments: str) -> tuple[int, str]:
        self._capsys.readouterr()
        code = main([arguments[0], "--config", str(self.file), *arguments[1:]])
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def run(self, first: Hour | str, last: Hour | str | None = None) -> None:
        """Run an hour, or the hours from the first to the last, as a remedy says."""
        end = Hour.parse(str(last or first)).next
        code, said = self.command("run", "--from", str(first), "--to", str(end))
        assert code == 0, said

    def fails(self, hour: Hour, remedy: str) -> re.Match[str]:
        """Run an hour, which fails; return what the remedy, a pattern, is filled with."""
        code, said = self.command("run", "--hour", str(hour))
        assert code == 1
        assert said.count("\n") == 1
        found = re.search(remedy, said)
        assert found, said
        return found

    def is_done(self, last: Hour) -> None:
        """Make sure that `status` holds all hours up to this one for done."""
        _, said = self.command("status", "--to", str(last.next))
        states = [line.split()[:2] for line in said.splitlines()[1:]]
        expected = [hour for hour in scenario.HOURS if hour <= last]
        assert states == [[str(hour), "done"] for hour in expected]

    def edit(self, change: Callable[[str], str]) -> None:
        self.file.write_text(change(self.file.read_text()))


@pytest.fixture
def lab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Lab:
    return Lab(tmp_path, capsys)


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ('lake = "raw"', 'lake = "lake"', "Give the lake a prefix or folder of its own"),
        ('lake = "raw/2017"', 'lake = "lake"', "Give the lake a prefix or folder beside `raw`"),
        ('lake = "lake', 'lake = "lake"', "Mend the line it names"),
        ('lake = "ftp://x"', 'lake = "lake"', "docs/configuration.md describes every setting"),
        ('lakes = "lake"', 'lake = "lake"', "Did you mean `lake`"),
        ('x_y_z = 1\nlake = "lake"', 'lake = "lake"', "The settings here are: .*lake"),
    ],
)
def test_a_pipeline_file_is_mended_as_its_error_says(lab: Lab, wrong: str, right: str, says: str):
    lab.edit(lambda text: text.replace(right, wrong))
    lab.fails(FIRST, says)
    lab.edit(lambda text: text.replace(wrong, right))
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_a_pipeline_file_that_is_not_there_is_given(lab: Lab, capsys: pytest.CaptureFixture[str]):
    assert main(["run", "--config", str(lab.folder), "--hour", str(FIRST)]) == 1
    assert "Give the path of a TOML file" in capsys.readouterr().err
    lab.run(FIRST)


def test_an_hour_before_the_first(lab: Lab):
    lab.edit(lambda text: text.replace(f"{FIRST}", f"{SECOND}"))
    lab.run(SECOND)
    lab.fails(FIRST, "set `start` earlier and run all hours from there")
    lab.edit(lambda text: text.replace(f"{SECOND}", f"{FIRST}"))
    lab.run(FIRST, SECOND)
    lab.is_done(SECOND)


def test_an_hour_that_is_written_wrong(lab: Lab):
    code, said = lab.command("run", "--hour", f"{FIRST}:30")
    assert code == 1
    example = re.search(r"as YYYY-MM-DDTHH: (\S+)\.", said)
    assert example
    lab.run(FIRST)
    lab.run(example[1])
    lab.is_done(SECOND)


@pytest.mark.parametrize(
    ("key", "content"),
    [
        (f"_runs/{FIRST.partition}.json", b"{"),
        (f"_runs/{FIRST.partition}.json", b'{"format": 1}'),
        (f"_runs/{FIRST.partition}.json", b'{"format": "?"}'),
        (f"_claims/{SECOND.partition}.json", b"{"),
        (f"_claims/{SECOND.partition}.json", b'{"format": 1}'),
        ("_pipeline.json", b"[]"),
    ],
)
def test_a_record_that_is_not_the_projects_is_moved_away(lab: Lab, key: str, content: bytes):
    lab.run(FIRST, SECOND)
    assert lab.lake.read(key) is not None
    lab.lake.write(key, content)
    lab.fails(SECOND, rf"{key} is not a.* move it away and run (its|the) hour again")
    (lab.folder / "lake" / key).rename(lab.folder / "moved-away")
    lab.run(FIRST if FIRST.partition in key else SECOND)
    lab.run(SECOND)
    lab.is_done(SECOND)


@pytest.mark.parametrize("hour", [SECOND, LAST])
def test_claims_that_are_lost(lab: Lab, hour: Hour):
    lab.run(FIRST, LAST)
    for entry in list(lab.lake.list("_claims/")):
        lab.lake.delete(entry.key)
    found = lab.fails(hour, r"Run (\S+) first(?:, then on to (\S+), in order)?\.")
    lab.run(found[1], found[2])
    lab.run(hour)
    lab.is_done(LAST)


@pytest.mark.parametrize("hour", [SECOND, LAST])
def test_hours_that_are_missing(lab: Lab, hour: Hour):
    found = lab.fails(hour, r"Run (\S+) first(?:, then on to (\S+), in order)?\.")
    lab.run(found[1], found[2])
    lab.run(hour)
    lab.is_done(hour)


def test_a_lake_that_is_lost_is_told_with_the_command_that_begins(lab: Lab):
    _, said = lab.command("status")
    found = re.search(r"No hour has been run: .*: run --config (\S+) --hour (\S+)\n", said)
    assert found
    assert main(["run", "--config", found[1], "--hour", found[2]]) == 0
    lab.is_done(FIRST)


def test_outdated_hours(lab: Lab):
    lab.run(FIRST, THIRD)
    lab.edit(lambda text: text + '[session]\ntimeout = "5m"\n')
    lab.run(FIRST)
    found = lab.fails(LAST, r"Run the hours (\S+) to (\S+) again, in order\.")
    lab.run(found[1], found[2])
    lab.run(LAST)
    lab.is_done(LAST)


@pytest.mark.parametrize("how", ["gone", "cut off", "of the same size"])
def test_a_part_of_the_state_that_is_not_there(lab: Lab, how: str):
    lab.run(FIRST)
    ledger = lab.pipeline.lake.ledger(FIRST)
    assert ledger
    key = next(file.key for file in ledger.state.values() if file.rows)
    content = lab.lake.read(key) or b""
    lab.lake.delete(key)
    if how != "gone":
        lab.lake.write(key, content[:-9] if how == "cut off" else bytes(len(content)))
    found = lab.fails(SECOND, r"(\S+), a part of .* and run (\S+) again, then (\S+)\.")
    (lab.folder / "lake" / key).unlink(missing_ok=True)
    assert found[1].endswith(key)
    lab.run(found[2])
    lab.run(found[3])
    lab.is_done(SECOND)


def test_a_state_that_was_replaced_meanwhile(lab: Lab):
    lab.run(FIRST)
    before = lab.pipeline.lake.ledger(FIRST)
    lab.edit(lambda text: text + '[session]\ntimeout = "5m"\n')
    scenario.land(lab.raw, FIRST, "late", [scenario.event("f6", "22:58:00")])
    lab.run(FIRST)
    with pytest.raises(ClaimChangedError) as raised:
        load_state(lab.pipeline.lake, before, lab.pipeline.config.schemas.state, 0, 1)
    assert raised.value.remedy == f"Run {SECOND} again."
    lab.run(SECOND)
    lab.is_done(SECOND)


def test_an_hour_before_that_was_run_meanwhile(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    lab.run(FIRST)
    sessionized = stages.sessionized

    def with_another(*arguments: Any) -> Any:
        done = sessionized(*arguments)
        monkeypatch.undo()
        scenario.land(lab.raw, FIRST, "late", [scenario.event("f6", "22:58:00")])
        main(["run", "--config", str(lab.file), "--hour", str(FIRST)])
        return done

    monkeypatch.setattr(stages, "sessionized", with_another)
    code, said = lab.command("run", "--hour", str(SECOND))
    assert code == 1
    found = re.search(r"Run (\S+) again\.", said)
    assert found
    lab.run(found[1])
    lab.is_done(SECOND)


def test_the_lake_of_another_pipeline(lab: Lab):
    lab.run(FIRST)
    lab.edit(lambda text: text.replace('"t"', '"u"'))
    lab.fails(FIRST, "Give each pipeline a `lake` of its own")
    lab.edit(lambda text: text.replace('"lake"', '"lake-of-u"'))
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_raw_objects_that_have_been_moved(lab: Lab):
    lab.run(FIRST)
    (lab.folder / "raw").rename(lab.folder / "elsewhere")
    lab.edit(lambda text: text.replace('"raw"', '"elsewhere"'))
    lab.fails(FIRST, "if the same objects have been moved there, write")
    marker = '{"format": 2, "name": "t", "raw": "../elsewhere"}'
    lab.lake.write("_pipeline.json", marker.encode())
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_the_lake_of_a_newer_release(lab: Lab):
    lab.run(FIRST)
    before = lab.lake.read("_pipeline.json") or b""
    lab.lake.write("_pipeline.json", b'{"format": 999, "name": "t"}')
    lab.fails(SECOND, "restore the lake as it was before the upgrade")
    lab.lake.write("_pipeline.json", before)
    lab.run(SECOND)
    lab.is_done(SECOND)


def test_a_foreign_file(lab: Lab):
    lab.lake.write(f"sessions/{FIRST.partition}/mine.parquet", b"?")
    lab.fails(FIRST, r"mine\.parquet is not .* Move it out of the lake, then run the hour again")
    lab.lake.delete(f"sessions/{FIRST.partition}/mine.parquet")
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_a_limit_that_is_exceeded(lab: Lab):
    lab.edit(lambda text: text + "[limits]\nfail_quarantined = 0.1\n")
    found = lab.fails(FIRST, r"or raise `limits\.(\w+)`, and run the hour again")
    lab.edit(lambda text: text.replace(f"{found[1]} = 0.1", f"{found[1]} = 0.2"))
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_an_object_of_a_published_hour_that_is_lost(lab: Lab):
    lab.run(FIRST)
    key = f"{FIRST.landing_prefix}stream-1-a-1"
    content = lab.raw.read(key) or b""
    published = scenario.content(lab.lake)
    lab.raw.delete(key)
    remedy = (
        r"then run (\S+) again\. If it is lost for good, .* move (\S+) away and run (\S+) again"
    )
    found = lab.fails(FIRST, remedy)
    assert scenario.content(lab.lake) == published

    lab.raw.write(key, content)
    lab.run(found[1])
    assert scenario.content(lab.lake) == published

    lab.raw.delete(key)
    found = lab.fails(FIRST, remedy)
    Path(found[2]).rename(lab.folder / "moved-away")
    lab.run(found[3])
    ledger = lab.pipeline.lake.ledger(FIRST)
    assert ledger
    assert [entry.key for entry in ledger.claimed] == [f"{FIRST.landing_prefix}stream-1-a-2"]
    lab.run(SECOND)
    lab.is_done(SECOND)


def change_timeout(lab: Lab) -> None:
    lab.edit(lambda text: text + '[session]\ntimeout = "5m"\n')


def test_a_replay_of_hours_whose_objects_are_gone(lab: Lab):
    lab.run(FIRST, SECOND)
    change_timeout(lab)
    key = f"{FIRST.landing_prefix}stream-1-a-1"
    content = lab.raw.read(key) or b""
    plan = ("plan", "--from", str(FIRST), "--to", str(THIRD), "--execute")
    lab.raw.delete(key)
    code, said = lab.command(*plan)
    assert code == 1
    assert f"{key} first. Restore them as they were, and plan again" in said

    lab.raw.write(key, content)
    assert lab.command(*plan)[0] == 0
    lab.is_done(SECOND)

    lab.raw.delete(key)
    code, said = lab.command(*plan, "--all")
    assert code == 1
    assert "run without them once its ledger has been moved away" in said
    Path(lab.pipeline.lake.ledger_url(FIRST)).rename(lab.folder / "moved-away")
    assert lab.command(*plan)[0] == 0
    lab.is_done(SECOND)


def test_a_replay_that_stops(lab: Lab):
    lab.run(FIRST, SECOND)
    change_timeout(lab)
    lab.edit(lambda text: text + "[limits]\nfail_quarantined = 0.17\n")
    code, said = lab.command("plan", "--from", str(FIRST), "--to", str(THIRD), "--execute")
    assert code == 1
    found = re.search(r"or raise `limits\.(\w+)`.* Then plan again: (\S+) to (\S+)\.", said)
    assert found
    lab.edit(lambda text: text.replace(f"{found[1]} = 0.17", f"{found[1]} = 0.5"))
    assert lab.command("plan", "--from", found[2], "--to", found[3], "--execute")[0] == 0
    lab.is_done(SECOND)


def test_a_damaged_file_that_a_dry_run_compares_with(lab: Lab):
    lab.run(FIRST)
    change_timeout(lab)
    part = lab.folder / "lake" / f"open_sessions/{FIRST.partition}/part-0.parquet"
    part.write_bytes(bytes(part.stat().st_size))
    plan = ("plan", "--from", str(FIRST), "--to", str(SECOND), "--dry-run-hours", "1")
    code, said = lab.command(*plan)
    assert code == 1
    assert "See what `python -m sessionize verify` says, and mend it first" in said
    code, said = lab.command("verify")
    command = re.search(r"--from (\S+) --to", said)
    assert command
    lab.run(command[1])
    assert lab.command(*plan)[0] == 0


def test_an_object_of_an_hour_under_way_that_is_lost(lab: Lab):
    claim = stages.claim(lab.pipeline, FIRST)
    lab.raw.delete(f"{FIRST.landing_prefix}stream-1-a-1")
    with pytest.raises(ObjectGoneError) as raised:
        stages.validate_batch(lab.pipeline, FIRST, claim.id, 0)
    assert f"run {FIRST} again from `claim`" in raised.value.remedy
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_a_stage_that_was_left_out(lab: Lab):
    claim = stages.claim(lab.pipeline, FIRST)
    with pytest.raises(StagingError, match="Run the hour again from `claim`"):
        stages.publish(lab.pipeline, FIRST, claim.id)
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_a_claim_that_has_changed(lab: Lab):
    claim = stages.claim(lab.pipeline, FIRST)
    scenario.land(lab.raw, FIRST, "late", [scenario.event("f6", "22:58:00")])
    stages.claim(lab.pipeline, FIRST)
    with pytest.raises(ClaimChangedError, match="Run the hour again from `claim`"):
        stages.validate_batch(lab.pipeline, FIRST, claim.id, 0)
    lab.run(FIRST)
    lab.is_done(FIRST)


def meanwhile(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, *, after: bool
) -> None:
    """Let another attempt run the whole of the hour, with one object more, beside a function."""
    function = getattr(place, name)

    def with_another(*arguments: Any) -> Any:
        monkeypatch.undo()
        done = function(*arguments) if after else None
        scenario.land(lab.raw, FIRST, "late", [scenario.event("f6", "22:58:00")])
        assert main(["run", "--config", str(lab.file), "--hour", str(FIRST)]) == 0
        return done if after else function(*arguments)

    monkeypatch.setattr(place, name, with_another)


def test_an_hour_that_another_attempt_claims_meanwhile(lab: Lab, monkeypatch):
    meanwhile(lab, monkeypatch, claims, "_unclaimed", after=True)
    code, said = lab.command("run", "--hour", str(FIRST))
    assert code == 1
    assert "another attempt has claimed it since. Run the hour again from `claim`." in said
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_an_hour_that_another_attempt_publishes_meanwhile(lab: Lab, monkeypatch):
    meanwhile(lab, monkeypatch, commit, "_upload", after=False)
    code, said = lab.command("run", "--hour", str(FIRST))
    assert code == 1
    assert "another attempt publishes the hour with another outcome, and was first" in said
    assert "run it again unless it is done" in said
    lab.is_done(FIRST)


def test_a_bucket_that_is_missing(
    lab: Lab, s3_credentials: S3Credentials, connect_once: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_credentials.endpoint_url or "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_credentials.access_key or "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_credentials.secret_key or "")
    bucket = f"remedies-{uuid.uuid4().hex}"
    lab.edit(lambda text: text.replace('"lake"', f'"s3://{bucket}/lake"'))
    lab.fails(FIRST, f"s3://{bucket}/lake.* Create the bucket, or mend .* then run the hour again")
    connect_once(s3_credentials).create_bucket(Bucket=bucket)
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_a_raw_folder_that_is_missing(lab: Lab):
    lab.edit(lambda text: text.replace('"raw"', '"absent"'))
    lab.fails(FIRST, r"absent.* Create it, or mend the setting")
    lab.edit(lambda text: text.replace('"absent"', '"raw"'))
    lab.run(FIRST)
    lab.is_done(FIRST)


def test_a_lake_that_is_no_folder(lab: Lab):
    (lab.folder / "lake").write_text("a file")
    lab.fails(FIRST, "Check that the folder is there, writable")
    (lab.folder / "lake").unlink()
    lab.run(FIRST)
    lab.is_done(FIRST)
