"""Numbers that Spark's partitioner sends each to another task."""

from __future__ import annotations

_SEED, _WORD = 42, 0xFFFFFFFF


def keys_of(count: int) -> tuple[int, ...]:
    """Return a key for each of ``count`` partitions, by which Spark brings rows to it and no other.

    Spark hashes keys, and these are found by trying. With other keys the outcome would be the same,
    but some tasks would have the work of several, and others none.
    """
    keys: dict[int, int] = {}
    key = 0
    while len(keys) < count:
        keys.setdefault(spark_hash(key) % count, key)
        key += 1
    return tuple(keys[partition] for partition in range(count))


def spark_hash(key: int) -> int:
    """Hash a number below 2³² as Spark hashes a long: Murmur3 in 32 bits, signed."""
    mixed = _SEED
    for word in (key, 0):
        word = (word * 0xCC9E2D51) & _WORD
        word = ((word << 15 | word >> 17) * 0x1B873593) & _WORD
        mixed ^= word
        mixed = ((mixed << 13 | mixed >> 19) * 5 + 0xE6546B64) & _WORD
    mixed ^= 8  # bytes
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        mixed = ((mixed ^ mixed >> shift) * factor) & _WORD
    return mixed - (mixed >> 31 << 32)
