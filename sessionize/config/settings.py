"""The settings of a pipeline, their defaults, and what each may be.

The default values are the *profile* of desktop PDF software (contract §2); a pipeline for other
events changes settings, not code. ``docs/configuration.md`` explains every setting.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from sessionize.config.fingerprint import fingerprint
from sessionize.config.units import Duration, Size
from sessionize.model.columns import DEFAULT_FIELDS, FIXABLE
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

if TYPE_CHECKING:
    from sessionize.model.schemas import Schemas

MAX_SHARDS = 256
#: The hours that a pipeline may start with: ``hour_id`` has room up to the year 2147.
FIRST_YEAR, LAST_YEAR = 1970, 2146
#: The most threads of one process.
MAX_THREADS = 64
#: Airflow maps a task over 1024 items at most.
MAX_BATCHES = 1000

_Share = float


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file: immutable, and an unknown key is an error."""


class SessionRules(Section, frozen=True):
    """When a session ends, and how long the pipeline waits for events (contract §3)."""

    timeout: Duration = Duration.parse("30m")
    opening: re.Pattern[str] = re.compile("start|firstrun", re.ASCII)
    max_duration: Duration | None = None
    allowed_lateness: Duration = Duration.parse("1h")
    max_out_of_orderness: Duration = Duration.parse("0s")
    dedup_window: Duration = Duration.parse("2h")
    max_event_age: Duration = Duration.parse("7d")
    max_clock_skew: Duration = Duration.parse("15m")


class _Fields(Section, frozen=True):
    """Which raw field fills which column. Raw fields not named here go to ``extended``."""

    def by_column(self) -> dict[str, str]:
        """Return the raw field of each column, and of what columns are derived from."""
        return {name: getattr(self, name) for name in self.__struct_fields__}

    def raw_names(self) -> tuple[str, ...]:
        """Return the raw field names, in the order of the columns that they fill."""
        return tuple(self.by_column().values())


if TYPE_CHECKING:

    class FieldNames(_Fields, frozen=True):
        """A setting for each column that a raw field fills."""

else:
    #: A setting for each column that a raw field fills: see `model.columns`.
    FieldNames = msgspec.defstruct(
        "FieldNames",
        [(name, str, field) for name, field in DEFAULT_FIELDS.items()],
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
    """Shares of the records read, from 0 to 1, above which a run fails or warns (contract §4)."""

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

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise ValueError(f"`retries` is {self.retries}: write 0 or more")
        if self.max_active_runs < 1:
            raise ValueError(f"`max_active_runs` is {self.max_active_runs}: write 1 or more")


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
    """

    name: str
    raw: str
    lake: str
    start: Hour
    end: Hour | None = None
    session: SessionRules = SessionRules()
    fields: FieldNames = FieldNames()
    valid: ValidRules = ValidRules()
    product: tuple[Product, ...] = DEFAULT_PRODUCTS
    fix: tuple[Fix, ...] = DEFAULT_FIXES
    landing: Landing = Landing()
    limits: Limits = Limits()
    run: Run = Run()
    airflow: AirflowSettings = AirflowSettings()

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
        names = self.fields.raw_names()
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            field = doubled.pop()
            columns = " and ".join(
                f"`{c}`" for c, f in self.fields.by_column().items() if f == field
            )
            raise ValueError(
                f"`fields` fills {columns} from the raw field {field!r}, perhaps one of them by "
                "default: name another field for one"
            )

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

    @property
    def schemas(self) -> Schemas:
        """The columns of the pipeline, and the schemas that they make."""
        from sessionize.model.schemas import DESKTOP  # it imports pyarrow: not to read a file

        return DESKTOP

    def fingerprint(self) -> str:
        """Name the settings that can change what a run publishes; see `config.fingerprint`."""
        return fingerprint(self)
