"""What ``top`` shows: from a view to the lines of a terminal of any size; pure.

From top to bottom: unit and service, heat and its chart, rate and its chart, latency, memory, the point and why, stages
beside the ladder, events, keys. Height goes to charts, tables and events in proportion; what does not fit is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from edgefuse.cli._chart import AXIS_CELLS, Glyphs, draw_bar, draw_chart, fit_scale
from edgefuse.cli._line import Line, Style, cut, line, pad
from edgefuse.cli._view import EFFECT_KEYS, View
from edgefuse.cli._words import (
    current_point,
    explain_rate,
    margin_c,
    show_deployment,
    show_event,
    show_heat,
    show_memory,
    show_origin,
    show_restarts,
    show_service,
    show_span,
    show_zones,
)
from edgefuse.ipc import Heartbeat
from edgefuse.supervisor.control import Band, Event, ServiceState, Status

KEYS = "q quit  p pause  + better  - cooler  u unpin  e effect  ? help"
HELP = (
    "q, Ctrl-C   leave; the service goes on",
    "p           pause the pipeline, or resume it; kept over restarts",
    "+           pin the next better point: larger, faster, hotter",
    "-           pin the next cooler point",
    "u           unpin the point: the governor chooses again",
    "e           choose an effect, or take its pin away",
    "?           this page, and back",
    "",
    "fps         frames a second; the broken line is what the point allows",
    "heat        of the zone that is nearest to its trip; the broken line is the trip",
    "stages      median milliseconds a frame; a full bar is all that the point's rate leaves",
    "memory      resident, in MB (1,000,000 bytes)",
    "gap         in a chart: no worker, or no answer from the supervisor",
)
_STATES: dict[ServiceState, Style] = {"RUNNING": "good", "FATAL": "bad"}
_BANDS: dict[Band, Style] = {"cool": "good", "warm": "warn", "hot": "bad", "critical": "bad"}
_LEVELS: dict[str, Style] = {"info": "plain", "warning": "warn", "error": "bad"}
_FIXED_ROWS = 8
_TWO_COLUMNS = 76  # narrower terminals show no ladder; the point's own row stays
_BAR_CELLS = 16


def render(view: View, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Give ``height`` lines of at most ``width`` cells."""
    body = [line(text) for text in HELP] if view.is_helping else _body(view, width, height, glyphs)
    room = max(0, height - 1)
    shown = [cut(row, width, glyphs.cut) for row in [*body[:room], _foot(view)]]
    blank: list[Line] = [()] * (height - len(shown))
    return [*shown[:-1], *blank, shown[-1]]


def _foot(view: View) -> Line:
    if view.is_choosing_effect:
        return line((EFFECT_KEYS, "bold"))
    return line((view.message, "bold")) if view.message else line((KEYS, "dim"))


def _body(view: View, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    status, spare = view.status, max(0, height - _FIXED_ROWS)
    tables = _tables(status, width, glyphs)
    table_rows = min(len(tables), spare // 2)
    event_rows = min(len(status.events), spare * 3 // 16)
    rate_rows = (spare - table_rows - event_rows) * (2 if status.heat.temps_c else 5) // 5
    heat_rows = spare - table_rows - event_rows - rate_rows
    return [
        *_head(view),
        _heat(status),
        *_heat_chart(view, width, heat_rows, glyphs),
        _rate(status),
        *_rate_chart(view, width, rate_rows, glyphs),
        _frames(status.heartbeat),
        _memory(status, glyphs),
        _point(status),
        *tables[:table_rows],
        *[_event(event) for event in status.events[len(status.events) - event_rows :]],
    ]


def _head(view: View) -> list[Line]:
    status = view.status
    under_way = status.deployment if status.deployment and not status.deployment.deployment.is_over else None
    update = f" (update to {under_way.deployment.release}: {show_deployment(under_way)})" if under_way else ""
    unit = f"release {status.release}{update}, up {show_span(status.uptime_s)}, {status.profile} ({status.board})"
    effect = status.settings.get("effect")
    shown = f", {effect.value} ({show_origin(effect)})" if effect else ""
    service = show_service(status.service)
    state = line((service, _STATES.get(status.service.state, "warn")), shown, f", {show_restarts(status.service)}")
    return [line((f"edgefuse {status.version}", "bold"), f"  {unit}"), line((view.trouble, "bad")) or state]


def _heat(status: Status) -> Line:
    zones = list(show_zones(status.heat))
    style: Style = "bad" if status.heat.is_throttled else _BANDS[status.heat.band]
    nearest = zones[0] if zones else "no sensor"
    return line(("heat   ", "bold"), (nearest, style), f"; {show_heat(status.heat)}")


def _heat_chart(view: View, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """Draw the zone that is nearest to its trip."""
    heat = view.status.heat
    if not heat.temps_c or not rows:
        return []
    zone = min(heat.temps_c, key=lambda zone: (margin_c(heat, zone), -heat.temps_c[zone]))
    shown = [sample.temps_c.get(zone) for sample in view.samples][-max(1, width - AXIS_CELLS) :]
    scale = fit_scale(shown, heat.trips_c.get(zone), step=5.0)
    return _chart(draw_chart(shown, scale, width, rows, glyphs), _BANDS[heat.band])


def _rate(status: Status) -> Line:
    beat = status.heartbeat
    if beat is None:
        return line(("rate   ", "bold"), explain_rate(status))
    rates = f"{beat.fps:.1f} fps out of {beat.fps_in:.1f} fps in: {explain_rate(status)}"
    return line(("rate   ", "bold"), rates, ("; a column is 1 s", "dim"))


def _rate_chart(view: View, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    if not rows:
        return []
    point = current_point(view.status)
    shown = [sample.fps for sample in view.samples][-max(1, width - AXIS_CELLS) :]
    scale = fit_scale(shown, point.rate_hz if point else None, step=5.0, low=0.0)
    return _chart(draw_chart(shown, scale, width, rows, glyphs), "plain")


def _chart(rows: Iterable[str], style: Style) -> list[Line]:
    return [line((row[:AXIS_CELLS], "dim"), (row[AXIS_CELLS:], style)) for row in rows]


def _frames(beat: Heartbeat | None) -> Line:
    if beat is None:
        return line(("frames ", "bold"), "none")
    latency = (
        f"latency {beat.latency_ms.p50:.0f} ms (95 %: {beat.latency_ms.p95:.0f} ms), {beat.faces:.1f} faces a frame"
    )
    failures = f"{beat.failures:,} failed, " if beat.failures else ""
    counts = f"; {beat.frames_out:,} out, {beat.dropped:,} dropped"
    return line(("frames ", "bold"), (failures, "bad"), latency + counts)


def _memory(status: Status, glyphs: Glyphs) -> Line:
    beat, limit_mb = status.heartbeat, status.service.memory_limit_mb
    if beat is None or limit_mb is None:
        return line(("memory ", "bold"), show_memory(status))
    share = beat.rss_mb / limit_mb
    style: Style = "bad" if share > 0.95 else "warn" if share > 0.8 else "good"
    bar = draw_bar(beat.rss_mb, limit_mb, _BAR_CELLS, glyphs)
    return line(("memory ", "bold"), (bar, style), f" {show_memory(status)}")


def _point(status: Status) -> Line:
    setting = status.settings.get("point")
    if setting is None:
        return line(("point  ", "bold"), "none")
    reason = f": {status.heat.point_reason}" if status.heat.point_reason else ""
    style: Style = "warn" if setting.origin == "pin" else "plain"
    return line(("point  ", "bold"), (f"{setting.value} ({show_origin(setting)})", style), reason)


def _tables(status: Status, width: int, glyphs: Glyphs) -> list[Line]:
    """Put stages and ladder beside each other."""
    stages, ladder = _stages(status, glyphs), _ladder(status, glyphs)
    if width < _TWO_COLUMNS:
        return stages
    left = width // 2
    return [(*pad(a, left, glyphs.cut), *b) for a, b in zip_longest(stages, ladder, fillvalue=())]


def _stages(status: Status, glyphs: Glyphs) -> list[Line]:
    """List the stages in the order of a frame's way, with bars against what the point's rate leaves for a frame."""
    beat, point = status.heartbeat, current_point(status)
    if beat is None or not beat.stages_ms:
        return []
    full_ms = 1000 / point.rate_hz if point else max(beat.stages_ms.values())
    rows = [line(("stages ", "bold"), (f"ms a frame; a full bar is {full_ms:.0f}", "dim"))]
    for name, time_ms in beat.stages_ms.items():
        style: Style = "bad" if time_ms > full_ms else "plain"
        rows.append(
            line(f"{name:<13.13} ", (draw_bar(time_ms, full_ms, _BAR_CELLS, glyphs), style), f" {time_ms:6.1f}")
        )
    return rows


def _ladder(status: Status, glyphs: Glyphs) -> list[Line]:
    """List the points of the profile, the best first."""
    if not status.ladder:
        return []
    rows = [line(("points ", "bold"), (" fps  detect px every effect px", "dim"))]
    here = status.heartbeat.point if status.heartbeat else None
    for index, point in enumerate(status.ladder):
        text = f"{index:>2}{point.rate_hz:>8g}{point.detect_px:>11}{point.detect_every:>6}{point.effect_px:>10}"
        rows.append(line((f"{glyphs.here}{text}", "bold") if index == here else f" {text}"))
    return rows


def _event(event: Event) -> Line:
    return line((show_event(event), _LEVELS[event.level]))
