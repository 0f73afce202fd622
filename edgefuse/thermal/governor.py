"""Which operating point a unit takes: the best that is predicted to stay below the trip. Pure; the clock is passed in.

A point that runs must hold for another ``STAY_S``, any other for ``GO_S``, else it is not worth the change:

    blind, or at the trip ──► coolest point at once; from a trip on until it has cooled down (the hard floor)
    pinned                ──► the pin
    throttled, slow       ──► one point down, no way up for ``GO_S``
    otherwise             ──► the first point from the top that is predicted to hold

No change comes sooner than ``DWELL_S`` after another, but for those to the hard floor and the operator's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from edgefuse.config.profile import OperatingPoint
from edgefuse.thermal import heat_model, slowness
from edgefuse.thermal.heat_model import HeatModel
from edgefuse.thermal.observation import Band, Observation, find_band
from edgefuse.thermal.slowness import Slowness

Reason = Literal["holds", "settling", "hot", "throttled", "slow", "trip", "blind", "pinned", "no_trip"]

DWELL_S = 30.0  # a change shows its heat within a bin or two, and is seen by whoever watches
STAY_S = 60.0  # twice the dwell: a change that is due can wait for the end of another one's dwell
GO_S = 600.0  # with changes sooner, each costs more than the better point gains before it must be left again
UP_DWELL_S = 120.0  # after a change the model must have seen what it did before it can promise anything
CHANGES_AN_HOUR = 6  # none goes up that could not be taken back within these
MARGIN_K = 0.4  # what a prediction of a minute is wrong by
SMOOTH_S = 5.0  # as openpilot: one reading is noise
_HOUR_S = 3600.0
_LOST_S = 60.0  # after such a gap the body's temperature must be found anew


class Bin(msgspec.Struct, frozen=True):
    """Temperatures that are averaged before the model sees them."""

    begun_s: float
    running: int | None
    sum_k: float = 0.0
    count: int = 0


class GovernorState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything between two steps; keep it, and go on with ``resume`` after a restart."""

    point: int = 0
    changes_s: tuple[float, ...] = ()
    """When the point changed within the last hour, the newest last."""
    alarmed_s: float | None = None
    """When the board was last throttled or slow."""
    is_cooling: bool = False
    """It was at the trip and has not cooled down yet."""
    seen_s: float | None = None
    smooth_k: float | None = None
    bin: Bin | None = None
    model: HeatModel | None = None
    frames: Slowness = Slowness()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to run, and why."""

    point: int
    reason: Reason
    text: str
    """The reason for a person."""
    band: Band
    predicted_c: float | None
    """The highest temperature of the next ``GO_S`` at this point; nothing while nothing was measured."""


def find_loads(ladder: Sequence[OperatingPoint]) -> tuple[float, ...]:
    """Give the expected load of each point, relative to point 0; the model learns how it really is.

    Source:
        tools/bench/ladder: a frame costs nearly the same at every point, so that frames a second tell the load.
    """
    return tuple(point.rate_hz / ladder[0].rate_hz for point in ladder)


def resume(state: GovernorState, ladder: Sequence[OperatingPoint]) -> GovernorState:
    """Give the state to start from after a restart: what was learned stays, the clock and the point do not."""
    if state.model is None or state.model.points != len(ladder):
        return GovernorState()
    return GovernorState(model=state.model, frames=msgspec.structs.replace(state.frames, long_since_s=None))


def step(state: GovernorState, seen: Observation, ladder: Sequence[OperatingPoint]) -> tuple[GovernorState, Decision]:
    """Take in an observation and decide; call it every second.

    Args:
        state: As the last step left it.
        seen: What is known now.
        ladder: The profile's points.
    """
    loads = find_loads(ladder)
    state = _sense(state, seen, loads)
    point, reason = _choose(state, seen, loads)
    state = _take(state, point, seen, reason)
    return state, _explain(state, seen, reason, loads)


def _sense(state: GovernorState, seen: Observation, loads: Sequence[float]) -> GovernorState:
    """Take in temperature and frame time."""
    now_s = seen.now_s
    passed_s = 0.0 if state.seen_s is None else max(0.0, now_s - state.seen_s)
    frames = state.frames
    if seen.frame_ms is not None and seen.running is not None:
        situation = slowness.name_situation(seen.running, seen.faces)
        frames = slowness.watch(frames, now_s, passed_s, situation, seen.frame_ms)
    state = msgspec.structs.replace(state, seen_s=now_s, frames=frames)
    if seen.nearest is None:
        return msgspec.structs.replace(state, smooth_k=None, bin=None)
    over_k = seen.nearest.over_k
    model, smooth_k = state.model, state.smooth_k
    if model is None:
        model = heat_model.begin(over_k, seen.running, loads)
    elif smooth_k is None or passed_s > _LOST_S:
        model, smooth_k = heat_model.resume(model, over_k, seen.running, loads), None
    smooth_k = over_k if smooth_k is None else over_k + (smooth_k - over_k) * math.exp(-passed_s / SMOOTH_S)
    exit_k = seen.nearest.exit_c - seen.nearest.enter_c
    is_cooling = smooth_k >= 0.0 or (state.is_cooling and smooth_k > exit_k)
    state = msgspec.structs.replace(state, smooth_k=smooth_k, model=model, is_cooling=is_cooling)
    return _learn(state, model, seen, over_k, loads)


def _learn(
    state: GovernorState, model: HeatModel, seen: Observation, over_k: float, loads: Sequence[float]
) -> GovernorState:
    """Add a temperature to the bin; a full one goes to the model, one across a change to nobody."""
    filling = state.bin
    if filling is None or filling.running != seen.running:
        filling = Bin(seen.now_s, seen.running)
    filling = Bin(filling.begun_s, seen.running, filling.sum_k + over_k, filling.count + 1)
    if seen.now_s - filling.begun_s < heat_model.BIN_S:
        return msgspec.structs.replace(state, bin=filling)
    model = heat_model.learn(model, filling.sum_k / filling.count, seen.running, loads)
    return msgspec.structs.replace(state, model=model, bin=Bin(seen.now_s, seen.running))


def _choose(state: GovernorState, seen: Observation, loads: Sequence[float]) -> tuple[int, Reason]:
    """Give the point and why; the diagram at the top from top to bottom."""
    point, last = min(state.point, len(loads) - 1), len(loads) - 1
    if seen.is_blind or state.is_cooling:
        return last, "blind" if seen.is_blind else "trip"
    if seen.pin is not None:
        return min(seen.pin, last), "pinned"
    if _rested_s(state, seen.now_s) < DWELL_S:
        return point, "settling"
    if seen.is_throttled or state.frames.has_lasted(seen.now_s):
        return min(point + 1, last), "throttled" if seen.is_throttled else "slow"
    if state.model is None:
        return 0 if _may_rise(state, seen.now_s) else point, "no_trip"
    return _find_holding(state, state.model, seen, loads)


def _find_holding(
    state: GovernorState, model: HeatModel, seen: Observation, loads: Sequence[float]
) -> tuple[int, Reason]:
    """Give the first point that holds, the coolest where none does."""
    first = 0 if _may_rise(state, seen.now_s) else state.point
    for point in range(first, len(loads)):
        hold_s = STAY_S if point == state.point else GO_S
        if model.peak_k(point, loads[point], hold_s) < -MARGIN_K:
            return point, "holds"
    return len(loads) - 1, "hot"


def _may_rise(state: GovernorState, now_s: float) -> bool:
    """Tell whether enough time has passed to go up again."""
    return (
        _rested_s(state, now_s) >= UP_DWELL_S
        and (state.alarmed_s is None or now_s - state.alarmed_s >= GO_S)
        and len(_recent(state.changes_s, now_s)) <= CHANGES_AN_HOUR - 2
    )


def _take(state: GovernorState, point: int, seen: Observation, reason: Reason) -> GovernorState:
    """Go to a point, and note what that keeps from happening soon."""
    if reason in ("throttled", "slow"):
        state = msgspec.structs.replace(state, alarmed_s=seen.now_s)
    if point == state.point:
        return state
    changes_s = (*_recent(state.changes_s, seen.now_s), seen.now_s)
    return msgspec.structs.replace(state, point=point, changes_s=changes_s)


def _recent(times_s: Sequence[float], now_s: float) -> tuple[float, ...]:
    return tuple(time_s for time_s in times_s if now_s - time_s < _HOUR_S)


def _rested_s(state: GovernorState, now_s: float) -> float:
    """Give the time since the last change."""
    return now_s - state.changes_s[-1] if state.changes_s else math.inf


def _explain(state: GovernorState, seen: Observation, reason: Reason, loads: Sequence[float]) -> Decision:
    """Say what was decided and why."""
    point, nearest, model = state.point, seen.nearest, state.model
    if nearest is None or model is None:
        band: Band = "critical" if seen.is_blind else "cool"
        return Decision(point=point, reason=reason, text=_TEXTS[reason], band=band, predicted_c=None)
    band = "critical" if state.is_cooling else find_band(state.smooth_k or 0.0)
    peaks_c = [nearest.enter_c + model.peak_k(place, loads[place], GO_S) for place in range(len(loads))]
    text = f"{_TEXTS[reason]}; {nearest.zone} {nearest.temp_c:.1f} C, trip {nearest.enter_c:g} C"
    if reason in ("holds", "hot"):
        text += f", in {GO_S / 60:.0f} min {peaks_c[point]:.1f} C"
        if point > 0:
            text += f", {peaks_c[point - 1]:.1f} C at point {point - 1}"
    return Decision(point=point, reason=reason, text=text, band=band, predicted_c=round(peaks_c[point], 1))


_TEXTS: dict[Reason, str] = {
    "holds": "the best point that holds",
    "settling": "just changed",
    "hot": "no point is sure to hold, so the coolest",
    "throttled": "the kernel slows the board down, so a point less",
    "slow": "frames take longer than they did with as many faces, so a point less",
    "trip": "too hot, so the coolest point until it has cooled down",
    "blind": "the temperature zones are silent, so the coolest point",
    "pinned": "pinned",
    "no_trip": "no temperature to keep here",
}
