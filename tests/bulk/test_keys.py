from __future__ import annotations

import pytest

from sessionize.bulk.keys import keys_of, spark_hash


@pytest.mark.parametrize("count", [1, 2, 7, 168, 1000])
def test_each_partition_has_a_key(count: int):
    keys = keys_of(count)
    assert [spark_hash(key) % count for key in keys] == [*range(count)]


@pytest.mark.slow
def test_the_hash_is_sparks(spark):
    found = spark.range(0, 2000).selectExpr("id", "hash(id)").collect()
    assert [spark_hash(key) for key, _ in found] == [value for _, value in found]
