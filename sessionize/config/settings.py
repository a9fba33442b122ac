"""The settings of a pipeline, their defaults, and what each may be.

The default values are the *profile* of desktop PDF software (contract §2); a pipeline for other
events changes settings, not code. ``docs/configuration.md`` explains every setting.
"""

from __future__ import annotations

import functools
import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from sessionize.config.alerts import Alerts
from sessionize.config.bulk import Bulk, EmrServerlessBulk
from sessionize.config.fingerprint import fingerprint
from sessionize.config.own_columns import (
    OwnEventColumn,
    OwnSessionColumn,
    declared_event_columns,
    declared_session_columns,
)
from sessionize.config.section import Section
from sessionize.config.units import Duration, Size
from sessionize.model.columns import (
    DEFAULT_FIELDS,
    FIXABLE,
    INPUT_FIELDS,
    PLAIN_INPUT_FIELDS,
    EventColumn,
    InputField,
    SessionColumn,
)
from sessionize.model.errors import IntervalError
from sessionize.model.field_paths import parse_path
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import DEFAULT_PREFIX, LandingPrefix

if TYPE_CHECKING:
    from sessionize.model.schemas import Schemas

PROFILES = ("desktop", "none")
MAX_SHARDS = 256
#: The hours that a pipeline may start with: ``hour_id`` has room up to the year 2147.
FIRST_YEAR, LAST_YEAR = 1970, 2146
#: The most threads of one process.
MAX_THREADS = 64
#: Airflow maps a task over 1024 items at most.
MAX_BATCHES = 1000

_Share = float


class SessionRules(Section, frozen=True):
    """When a session ends, and how long the pipeline waits for events (contract §3)."""

    timeout: Duration = Duration.parse("30m")
    opening: re.Pattern[str] = re.compile("start|firstrun", re.ASCII)
    closing: re.Pattern[str] | None = None
    max_duration: Duration | None = None
    allowed_lateness: Duration = Duration.parse("1h")
    max_out_of_orderness: Duration = Duration.parse("0s")
    dedup_window: Duration = Duration.parse("2h")
    max_event_age: Duration = Duration.parse("7d")
    max_clock_skew: Duration = Duration.parse("15m")
    column: tuple[OwnSessionColumn, ...] = ()


class _Fields(Section, frozen=True):
    """Which raw field fills which column. Raw fields not named here go to ``extended``."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if (path := getattr(self, name)) is not None:
                parse_path(path)


#: The names of `[fields]` without a profile, and those that only then are names.
_PLAIN_ONLY = ("machine_id", "user_id")
_PLAIN_FIELDS = ("event_id", "timestamp", "action", "machine_id", "user_id")

if TYPE_CHECKING:

    class FieldNames(_Fields, frozen=True):
        """A setting for each column that a raw field fills."""

        user_id: str | None = None

else:
    #: A setting for each column that a raw field fills: see `model.columns`.
    FieldNames = msgspec.defstruct(
        "FieldNames",
        [
            *((name, str, field) for name, field in DEFAULT_FIELDS.items()),
            *((name, str | None, None) for name in _PLAIN_ONLY),
        ],
        bases=(_Fields,),
        frozen=True,
        kw_only=True,
        module=__name__,
    )


class ValidRules(Section, frozen=True):
    """What a well-formed record is. A pattern must match the whole text."""

    required: tuple[Literal["build_id", "trialstate", "event_id"], ...] = ("build_id",)
    inst_id: re.Pattern[str] = re.compile("[0-9a-fA-F]{2,}", re.ASCII)
    build_id: re.Pattern[str] = re.compile(r"f?([1-9]|10)\.\d{1,3}\.\d{1,3}\.\d{1,3}", re.ASCII)


class Product(Section, frozen=True):
    """A product, told by its actions; the first whose pattern the action begins with counts."""

    name: str
    action: re.Pattern[str]
    trialstate: tuple[str, ...] = ()


class Fix(Section, frozen=True):
    """A cleaning rule: in ``column``, what ``pattern`` finds is replaced."""

    column: Literal[FIXABLE]  # type: ignore[valid-type]
    pattern: re.Pattern[str]
    replace: str

    def __post_init__(self) -> None:
        try:
            self.pattern.sub(self.replace, "")
        except (re.error, IndexError) as error:
            raise ValueError(
                f"`replace` {self.replace!r} does not fit `pattern`: {error}"
            ) from None


class Landing(Section, frozen=True):
    """How landed objects are found and read."""

    prefix: LandingPrefix = DEFAULT_PREFIX
    straggler_lookback: Duration = Duration.parse("7d")
    max_record_size: Size = Size.parse("16MiB")
    max_object_size: Size = Size.parse("16GiB")
    max_object_records: int = 10_000_000

    def __post_init__(self) -> None:
        if self.max_object_records < 1:
            raise ValueError(f"`max_object_records` is {self.max_object_records}: write 1 or more")
        if self.straggler_lookback < timedelta(hours=1):
            raise ValueError("`straggler_lookback` must be at least 1h: the hour before")


class Limits(Section, frozen=True):
    """Shares, from 0 to 1, above which a run fails or warns (contract §4).

    Of quarantined records: of those read. Of late events: of the valid ones.
    """

    fail_quarantined: _Share | None = 0.5
    warn_quarantined: _Share | None = None
    fail_late: _Share | None = None
    warn_late: _Share | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"`{name}` is {share}: write a share from 0 to 1")


class Run(Section, frozen=True):
    """How an hour's work is cut. Results do not depend on it.

    ``shards`` 0 stands for one shard for each ``shard_size`` of claimed objects, ``threads`` 0 for
    as many as this process may use processors. An hour whose tables take no more than
    ``in_memory`` is worked on in memory by the command line, in shards that suit it.
    """

    batch_size: Size = Size.parse("32MiB")
    shard_size: Size = Size.parse("128MiB")
    shards: int = 0
    threads: int = 0
    in_memory: Size = Size.parse("2GiB")

    def __post_init__(self) -> None:
        if not 0 <= self.shards <= MAX_SHARDS:
            raise ValueError(f"`shards` must be from 0 (by size) to {MAX_SHARDS}")
        if not 0 <= self.threads <= MAX_THREADS:
            raise ValueError(f"`threads` must be from 0 (all processors) to {MAX_THREADS}")

    @property
    def workers(self) -> int:
        """How much work is done at once."""
        return self.threads or min(len(os.sched_getaffinity(0)), MAX_THREADS)


class AirflowSettings(Section, frozen=True):
    """What the DAG of the pipeline needs to know beside the contract's settings."""

    delivery_wait: Duration = Duration.parse("15m")
    aws_conn_id: str | None = None
    owner: str = "data-engineering"
    tags: tuple[str, ...] = ()
    retries: int = 3
    retry_delay: Duration = Duration.parse("1m")
    task_timeout: Duration = Duration.parse("2h")
    max_active_runs: int = 4
    catchup: bool = True
    daily: bool = True
    trigger: Literal["schedule", "sqs"] = "schedule"
    queue: str | None = None

    def __post_init__(self) -> None:
        if self.trigger == "sqs":
            self._check_queue()
        elif self.queue is not None:
            raise ValueError(
                '`queue` is given without `trigger = "sqs"`: add that, or leave it out'
            )
        if self.retries < 0:
            raise ValueError(f"`retries` is {self.retries}: write 0 or more")
        if self.max_active_runs < 1:
            raise ValueError(f"`max_active_runs` is {self.max_active_runs}: write 1 or more")

    def _check_queue(self) -> None:
        if self.queue is None:
            raise ValueError(
                '`trigger` is "sqs", and no `queue` is given: write the URL or the name of the SQS '
                "queue that S3 sends its events to"
            )
        if not re.fullmatch(r"https?://\S+/[\w-]{1,80}|[\w-]{1,80}", self.queue, re.ASCII):
            raise ValueError(
                f"`queue` is {self.queue!r}: write the URL of an SQS queue, or its name; S3 sends "
                "nothing to queues whose names end in .fifo"
            )
        if not self.catchup:
            raise ValueError(
                '`catchup` is false and `trigger` is "sqs": hours that no message starts would be '
                "left out; leave one of them out"
            )


DEFAULT_PRODUCTS = (
    Product(name="reader", action=re.compile("reader", re.ASCII)),
    Product(
        name="pro",
        action=re.compile("pro", re.ASCII),
        trialstate=("Expired", "Activated", "Trial"),
    ),
)
DEFAULT_FIXES = (Fix(column="build_id", pattern=re.compile("^f", re.ASCII), replace=""),)


class PipelineConfig(Section, frozen=True):
    """A pipeline file, checked.

    Attributes
    ----------
    name : str
        Letters, digits, ``_``, ``-`` and ``.``; the DAG is ``sessionize_<name>``.
    raw, lake : str
        ``s3://bucket/prefix`` or a local folder.
    start : Hour
        The first hour; it begins with no state.
    end : Hour or None
        The end of the last hour that is scheduled (exclusive); None: no end.
    profile : "desktop" or "none"
        Whether events are those of desktop PDF software, or have what the file declares alone.
    """

    name: str
    raw: str
    lake: str
    start: Hour
    end: Hour | None = None
    profile: Literal[PROFILES] = "desktop"  # type: ignore[valid-type]
    session: SessionRules = SessionRules()
    fields: FieldNames = FieldNames()
    valid: ValidRules = ValidRules()
    product: tuple[Product, ...] = DEFAULT_PRODUCTS
    fix: tuple[Fix, ...] = DEFAULT_FIXES
    column: tuple[OwnEventColumn, ...] = ()
    landing: Landing = Landing()
    limits: Limits = Limits()
    run: Run = Run()
    airflow: AirflowSettings = AirflowSettings()
    alerts: Alerts = Alerts()
    bulk: Bulk | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{,199}", self.name, re.ASCII):
            raise ValueError(
                f"`name` is {self.name!r}: begin with a letter or digit, and use letters, digits, "
                "`_`, `-` and `.` only"
            )
        if not FIRST_YEAR <= self.start.start.year <= LAST_YEAR:
            raise ValueError(
                f"`start` is {self.start}: write an hour of {FIRST_YEAR} to {LAST_YEAR}"
            )
        for setting in ("raw", "lake"):
            url = getattr(self, setting)
            if not url or ("://" in url and not re.fullmatch(r"s3://[^/]+(/.*)?", url)):
                raise ValueError(
                    f"`{setting}` is {url!r}: write s3://bucket/prefix or a local folder"
                )
        if self.end is not None and self.end <= self.start:
            raise ValueError("`end` is not after `start`")
        if self.airflow.trigger == "sqs" and not self.raw.startswith("s3://"):
            raise ValueError(
                '`airflow.trigger` is "sqs", and `raw` is a local folder: leave it out'
            )
        late, wait = self.alerts.late_after, self.airflow.delivery_wait
        if late is not None and late <= wait:
            raise ValueError(
                f"`alerts.late_after` is {late}, `airflow.delivery_wait` {wait}: every hour would "
                "be late; leave time for its run"
            )
        if isinstance(self.bulk, EmrServerlessBulk):
            for setting in ("raw", "lake"):
                if not getattr(self, setting).startswith("s3://"):
                    raise ValueError(
                        f'`bulk.engine` is "emr-serverless", and `{setting}` is a local folder: '
                        "jobs there reach buckets alone"
                    )
        self._check_profile()
        declared_session_columns(self.profile, self.event_columns, self.session.column)

    def _check_profile(self) -> None:
        """Make sure that no setting is one of the other profile."""
        if self.profile == "desktop":
            foreign = [name for name in _PLAIN_ONLY if getattr(self.fields, name) is not None]
            names = [*map(self.fields.__getattribute__, DEFAULT_FIELDS)]
            doubled = next((name for name in names if names.count(name) > 1), None)
            if doubled is not None:
                filled = (c for c in DEFAULT_FIELDS if getattr(self.fields, c) == doubled)
                columns = " and ".join(f"`{column}`" for column in filled)
                raise ValueError(
                    f"`fields` fills {columns} from the raw field {doubled!r}, perhaps one of them "
                    "by default: name another field for one"
                )
        else:
            defaults = FieldNames()
            foreign = [
                name
                for name in DEFAULT_FIELDS
                if name not in _PLAIN_FIELDS
                and getattr(self.fields, name) != getattr(defaults, name)
            ]
        if foreign:
            raise ValueError(
                f'`fields` has no `{foreign[0]}` with `profile = "{self.profile}"`: its names are '
                + ", ".join(f"`{name}`" for name in self._field_names)
            )
        if self.profile == "none":
            for setting, default in (("valid", ValidRules()), ("product", DEFAULT_PRODUCTS)):
                if getattr(self, setting) != default:
                    raise ValueError(
                        f'`{setting}` is of the desktop profile, and `profile` is "none": leave it '
                        "out, and give columns a `pattern`, or `required`"
                    )
            if wrong := [fix.column for fix in self.fixes if fix.column != "action"]:
                raise ValueError(
                    f"`fix` cleans `{wrong[0]}`, which is of the desktop profile: with `profile = "
                    '"none"` it cleans `action` alone'
                )

    @property
    def _input_fields(self) -> tuple[InputField, ...]:
        return PLAIN_INPUT_FIELDS if self.profile == "none" else INPUT_FIELDS

    @property
    def _field_names(self) -> tuple[str, ...]:
        return _PLAIN_FIELDS if self.profile == "none" else tuple(DEFAULT_FIELDS)

    @property
    def raw_fields(self) -> dict[str, str]:
        """The path of the raw field that fills each column, or that columns are derived from.

        A column of the file stands under its `EventColumn.key`.
        """
        given = {name: getattr(self.fields, name) for name in self._field_names}
        if self.profile == "none":
            given["machine_id"] = given["machine_id"] or "machine_id"
        given |= {column.key: column.field for column in self.event_columns if column.is_own}
        return {name: path for name, path in given.items() if path is not None}

    @property
    def event_columns(self) -> tuple[EventColumn, ...]:
        """The columns of an event."""
        return declared_event_columns(self.profile, self.fields.user_id, self.column)

    @property
    def session_columns(self) -> tuple[SessionColumn, ...]:
        """The columns of a session."""
        return declared_session_columns(self.profile, self.event_columns, self.session.column)

    @property
    def few_values(self) -> frozenset[str]:
        """The names of `raw_fields` in which few texts come again and again."""
        return frozenset(
            [
                *(column.name for column in self.event_columns if column.few_values),
                *(given.name for given in self._input_fields if given.few_values),
            ]
        )

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """The cleaning rules; the default ones are those of the desktop profile."""
        return () if self.profile == "none" and self.fix == DEFAULT_FIXES else self.fix

    def check_hour(self, hour: Hour) -> None:
        """Make sure that the hour is one of the pipeline's.

        Raises
        ------
        IntervalError
            If it lies before ``start``.
        """
        if hour < self.start:
            raise IntervalError(
                f"{hour} lies before the first hour of {self.name!r}, {self.start}",
                "Run a later hour, or set `start` earlier and run all hours from there.",
            )

    def check_scheduled(self, hour: Hour) -> None:
        """Make sure that the hour is one that is scheduled.

        Raises
        ------
        IntervalError
            If it lies before ``start``, or not before ``end``.
        """
        self.check_hour(hour)
        if self.end is not None and hour >= self.end:
            raise IntervalError(
                f"{hour} does not lie before the end of {self.name!r}, {self.end}",
                "Run an earlier hour, or set `end` later.",
            )

    @property
    def schemas(self) -> Schemas:
        """The columns of the pipeline, and the schemas that they make."""
        from sessionize.model.schemas import Schemas  # it imports pyarrow: not to read a file

        return _schemas(Schemas, self.event_columns, self.session_columns, self._input_fields)

    def fingerprint(self) -> str:
        """Name the settings that can change what a run publishes; see `config.fingerprint`."""
        return fingerprint(self)


@functools.lru_cache(64)
def _schemas(
    make: type[Schemas],
    event_columns: tuple[EventColumn, ...],
    session_columns: tuple[SessionColumn, ...],
    input_fields: tuple[InputField, ...],
) -> Schemas:
    return make(event_columns, session_columns, input_fields)
