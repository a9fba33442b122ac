"""From the bytes of an object to the bytes of its text, told by content, never by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sessionize.landing.compression import gzipped, snappy, zipped
from sessionize.landing.compression.source import STEP, ByteSource, DamageError

_Reader = Callable[[ByteSource], Iterator[bytes]]

#: What an object begins with, the name of the compression, and what reads it.
_BY_MAGIC: tuple[tuple[bytes, str, _Reader], ...] = (
    (gzipped.MAGIC, "gzip", gzipped.read_gzip),
    (zipped.LOCAL_HEADER, "ZIP", zipped.read_zip),
    (zipped.END_OF_DIRECTORY, "ZIP", zipped.read_zip),  # an archive of no entries
    (snappy.XERIAL_MAGIC, "Snappy", snappy.read_xerial),
    (snappy.FRAMED_MAGIC, "Snappy", snappy.read_framed),
)
_HEAD_SIZE = 13


def decompress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress an object as a stream.

    Parameters
    ----------
    chunks : iterable of bytes
        The object as it landed.

    Yields
    ------
    bytes
        The text, in pieces of bounded size however much the object expands.

    Raises
    ------
    DamageError
        Where the object is truncated or corrupt, after everything that can be decoded has been
        yielded. The decoded bytes and the error do not depend on how the chunks are cut.
    """
    source = ByteSource(chunks)
    name, read = _recognise(source.peek(_HEAD_SIZE))
    try:
        yield from read(source)
    except DamageError as damage:
        raise DamageError(f"{name}: {damage.detail}") from None


def compression_of(head: bytes) -> str:
    """Name the compression of an object that begins with these bytes; ``text`` is none."""
    return _recognise(head[:_HEAD_SIZE])[0]


def _recognise(head: bytes) -> tuple[str, _Reader]:
    """Tell the compression; an object that is cut off inside a magic number counts as that."""
    for magic, name, read in _BY_MAGIC:
        if head and magic.startswith(head[: len(magic)]):
            return name, read
    if snappy.looks_like_hadoop(head):
        return "Hadoop-Snappy", snappy.read_hadoop
    return "text", _read_text


def _read_text(source: ByteSource) -> Iterator[bytes]:
    while piece := source.read(STEP):
        yield piece
