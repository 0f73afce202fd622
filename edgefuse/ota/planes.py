"""How numbers changed, written so that it compresses well: one plane for each of their bytes.

Numbers are taken for floats, least significant byte first, and brought into an order in which neighbours differ by one
(so that a small change is a small difference, whatever its sign and across exponents). The difference gets its sign in
the lowest bit, or the upper planes would be full of ones for half of all numbers. All of it is exact for every bit
pattern: integers and NaN come back as they were. Single bytes are just subtracted.

Sorted planes list the differences by the exponent of what the number was, because weights of one size change by one
measure. Both sides know it, so the order costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Width = Literal[1, 2, 4, 8]
Bytes = NDArray[np.uint8]
_EXPONENT_BITS = {2: 5, 4: 8, 8: 8}  # after the sign, by width; of doubles, the upper eight of eleven
_Numbers = NDArray[Any]  # signed integers of the width that is asked for


def split(base: Bytes, target: Bytes, width: Width, *, is_sorted: bool) -> Bytes:
    """Give the planes from which ``join`` makes ``target`` again.

    Args:
        base: (N * width,) what was there.
        target: (N * width,) what shall be there.
        width: Bytes of a number.
        is_sorted: List the differences by the exponents of the base.

    Returns:
        (N * width,) all lowest bytes first, all highest last.
    """
    if width == 1:
        return target - base
    before = _numbers(base, width)
    change = _put_in_order(_numbers(target, width)) - _put_in_order(before)
    change = (change << 1) ^ (change >> (8 * width - 1))
    if is_sorted:
        change = np.concatenate([change[kind] for kind in _list_kinds(before)])
    return np.ascontiguousarray(change.view(np.uint8).reshape(-1, width).T).reshape(-1)


def join(base: Bytes, planes: Bytes, width: Width, *, is_sorted: bool) -> Bytes:
    """Give what ``split`` was given as ``target``; works in place where it can, because boards are small.

    Args:
        base: (N * width,) what is there.
        planes: (N * width,) from ``split``.
        width: Bytes of a number.
        is_sorted: As ``split`` was told.

    Returns:
        (N * width,) the target.
    """
    if width == 1:
        return planes + base
    before = _numbers(base, width)
    change = _numbers(np.array(planes.reshape(width, -1).T, order="C").reshape(-1), width)
    sign = change & 1
    magnitude = change.view(f"<u{width}")
    magnitude >>= 1
    change ^= np.negative(sign, out=sign)
    if is_sorted:
        start = 0
        for kind in _list_kinds(before):
            end = start + np.count_nonzero(kind)
            sign[kind], start = change[start:end], end
        change = sign
    change += _put_in_order(before)
    return _put_in_order(change).view(np.uint8)


def _numbers(data: Bytes, width: Width) -> _Numbers:
    return data.view(f"<i{width}")


def _put_in_order(numbers: _Numbers) -> _Numbers:
    """Turn a float's bits, which are sign and magnitude, into a number that grows with it; and back again."""
    mask = numbers >> (8 * numbers.itemsize - 1)
    mask &= np.iinfo(numbers.dtype).max
    mask ^= numbers
    return mask


def _list_kinds(numbers: _Numbers) -> Iterator[NDArray[np.bool_]]:
    """Tell for each exponent, in their order, which numbers have it.

    Sorting is twice as fast, but its indices take up to eight times the memory of the numbers.
    """
    bits = _EXPONENT_BITS[numbers.itemsize]
    exponents = (numbers >> (8 * numbers.itemsize - 1 - bits)).astype(np.uint8) & np.uint8((1 << bits) - 1)
    return (exponents == exponent for exponent in np.unique(exponents))
