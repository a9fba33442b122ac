"""Reading what Firehose lands: from the bytes of one object to columns of records.

`read_batches` takes the bytes of an object in whatever compression, framing and state of repair,
and yields batches of records in order. It never fails on what an object holds: a record that
cannot be read is a row with a `Problem`, and costs no other record.
"""

from sessionize.landing.reader import read_batches
from sessionize.landing.records import Kind, Problem, RawBatch, RawColumn, raw_text

__all__ = [
    "Kind",
    "Problem",
    "RawBatch",
    "RawColumn",
    "raw_text",
    "read_batches",
]
