"""SHA-1 (RFC 3174) of eight messages at once: in each lane of a vector one."""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sessionize.kernels.uuids import LANES

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_INT32, LANES)
_CONSTANTS = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)
#: What the state of a lane is before its first block.
INITIAL = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)


@intrinsic
def add_block(typingctx, messages, stride, state, counts):
    """Take the next 64 bytes of each lane's message into its state.

    ``messages`` is where the block of the first lane lies, the others ``stride`` bytes apart;
    ``state`` has five vectors of a word a lane. ``counts`` has a word a lane: a lane in which it is
    0 stays as it is.
    """

    def generate(context, builder, signature, args):
        messages, stride, state, counts = (
            context.cast(builder, value, kind, types.int64)
            for value, kind in zip(args, signature.args, strict=True)
        )

        def vector_at(address, number=0):
            place = builder.add(address, _INT64(4 * LANES * number))
            return builder.inttoptr(place, _VECTOR.as_pointer())

        def load(place):
            value = builder.load(place)
            value.align = 4
            return value

        def rotate(value, bits):
            left = builder.shl(value, _all(bits))
            return builder.or_(left, builder.lshr(value, _all(32 - bits)))

        words = []
        for number in range(16):
            word = ir.Constant(_VECTOR, ir.Undefined)
            for lane in range(LANES):
                place = builder.add(messages, builder.mul(stride, _INT64(lane)))
                place = builder.add(place, _INT64(4 * number))
                value = builder.load(builder.inttoptr(place, _INT32.as_pointer()))
                value.align = 1
                word = builder.insert_element(word, builder.bswap(value), _INT32(lane))
            words.append(word)

        before = [load(vector_at(state, number)) for number in range(5)]
        a, b, c, d, e = before
        for number in range(80):
            if number >= 16:
                word = builder.xor(words[number - 3], words[number - 8])
                word = builder.xor(word, builder.xor(words[number - 14], words[number - 16]))
                words.append(rotate(word, 1))
            if number < 20:
                mixed = builder.xor(d, builder.and_(b, builder.xor(c, d)))
            elif 40 <= number < 60:
                mixed = builder.or_(builder.and_(b, c), builder.and_(d, builder.or_(b, c)))
            else:
                mixed = builder.xor(b, builder.xor(c, d))
            added = builder.add(builder.add(rotate(a, 5), mixed), builder.add(e, words[number]))
            following = builder.add(added, _all(_CONSTANTS[number // 20]))
            a, b, c, d, e = following, a, rotate(b, 30), c, d
        counted = builder.icmp_signed("!=", load(vector_at(counts)), _all(0))
        for number, value in enumerate((a, b, c, d, e)):
            after = builder.select(counted, builder.add(before[number], value), before[number])
            builder.store(after, vector_at(state, number), align=4)
        return context.get_dummy_value()

    return types.void(messages, stride, state, counts), generate


def _all(value):
    return ir.Constant(_VECTOR, [value] * LANES)
