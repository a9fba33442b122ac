"""The job in PySpark, local: lines are parsed once and cached, all else is on data frames."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as f
from pyspark.sql import types as t

from bench.job import (
    BUILD_ID,
    EVENT_COLUMNS,
    INST_ID,
    KNOWN_FIELDS,
    MILLISECONDS_FROM,
    OPENING,
    SESSION_COLUMNS,
    THREADS,
    TIMEOUT_S,
    TRIAL_STATES,
    Job,
    job_of,
)

_PLACE = ("object_key", "position")


def run(job: Job) -> None:
    """Do the job."""
    spark = _session()
    records = _records(spark, job).cache()
    is_valid = f.col("reason").isNull()
    quarantine = records.filter(~is_valid).select(
        f.col("value").alias("raw"), "reason", f.lit("see reason").alias("detail"), *_PLACE
    )
    events = _enriched(records.filter(is_valid))
    _write(quarantine, job, "quarantine")
    _write(events, job, "events")
    spark.conf.set("spark.sql.files.maxPartitionBytes", "128m")
    # What is published is the cheapest to read again, and the records make room.
    events = spark.read.parquet(str(job.output("events").parent))
    records.unpersist()
    tagged = _tagged(events).cache()
    _write(tagged.select(*EVENT_COLUMNS, "session_id"), job, "sessionized_events")
    sessions = _sessions(tagged, job).cache()
    is_open = f.col("end_reason").isNull()
    _write(sessions.filter(~is_open), job, "sessions")
    _write(sessions.filter(is_open), job, "open_sessions")
    spark.stop()


def _session() -> SparkSession:
    return (
        SparkSession.builder.master(f"local[{THREADS}]")
        .config("spark.driver.memory", "6g")
        .config("spark.sql.shuffle.partitions", 2 * THREADS)
        # One object a task: a row's number within its partition is then its place in the object.
        .config("spark.sql.files.maxPartitionBytes", "1m")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "false")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.hadoop.parquet.compression.codec.zstd.level", 1)
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )


def _records(spark: SparkSession, job: Job) -> DataFrame:
    """Return each line with its fields, its place, and what is wrong with it."""
    sample = spark.read.json(str(job.objects[0]), samplingRatio=0.01)
    unknown = [
        field
        for field in sample.schema
        if field.name not in KNOWN_FIELDS and field.name != "_corrupt_record"
    ]
    known = [t.StructField(name, t.StringType()) for name in KNOWN_FIELDS]
    corrupt = t.StructField("_corrupt_record", t.StringType())
    schema = t.StructType([*known, *unknown, corrupt])
    names = [field.name for field in unknown]
    extended = f.to_json(f.struct(*names)) if names else f.lit(None).cast("string")
    within_partition = f.monotonically_increasing_id().bitwiseAND((1 << 33) - 1)
    return (
        spark.read.text(str(job.prefix))
        .select(
            "value",
            f.substring_index("_metadata.file_path", f"{job.raw.name}/", -1).alias("object_key"),
            within_partition.alias("position"),
            f.from_json("value", schema).alias("fields"),
        )
        .filter("value != ''")
        .select("value", *_PLACE, "fields.*")
        .withColumn("event_time", _event_time())
        .withColumn("reason", _reason(job))
        .withColumn("extended", f.when(extended != "{}", extended))
        .withColumn("value", f.when(f.col("reason").isNotNull(), f.col("value")))
        .drop("_corrupt_record", *names)
    )


def _event_time() -> Column:
    number = f.col("timestamp").cast("double")
    micros = f.when(number < MILLISECONDS_FROM, number * 1e6).otherwise(number * 1e3)
    return f.when(number.isNotNull(), f.timestamp_micros(micros.cast("long"))).otherwise(
        f.col("timestamp").cast("timestamp")
    )


def _reason(job: Job) -> Column:
    action, time = f.col("action"), f.col("event_time")
    is_pro = action.startswith("pro")
    required = ("timestamp", "action", "inst_id", "build_id")
    missing = f.greatest(*(f.col(name).isNull() for name in required))
    trial = f.coalesce(f.col("trialstate").isin(*TRIAL_STATES), f.lit(False))
    return (
        f.when(f.col("_corrupt_record").isNotNull(), "not_json")
        .when(missing, "missing_field")
        .when(time.isNull(), "bad_timestamp")
        .when(~(is_pro | action.startswith("reader")), "bad_action")
        .when(~f.col("inst_id").rlike(INST_ID), "bad_inst_id")
        .when(~f.col("build_id").rlike(BUILD_ID), "bad_build_id")
        .when(is_pro & ~trial, "bad_trialstate")
        .when(time < f.lit(job.oldest), "too_old")
        .when(time > f.lit(job.newest), "in_the_future")
    )


def _enriched(valid: DataFrame) -> DataFrame:
    length = f.coalesce(f.col("_l").cast("int"), f.lit(1 << 30))
    time, build = f.col("event_time"), f.col("build_id")
    date = f.year(time) * 10_000 + f.month(time) * 100 + f.dayofmonth(time)
    user = f.substring("inst_id", length + 1, f.lit(1 << 30))
    columns = {
        "event_id": f.coalesce("event_id", f.md5(f.concat_ws(":", *_PLACE))),
        "machine_id": f.left("inst_id", length),
        "user_id": f.when(user != "", user),
        "product": f.when(f.col("action").startswith("pro"), "pro").otherwise("reader"),
        "build_id": f.regexp_replace(build, "^f", ""),
        "p2": f.col("_p2"),
        "date_id": date,
        "hour_id": date * 100 + f.hour(time),
        "minute_id": date.cast("long") * 10_000 + f.hour(time) * 100 + f.minute(time),
    }
    versions = {
        "major_version": f.substring_index("build_id", ".", 1),
        "minor_version": f.substring_index("build_id", ".", 2),
        "maint_id": f.substring_index("build_id", ".", 3),
    }
    return valid.withColumns(columns).withColumns(versions).select(*EVENT_COLUMNS)


def _tagged(events: DataFrame) -> DataFrame:
    """Drop duplicates and give each event its session's id."""
    landed = ("object_key", "position")
    machine = Window.partitionBy("machine_id").orderBy("event_time", *landed)
    # Copies share machine and time: they stand together, in landed order.
    copies = Window.partitionBy("machine_id", "event_time", "event_id").orderBy(*landed)
    gap = f.unix_micros("event_time") - f.unix_micros(f.lag("event_time").over(machine))
    begins_by = (
        f.when(gap.isNull(), "first")
        .when(gap > TIMEOUT_S * 1_000_000, "timeout")
        .when(f.col("action").rlike(OPENING), "opening_event")
    )
    first_event = f.md5(f.concat_ws(":", "machine_id", "event_id", f.unix_micros("event_time")))
    return (
        events.repartition("machine_id")
        .withColumn("copy", f.row_number().over(copies))
        .filter("copy = 1")
        .withColumn("begins_by", begins_by)
        .withColumn("first_id", f.when(f.col("begins_by").isNotNull(), first_event))
        .withColumn("session_id", f.last("first_id", ignorenulls=True).over(machine))
    )


def _sessions(tagged: DataFrame, job: Job) -> DataFrame:
    place = f.struct("event_time", "object_key", "position")
    first, last = (lambda c: f.min_by(c, place)), (lambda c: f.max_by(c, place))
    sessions = tagged.groupBy("machine_id", "session_id").agg(
        first("user_id").alias("user_id"),
        f.min("event_time").alias("started_at"),
        f.max("event_time").alias("ended_at"),
        f.count("*").alias("event_count"),
        first("action").alias("start_action"),
        last("action").alias("end_action"),
        first("product").alias("product"),
        first("build_id").alias("build_id"),
        f.min(place).alias("place"),
        f.max("begins_by").alias("begins_by"),
    )
    machine = Window.partitionBy("machine_id").orderBy("place")
    micros = f.unix_micros("ended_at") - f.unix_micros("started_at")
    timed_out = f.when(f.col("ended_at") < f.lit(job.closed_before), "timeout")
    return (
        sessions.withColumn("duration_s", micros / 1e6)
        .withColumn("end_reason", f.coalesce(f.lead("begins_by").over(machine), timed_out))
        .select(*SESSION_COLUMNS)
    )


def _write(frame: DataFrame, job: Job, dataset: str) -> None:
    frame.write.mode("overwrite").parquet(str(job.output(dataset).parent))


if __name__ == "__main__":
    run(job_of())
