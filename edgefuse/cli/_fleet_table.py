"""Devices as a table: for `edgefuse fleet list` as text, for `edgefuse fleet watch` as lines of a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgefuse import clock
from edgefuse.cli._line import Line, Style, line, pad
from edgefuse.cli._unit import format_table
from edgefuse.cli._words import printable
from edgefuse.fleet.deployments import is_of_note, show_progress
from edgefuse.fleet.labels import show_labels
from edgefuse.fleet.roster import Row

UNKNOWN = "-"
KEYS = "space b page   q leave"
_STYLES: dict[str, Style] = {
    "offline": "bad",
    "silent": "bad",
    "revoked": "dim",
    "unseen": "dim",
    "hot": "warn",
    "critical": "bad",
}
_MARK = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    show: Callable[[Row], str]
    is_wide: bool = False
    """Only shown where much is asked for."""
    is_rare: bool = False
    """Only shown where a device has something there."""


def _text(value: object) -> str:
    return UNKNOWN if value is None else printable(str(value))


def _temp(row: Row) -> str:
    if row.report_age_s is None:
        return UNKNOWN
    return "no sensor" if row.temp_c is None else f"{row.temp_c:.1f}"


def _number(value: float | None, places: int) -> str:
    return UNKNOWN if value is None else f"{value:.{places}f}"


def _update(row: Row) -> str:
    deployment = row.deployment
    if deployment is None or not is_of_note(deployment, clock.wall_now()):
        return UNKNOWN
    return printable(f"{deployment.release} {show_progress(deployment)}")


COLUMNS = (
    Column("NAME", lambda row: row.device),
    Column("PRESENCE", lambda row: row.presence),
    Column("TEMP_C", _temp),
    Column("FPS", lambda row: _number(row.fps, 1)),
    Column("POINT", lambda row: _text(row.point)),
    Column("BAND", lambda row: _text(row.band)),
    Column("RELEASE", lambda row: _text(row.release)),
    Column("SERVICE", lambda row: _text(row.service)),
    Column("UPDATE", _update, is_rare=True),
    Column("EFFECT", lambda row: _text(row.effect), is_wide=True),
    Column("P95_MS", lambda row: _number(row.latency_p95_ms, 0), is_wide=True),
    Column("FACES", lambda row: _number(row.faces, 1), is_wide=True),
    Column("MEM_MB", lambda row: _number(row.mem_mb, 0), is_wide=True),
    Column("VERSION", lambda row: _text(row.version), is_wide=True),
    Column("PROFILE", lambda row: _text(row.profile), is_wide=True),
    Column("MODE", lambda row: _text(row.mode), is_wide=True),
    Column("LABELS", lambda row: show_labels(row.labels) or UNKNOWN, is_wide=True),
)


def make_table(rows: Sequence[Row], *, is_wide: bool) -> str:
    """Give a line a device below a line of names."""
    shown = [(column, [column.show(row) for row in rows]) for column in COLUMNS if is_wide or not column.is_wide]
    columns = [[column.name, *cells] for column, cells in shown if not column.is_rare or {*cells} - {UNKNOWN}]
    return format_table(list(zip(*columns, strict=True)))


def render(rows: Sequence[Row], width: int, height: int, first: int, message: str) -> list[Line]:
    """Fill a screen: names of columns, devices from number ``first`` on, and at the foot how many there are."""
    page = rows[first : first + page_size(height)]
    styles: list[Style] = ["bold", *map(_style, page)]
    texts = make_table(page, is_wide=True).splitlines()
    lines = [line((text, style)) for text, style in zip(texts, styles, strict=True)]
    lines += [()] * (height - 1 - len(lines))
    return [pad(of, width, _MARK) for of in (*lines, line((_sum(rows, message), "dim")))][:height]


def page_size(height: int) -> int:
    """Give how many devices fit on a screen of so many lines."""
    return max(1, height - 2)


def _style(row: Row) -> Style:
    return _STYLES.get(row.presence) or _STYLES.get(row.band or "") or "plain"


def _sum(rows: Sequence[Row], message: str) -> str:
    counts = Counter(row.presence for row in rows)
    told = ", ".join(f"{count} {presence}" for presence, count in counts.most_common()) or "no device is enrolled"
    return f"{message or told}   {KEYS}"
