"""The way in: a Firehose delivery stream, and producers that put records into it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from local.encodings import Body
from local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient

_BATCH_RECORDS = 500
_BATCH_BYTES = 4 << 20
_ROLE = "arn:aws:iam::123456789012:role/firehose"


def create_stream(firehose: FirehoseClient, name: str, bucket: str, prefix: str) -> None:
    """Create a delivery stream that lands under ``{prefix}/YYYY/MM/DD/HH/``."""
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "RoleARN": _ROLE,
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "Prefix": f"{prefix}/",
            "ErrorOutputPrefix": f"{prefix}/processing-failed/",
            "BufferingHints": {"SizeInMBs": 128, "IntervalInSeconds": 900},
        },
    )


def put_events(firehose: FirehoseClient, stream: str, bodies: Iterable[Body]) -> int:
    """Put records, a line each, in batches as large as Firehose takes; return how many.

    Raises
    ------
    LocalError
        If Firehose has refused any.
    """
    count = 0
    batch: list[bytes] = []
    for body in bodies:
        record = (body if isinstance(body, bytes) else json.dumps(body).encode()) + b"\n"
        if batch and (
            len(batch) == _BATCH_RECORDS or sum(map(len, batch)) + len(record) > _BATCH_BYTES
        ):
            _put(firehose, stream, batch)
            batch = []
        batch.append(record)
        count += 1
    if batch:
        _put(firehose, stream, batch)
    return count


def _put(firehose: FirehoseClient, stream: str, batch: list[bytes]) -> None:
    answer = firehose.put_record_batch(
        DeliveryStreamName=stream, Records=[{"Data": record} for record in batch]
    )
    if answer["FailedPutCount"]:
        raise LocalError(
            f"Firehose has refused {answer['FailedPutCount']} of {len(batch)} records", str(answer)
        )
