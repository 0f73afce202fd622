"""Texts beside labels, in 80 columns: how a unit or a device is told of in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from edgefuse.cli._words import printable

_WIDTH, _LABEL = 80, 10


def lay_out(rows: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Give each text a line, or several, with the label before the first of its texts."""
    return "\n".join(_break(label, text) for label, texts in rows for label, text in _once(label, texts))


def _break(label: str, text: str) -> str:
    """Break a text into lines beside its label; addresses and paths stay whole, so that they can be copied."""
    return textwrap.fill(
        printable(text),
        _WIDTH,
        initial_indent=label.ljust(_LABEL),
        subsequent_indent=" " * (_LABEL + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _once(label: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give the label to the first of its texts only."""
    for text in texts:
        yield label, text
        label = ""
