"""The one grammar of addresses: ``<plug-in>:<place>[,<option>…]``.

An option is a mode (``1280x720`` or ``1280x720@30``), a number with a name (``frames=300``) or a word (``live``).
Addresses of files and of RTSP servers have no options: every character is part of the path.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_MODE = re.compile(r"(?P<width>[1-9]\d{0,4})x(?P<height>[1-9]\d{0,4})(@(?P<rate>\d+(\.\d+)?))?")


@dataclass(frozen=True, slots=True)
class Mode:
    """A size and a rate that a person asked for."""

    width_px: int
    height_px: int
    rate_hz: float


@dataclass(frozen=True, slots=True)
class Address:
    """What stands after ``<plug-in>:``."""

    place: str
    mode: Mode
    words: frozenset[str]
    numbers: dict[str, int]


def parse_address(
    text: str, default: Mode, *, words: Collection[str] = (), numbers: Collection[str] = (), is_placeless: bool = False
) -> Address:
    """Split the part of an address after ``<plug-in>:`` into its place and its options.

    Args:
        text: Such as ``/dev/video0,1280x720@30``.
        default: Stands for what the text does not say.
        words: The words that are known.
        numbers: The names of numbers that are known.
        is_placeless: There is no place, options come first.

    Raises:
        ValueError: An option is unknown; the text says which, and which are known.
    """
    place, *options = [part.strip() for part in text.split(",")]
    if is_placeless:
        place, options = "", [option for option in (place, *options) if option]
    mode, said, counted = default, set[str](), dict[str, int]()
    for option in options:
        name, _, value = option.partition("=")
        if match := _MODE.fullmatch(option):
            mode = Mode(int(match["width"]), int(match["height"]), float(match["rate"] or default.rate_hz))
        elif option in words:
            said.add(option)
        elif name in numbers and value.isdecimal():
            counted[name] = int(value)
        else:
            known = ["1280x720@30", *words, *(f"{number}=N" for number in numbers)]
            raise ValueError(f'"{option}" is not one of {", ".join(known)}')
    if mode.rate_hz == 0:
        raise ValueError("a rate of 0 gives no frames")
    return Address(place, mode, frozenset(said), counted)
