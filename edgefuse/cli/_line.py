"""Lines of a terminal: texts with a style each, cut to a width, with or without colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from edgefuse.cli._words import printable

Style = Literal["plain", "bold", "dim", "good", "warn", "bad"]
Line = tuple[tuple[str, Style], ...]
"""Texts from left to right; every character takes one cell."""

_SGR: dict[Style, str] = {"bold": "1", "dim": "2", "good": "32", "warn": "33", "bad": "1;31"}
_RESET = "\x1b[0m"


def line(*parts: str | tuple[str, Style]) -> Line:
    """Make a line of plain and styled texts, without anything that a terminal would obey."""
    spans = (part if isinstance(part, tuple) else (part, "plain") for part in parts)
    return tuple((printable(text), style) for text, style in spans if text)


def plain(of: Line) -> str:
    """Give the characters of a line."""
    return "".join(text for text, _ in of)


def cut(of: Line, width: int, mark: str) -> Line:
    """Cut a line to ``width`` cells; ``mark`` stands in the last one where something is missing."""
    if len(plain(of)) <= width:
        return of
    return (*_take(of, max(0, width - len(mark))), (mark[:width], "dim"))


def pad(of: Line, width: int, mark: str) -> Line:
    """Make a line exactly ``width`` cells long."""
    fitting = cut(of, width, mark)
    return (*fitting, (" " * (width - len(plain(fitting))), "plain"))


def _take(of: Line, width: int) -> Iterator[tuple[str, Style]]:
    for text, style in of:
        yield text[:width], style
        width = max(0, width - len(text))


def encode(of: Line, *, is_coloured: bool) -> str:
    """Give the characters that show a line on a terminal; without colours the words say it all."""
    if not is_coloured:
        return plain(of)
    return "".join(f"\x1b[{_SGR[style]}m{text}{_RESET}" if style in _SGR else text for text, style in of)
