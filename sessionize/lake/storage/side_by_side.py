"""Independent requests to a store, made side by side, as many at once as the store takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sessionize.lake.storage.base import Storage

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def concurrency_of(storage: Storage) -> int:
    """Return how many requests the store takes at once; one, unless it says otherwise.

    A store in a test that counts its requests says nothing: they come in one order then.
    """
    return getattr(storage, "concurrency", 1)


def side_by_side(
    storage: Storage, request: Callable[[_Item], _Result], items: Iterable[_Item]
) -> list[_Result]:
    """Make a request for each item and return the results in the order of the items.

    Raises
    ------
    Exception
        What the first item to fail, in their order, has raised; requests that have not been begun
        by then are not made, those that have are waited for.
    """
    items = list(items)
    workers = min(concurrency_of(storage), len(items))
    if workers <= 1:
        return [request(item) for item in items]
    with ThreadPoolExecutor(workers, thread_name_prefix="sessionize-storage") as pool:
        futures = [pool.submit(request, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
