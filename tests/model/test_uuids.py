from __future__ import annotations

import hashlib
import uuid

from hypothesis import given
from hypothesis import strategies as st

from sessionize.model.uuids import name_uuids


@given(st.uuids(), st.lists(st.binary(max_size=100), max_size=5))
def test_each_is_a_uuid_of_version_5(space: uuid.UUID, names: list[bytes]):
    # As `uuid.uuid5` does it, which takes bytes from Python 3.12 on only.
    digests = [hashlib.sha1(space.bytes + name).digest() for name in names]
    expected = [str(uuid.UUID(bytes=digest[:16], version=5)) for digest in digests]
    assert name_uuids(space, names).to_pylist() == expected


def test_no_names_are_no_ids():
    assert name_uuids(uuid.NAMESPACE_DNS, []).to_pylist() == []
