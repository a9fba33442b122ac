"""Reading what Firehose lands: from the bytes of objects to frames of records.

`read_records` takes the bytes of objects in whatever compression, framing and state of repair, and
yields frames of their records in order. It never fails on what an object holds: a record that
cannot be read is a row with a reason, and costs no other record.
"""

from sessionize.landing.reader import BATCH_BYTES, read_records
from sessionize.landing.records import Kind, Records, raw_bytes, raw_text

__all__ = ["BATCH_BYTES", "Kind", "Records", "raw_bytes", "raw_text", "read_records"]
