"""The content of many objects, in order: small ones are fetched ahead, side by side."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from sessionize.lake.storage.base import Storage, StoredObject
from sessionize.lake.storage.side_by_side import concurrency_of

#: Objects up to this size are fetched whole, before their turn: waiting for S3 is what they cost.
SMALL = 1 << 20


def fetch(
    storage: Storage, objects: Sequence[StoredObject], *, concurrency: int = 8
) -> Generator[tuple[str, Iterable[bytes]]]:
    """Yield each object's key and its content in chunks; take all chunks before the next object.

    At most ``concurrency`` objects of up to `SMALL` bytes are in memory at a time; larger ones are
    streamed at their turn. If the iterator is closed early, nothing goes on behind it: close it
    (``contextlib.closing``) where an error can end the loop over it.

    Parameters
    ----------
    storage : Storage
        Where the objects lie.
    objects : sequence of StoredObject
        As a listing has shown them: size and etag count.
    concurrency : int
        How many small objects are fetched at once; no more than the store takes.

    Raises
    ------
    ObjectGoneError
        Where the chunks of an object are asked for that is gone or has been replaced.
    StorageError
        Likewise, if the object cannot be read.
    """
    concurrency = min(concurrency, concurrency_of(storage), len(objects))
    if concurrency <= 1:
        for entry in objects:
            yield entry.key, storage.stream(entry.key, entry.etag)
        return
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="sessionize-fetch")
    try:
        waiting = iter(objects)
        ahead: deque[tuple[StoredObject, Future[bytes] | None]] = deque()
        while True:
            for entry in itertools.islice(waiting, concurrency - len(ahead)):
                is_small = entry.size <= SMALL
                ahead.append((entry, pool.submit(_whole, storage, entry) if is_small else None))
            if not ahead:
                return
            entry, content = ahead.popleft()
            if content is None:
                yield entry.key, storage.stream(entry.key, entry.etag)
            else:
                yield entry.key, _chunks(content)
    finally:
        pool.shutdown(cancel_futures=True)


def _whole(storage: Storage, entry: StoredObject) -> bytes:
    return b"".join(storage.stream(entry.key, entry.etag))


def _chunks(content: Future[bytes]) -> Iterator[bytes]:
    if chunk := content.result():
        yield chunk
