"""Compressions are told by content, and decoded as far as they go."""

from __future__ import annotations

import gzip
import random
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.landing.compression import deflate
from sessionize.landing.compression.recognise import compression_of, decompress
from sessionize.landing.compression.source import STEP, DamageError
from tests.landing import encoders
from tests.landing.encoders import ENCODERS
from tests.landing.reading import chunks_of

TEXT = "".join(f'{{"n":{n},"text":"żółw {n % 7}"}}\n' for n in range(100)).encode()
COMPRESSED = [encode for encode in ENCODERS if encode is not encoders.none]


def decode(content: bytes, chunk: int = 1 << 16) -> tuple[bytes, str | None]:
    """Return what can be decoded, and what is wrong with the rest."""
    text = b""
    try:
        for piece in decompress(chunks_of(content, chunk)):
            assert len(piece) <= STEP
            text += piece
    except DamageError as damage:
        return text, damage.detail
    return text, None


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_every_compression_is_decoded_however_it_is_cut(encode, chunk):
    assert decode(encode(TEXT), chunk) == (TEXT, None)


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("text", [b"", b"{", b"{}"])
def test_tiny_objects(encode, text):
    assert decode(encode(text)) == (text, None)


@pytest.mark.parametrize("encode", ENCODERS)
def test_objects_of_many_steps(encode):
    text = random.Random(1).randbytes(STEP) + TEXT * 100
    text = b"{" + text  # so that it is not taken for another compression
    assert decode(encode(text)) == (text, None)


@pytest.mark.parametrize("encode", COMPRESSED)
def test_a_truncated_object_gives_what_came_before(encode):
    content = encode(TEXT[:700])
    unnoticed = _ends_of_parts(encode, content)
    before = b""
    for cut in range(1, len(content)):
        text, detail = decode(content[:cut])
        assert TEXT[:700].startswith(text)
        assert text.startswith(before), "more bytes never give less text"
        assert (detail is None) == (cut in unnoticed)
        before = text


def _ends_of_parts(encode, content: bytes) -> set[int]:
    """Where a truncation cannot be noticed, for the format does not say where it ends."""
    if encode is encoders.gzip_members:
        ends, at = set(), 0
        while at < len(content):
            decoder = zlib.decompressobj(31)
            decoder.decompress(content[at:])
            at = len(content) - len(decoder.unused_data)
            ends |= set(range(at, at + 6))
            at += 5
        return ends - {len(content)}
    if encode is encoders.xerial_streams:
        second = content.rindex(encoders.XERIAL_HEADER)
        return {16, second, second + 16}
    if encode is encoders.xerial:
        return {16}
    if encode is encoders.framed_snappy:
        ends, at = set(), 0
        while at < len(content):
            ends.add(at)
            at += 4 + int.from_bytes(content[at + 1 : at + 4], "little")
        return ends - {0}
    return set()


@pytest.mark.parametrize("encode", COMPRESSED)
def test_a_corrupt_object_never_raises_anything_else_and_does_not_depend_on_cuts(encode):
    content = encode(TEXT[:700])
    rng = random.Random(7)
    for _ in range(150):
        bad = bytearray(content)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        whole = decode(bytes(bad))
        assert whole == decode(bytes(bad), chunk=rng.choice([1, 3, 50]))


@given(st.binary(max_size=200), st.integers(1, 9))
def test_arbitrary_bytes_never_raise_anything_else(content, chunk):
    assert decode(content) == decode(content, chunk)


@given(
    st.sampled_from([encode(TEXT[:8]) for encode in COMPRESSED]),
    st.integers(0, 30),
    st.binary(max_size=100),
)
def test_arbitrary_bytes_behind_a_good_beginning_never_raise_anything_else(good, keep, rest):
    decode(good[:keep] + rest)


class TestGzip:
    def test_headers_with_every_optional_field(self):
        header = b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03" + b"\x04\0abcd" + b"name\0" + b"comment\0"
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
        trailer = struct.pack("<LL", zlib.crc32(TEXT), len(TEXT))
        content = header + zlib.compress(TEXT, wbits=-15) + trailer
        assert gzip.decompress(content) == TEXT
        for chunk in (1, 5, 1000):
            assert decode(content, chunk) == (TEXT, None)

    def test_trailing_garbage_is_damage_behind_all_text(self):
        content = gzip.compress(TEXT)
        text, detail = decode(content + b"\0\0garbage")
        assert text == TEXT
        place = len(content) + 2
        assert detail == f"gzip: what follows the compressed data, at byte {place}, is not gzip"

    @pytest.mark.parametrize("place", [-8, -1])
    def test_a_wrong_check_sum_or_size_is_damage_behind_all_text(self, place):
        content = bytearray(gzip.compress(TEXT))
        content[place] ^= 1
        text, detail = decode(bytes(content))
        assert text == TEXT
        assert "check sum" in detail

    @pytest.mark.parametrize("seed", range(20))
    def test_corrupt_data_gives_all_that_zlib_can_decode_before_it(self, seed):
        rng = random.Random(seed)
        text = b"".join(b'{"n":%d}' % rng.randrange(10**6) for _ in range(5000))
        content = bytearray(gzip.compress(text))
        at = rng.randrange(len(content) // 2, len(content) - 8)
        content[at : at + 20] = rng.randbytes(20)
        decoder, expected = zlib.decompressobj(31), b""
        try:
            for byte in content:
                expected += decoder.decompress(bytes([byte]))
        except zlib.error:
            pass
        decoded, detail = decode(bytes(content))
        assert detail is not None
        assert decoded == expected
        assert text[: len(text) // 3] == decoded[: len(text) // 3]

    def test_a_stream_too_long_to_start_again_loses_a_step_at_most(self, monkeypatch):
        text = b"".join(b'{"n":%d}' % n for n in range(200_000))
        content = gzip.compress(text)
        monkeypatch.setattr(deflate, "_KEPT_FOR_ZLIB", STEP)
        decoded, detail = decode(content[:-5000])
        assert "ends or is corrupt before byte" in detail
        assert text.startswith(decoded)
        assert len(decoded) > len(text) * 0.9
        assert decode(content) == (text, None)

    def test_a_bomb_is_decoded_in_bounded_memory(self):
        size = 200 << 20
        content = gzip.compress(bytes(1 << 20)) * (size >> 20)
        tracemalloc.start()
        assert sum(map(len, decompress(chunks_of(content, 1 << 16)))) == size
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 << 20


class TestZip:
    def test_the_object_may_be_an_empty_archive(self):
        content = zipfile_of()
        assert decode(content) == (b"", None)

    @pytest.mark.parametrize("text", [b"PK\x07\x08" * 30, TEXT + b"PK\x07\x08", b"PK" * 99])
    def test_a_stored_entry_of_unknown_size_may_hold_what_looks_like_its_end(self, text):
        content = encoders.zip_streamed_stored(text)
        for chunk in (1, 100):
            assert decode(content, chunk) == (text, None)

    def test_an_encrypted_entry_is_damage(self):
        content = bytearray(encoders.zipped(TEXT))
        content[6] |= 1
        assert decode(bytes(content)) == (b"", "ZIP: the entry at byte 0 is encrypted")

    def test_an_unknown_method_is_damage_behind_the_entries_before(self):
        first = encoders.zipped(TEXT)
        first = first[: first.index(b"PK\x01\x02")]
        second = bytearray(encoders.zipped(TEXT))
        second[8] = 93
        text, detail = decode(first + bytes(second))
        assert text == TEXT
        assert detail == f"ZIP: the entry at byte {len(first)} has the unknown method 93"

    @pytest.mark.parametrize("encode", [encoders.zipped, encoders.zip_stored])
    def test_a_wrong_check_sum_is_damage_behind_the_entry(self, encode):
        content = bytearray(encode(TEXT))
        content[14] ^= 1
        text, detail = decode(bytes(content))
        assert text == TEXT
        assert "check sum" in detail


def zipfile_of() -> bytes:
    return zipfile.stringEndArchive + b"\0" * 18


class TestSnappy:
    @pytest.mark.parametrize("size", [0, 1, 1 << 16, (1 << 16) + 1, 200_000])
    def test_blocks_of_every_size(self, size):
        text = (TEXT * (size // len(TEXT) + 1))[:size]
        for encode in (encoders.xerial, encoders.hadoop_snappy):
            assert decode(encode(text)) == (text, None)

    def test_one_hadoop_block_may_be_megabytes(self):
        text = TEXT * 2000
        content = encoders.hadoop_snappy(text, block=len(text), chunk=len(text))
        assert decode(content) == (text, None)

    def test_an_empty_hadoop_block_is_nothing(self):
        assert decode(b"\0\0\0\0") == (b"", None)
        content = encoders.hadoop_snappy(TEXT)
        assert decode(content + b"\0\0\0\0" + content) == (TEXT + TEXT, None)

    @pytest.mark.parametrize("length", [0xFFFFFFFF, 0x10000000])
    def test_an_impossible_block_length_is_refused_unread(self, length):
        content = encoders.XERIAL_HEADER + struct.pack(">L", length) + b"x" * 100
        text, detail = decode(content)
        assert text == b""
        assert f"impossible length {length}" in detail

    def test_a_block_that_claims_to_expand_without_measure_is_refused_unallocated(self):
        block = b"\x80\x80\x80\x18" + b"x" * 50  # 48 MiB
        content = encoders.XERIAL_HEADER + struct.pack(">L", len(block)) + block
        tracemalloc.start()
        assert "corrupt" in decode(content)[1]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20

    def test_a_hadoop_chunk_longer_than_its_block_is_damage(self):
        chunk = encoders.snap(TEXT)
        content = struct.pack(">LL", len(TEXT), len(chunk)) + chunk
        shorter = struct.pack(">L", 10) + encoders.hadoop_snappy(TEXT)[4:]
        assert decode(content) == (TEXT, None)
        assert decode(content + shorter)[0] == TEXT


@pytest.mark.parametrize(
    "text",
    [
        b'\0{"action":"proedit"}',
        b"\0\0\0\0{}",
        b"\0" * 50,
        b"Package",
        b"\xff\xfe{\0}\0",
        b"\x1f\x8b{}",
        b"\x82SNAP{}",
    ],
)
def test_text_that_begins_with_almost_a_magic_number_is_text(text):
    assert decode(text) == (text, None)


@pytest.mark.parametrize("content", [b"\x1f", b"P", b"PK\x03", b"\x82SNAPPY", b"\0", b"\0\0\1"])
def test_an_object_cut_off_in_its_magic_number_is_damaged(content):
    text, detail = decode(content)
    assert text == b""
    assert detail is not None


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (gzip.compress(TEXT, mtime=0), "gzip"),
        (TEXT, "text"),
        (b"", "text"),
        (b"PK\x03\x04...", "ZIP"),
    ],
)
def test_a_compression_has_a_name(content, name):
    assert compression_of(content) == name
