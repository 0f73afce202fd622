"""Pictures of terminals, as PNG."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from screenshot.terminal import Cell, Cells

_FONT_POINTS = 10.0
_CELL_POINTS = (
    0.602 * _FONT_POINTS,
    1.25 * _FONT_POINTS,
)  # DejaVu Sans Mono, which comes with matplotlib: 0.602 em wide
_GROUND, _INK, _BORDER_POINTS = "#16181d", "#d5d8de", 10.0
_COLOURS = {"": _INK, "1": "#ffffff", "2": "#8a90a0", "32": "#7bc275", "33": "#e0b04c", "1;31": "#f07167"}
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def draw_cells(cells: Cells, path: Path) -> None:
    """Write a picture of what stands on a terminal."""
    width, height = _CELL_POINTS[0] * cells.width, _CELL_POINTS[1] * cells.height
    size = ((width + 2 * _BORDER_POINTS) / 72, (height + 2 * _BORDER_POINTS) / 72)
    figure = Figure(figsize=size, dpi=144, facecolor=_GROUND)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-_BORDER_POINTS, width + _BORDER_POINTS)
    axes.set_ylim(height + _BORDER_POINTS, -_BORDER_POINTS)
    for row, line in enumerate(cells.rows):
        for column, cell in enumerate(line):
            _draw_cell(axes, cell, column * _CELL_POINTS[0], row * _CELL_POINTS[1])
    figure.savefig(path)


def _draw_cell(axes: Axes, cell: Cell, x: float, y: float) -> None:
    """Draw a character; blocks fill their cell, as terminals draw them."""
    character, colours = cell
    width, height = _CELL_POINTS
    if character == " ":
        return
    if (eighths := _EIGHTHS.find(character)) > 0:
        tall = height * eighths / 8
        axes.add_patch(Rectangle((x, y + height - tall), width, tall, color=_COLOURS[colours], linewidth=0))
        return
    weight = "bold" if colours.startswith("1") else "normal"
    axes.text(x, y + 0.76 * height, character, family="DejaVu Sans Mono", size=_FONT_POINTS, weight=weight,
              color=_COLOURS[colours], va="baseline")  # fmt: skip
