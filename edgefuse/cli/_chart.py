"""Charts and bars of characters, each with its scale; pure text, no colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

AXIS_CELLS = 7
"""Columns that the scale takes: five for a number, a blank and the axis."""

_LEAST = 1e-3  # a value at the lower end is drawn, unlike a gap


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Characters to draw with."""

    levels: str
    """Nothing to a full cell."""
    bar: tuple[str, str]
    """Taken and free cells of a lying bar."""
    mark: str
    axis: str
    here: str
    """Before the row that is in force."""
    cut: str
    """Where a text goes on beyond the edge."""


BLOCKS = Glyphs(levels=" ▁▂▃▄▅▆▇█", bar=("━", "·"), mark="╌", axis="│", here="▸", cut="…")
ASCII = Glyphs(levels=" .:|#", bar=("#", "."), mark="-", axis="|", here=">", cut="~")


@dataclass(frozen=True, slots=True)
class Scale:
    """What a chart's height stands for, and the limit that is marked on it."""

    low: float
    high: float
    mark: float | None = None


def fit_scale(values: Sequence[float | None], mark: float | None, step: float, low: float | None = None) -> Scale:
    """Give the scale that holds every value and the mark, with ends on multiples of ``step``."""
    known = [value for value in (*values, mark) if value is not None] or [0.0]
    bottom = step * math.floor(min(known) / step) if low is None else low
    top = step * math.ceil(max(known) / step)
    return Scale(bottom, top if top > bottom else bottom + step, mark)


def draw_chart(values: Sequence[float | None], scale: Scale, width: int, rows: int, glyphs: Glyphs) -> list[str]:
    """Draw columns over time, the newest at the right edge.

    Args:
        values: The newest last; nothing leaves a gap.
        scale: What bottom and top mean; the mark is a broken line over what is empty.
        width: Columns, with the axis.
        rows: Lines.
        glyphs: What to draw with.

    Returns:
        Lines from top to bottom, each ``width`` long.
    """
    columns = max(0, width - AXIS_CELLS)
    shown = [None] * (columns - len(values)) + list(values[-columns:] if columns else [])
    filled = [_fill(value, scale) * rows for value in shown]
    mark_row = None if scale.mark is None else min(rows - 1, int(_share(scale.mark, scale) * rows))
    lines = []
    for row in reversed(range(rows)):
        background = glyphs.mark if row == mark_row else " "
        cells = "".join(_cell(height - row, background, glyphs) for height in filled)
        lines.append(f"{_label(row, rows, mark_row, scale):>5} {glyphs.axis}{cells}")
    return lines


def draw_bar(value: float, full: float, width: int, glyphs: Glyphs) -> str:
    """Draw a lying bar of ``width`` cells; a value above ``full`` fills it."""
    cells = round(width * min(1.0, value / full)) if full > 0 else 0
    taken, free = glyphs.bar
    return taken * cells + free * (width - cells)


def _share(value: float, scale: Scale) -> float:
    return min(1.0, max(0.0, (value - scale.low) / (scale.high - scale.low)))


def _fill(value: float | None, scale: Scale) -> float:
    return 0.0 if value is None else max(_LEAST, _share(value, scale))


def _cell(height: float, background: str, glyphs: Glyphs) -> str:
    """Draw one cell of a column that reaches ``height`` rows above the cell's floor."""
    level = math.ceil(min(1.0, max(0.0, height)) * (len(glyphs.levels) - 1))
    return glyphs.levels[level] if level else background


def _label(row: int, rows: int, mark_row: int | None, scale: Scale) -> str:
    """Name the ends of the scale, and the mark where it has a row of its own."""
    if row == rows - 1:
        return f"{scale.high:g}"
    if row == 0:
        return f"{scale.low:g}"
    return f"{scale.mark:g}" if row == mark_row and scale.mark is not None else ""
