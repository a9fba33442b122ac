"""The kernels' source, in the Python that numba compiles; imported to compile it, and only then.

A kernel takes whole numbers, some of which are addresses of arrays, and returns one.
"""

from __future__ import annotations

from collections.abc import Callable

from sessionize.kernels.library import Code
from sessionize.kernels.source import gather, order, texts, uuids
from sessionize.kernels.source.compiling import compiled

KERNELS: tuple[Callable[..., int], ...] = (
    texts.hash_texts,
    texts.number_texts,
    texts.fill_slots,
    texts.encode_spans,
    texts.refill_slots,
    texts.measure_spans,
    texts.copy_spans,
    texts.split_texts,
    texts.are_hex,
    gather.deal_rows,
    gather.gather_int64,
    gather.gather_int32,
    gather.locate_texts,
    gather.copy_texts,
    order.order_rows,
    order.renumber,
    uuids.name_uuids,
)


def compile_all() -> dict[str, Code]:
    """Compile every kernel for this machine's processor."""
    return {kernel.__name__: compiled(kernel) for kernel in KERNELS}
