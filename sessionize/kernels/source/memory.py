"""Reads and writes by address, for the innermost loops.

Nothing is checked here: who uses an address has made sure that it lies inside the array. Indexing
an array instead compiles to a test for a negative index at each item, and handing it to another
function to counting its references: together they make a scan several times slower.
"""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _load(result, bits):
    def generate(context, builder, signature, args):
        value = builder.load(_pointer(context, builder, signature.args[0], args[0], bits))
        value.align = 1
        return value

    return result, generate


def _store(kind, bits):
    def generate(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[0], args[0], bits)
        value = context.cast(builder, args[1], signature.args[1], kind)
        builder.store(value, place, align=1)
        return context.get_dummy_value()

    return generate


def _pointer(context, builder, kind, address, bits):
    address = context.cast(builder, address, kind, types.intp)
    return builder.inttoptr(address, ir.IntType(bits).as_pointer())


@intrinsic
def byte_at(typingctx, address):
    """Return the byte at an address."""
    result, generate = _load(types.uint8, 8)
    return result(address), generate


@intrinsic
def word_at(typingctx, address):
    """Return the eight bytes from an address on as one number, the first being the lowest."""
    result, generate = _load(types.uint64, 64)
    return result(address), generate


@intrinsic
def uint32_at(typingctx, address):
    """Return the uint32 at an address."""
    result, generate = _load(types.uint32, 32)
    return result(address), generate


@intrinsic
def big_endian_at(typingctx, address):
    """Return the uint32 at an address whose highest byte comes first."""
    result, load = _load(types.uint32, 32)

    def generate(context, builder, signature, args):
        return builder.bswap(load(context, builder, signature, args))

    return result(address), generate


@intrinsic
def int32_at(typingctx, address):
    """Return the int32 at an address."""
    result, generate = _load(types.int32, 32)
    return result(address), generate


@intrinsic
def int64_at(typingctx, address):
    """Return the int64 at an address."""
    result, generate = _load(types.int64, 64)
    return result(address), generate


@intrinsic
def put_byte(typingctx, address, value):
    """Write a byte."""
    return types.void(address, value), _store(types.uint8, 8)


@intrinsic
def put_int32(typingctx, address, value):
    """Write an int32."""
    return types.void(address, value), _store(types.int32, 32)


@intrinsic
def put_uint32(typingctx, address, value):
    """Write a uint32."""
    return types.void(address, value), _store(types.uint32, 32)


@intrinsic
def put_int64(typingctx, address, value):
    """Write an int64."""
    return types.void(address, value), _store(types.int64, 64)


@intrinsic
def copy_bytes(typingctx, to, source, size):
    """Copy ``size`` bytes; the two places do not overlap."""

    def generate(context, builder, signature, args):
        target, origin = (
            _pointer(context, builder, kind, value, 8)
            for kind, value in zip(signature.args[:2], args[:2], strict=True)
        )
        count = context.cast(builder, args[2], signature.args[2], types.intp)
        cgutils.raw_memcpy(builder, target, origin, count, 1)
        return context.get_dummy_value()

    return types.void(to, source, size), generate


@intrinsic
def plain_of_sixteen(typingctx, address):
    """Count the bytes from an address on, up to 16, that mean nothing in a JSON string.

    That is printable ASCII without the quote and the backslash.
    """

    def generate(context, builder, signature, args):
        byte, bits = ir.IntType(8), ir.IntType(16)
        vector = ir.VectorType(byte, 16)
        place = context.cast(builder, args[0], signature.args[0], types.intp)
        text = builder.load(builder.inttoptr(place, vector.as_pointer()))
        text.align = 1

        def all_of(value):
            return ir.Constant(vector, [value] * 16)

        # As signed numbers, bytes above 127 are below the space too.
        hits = builder.icmp_signed("<", text, all_of(ord(" ")))
        for value in b'"\\':
            hits = builder.or_(hits, builder.icmp_signed("==", text, all_of(value)))
        int64 = ir.IntType(64)
        found = builder.zext(builder.bitcast(hits, bits), int64)
        stopped = builder.or_(found, int64(1 << 16))
        return builder.cttz(stopped, ir.IntType(1)(1))

    return types.int64(address), generate


@intrinsic
def prefetch(typingctx, address):
    """Have the processor fetch what lies at an address, which is read soon; any address will do."""

    def generate(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[0], args[0], 8)
        int32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, int32, int32, int32])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        # To be read, kept in all caches, as data.
        builder.call(fetch, [place, int32(0), int32(3), int32(1)])
        return context.get_dummy_value()

    return types.void(address), generate
