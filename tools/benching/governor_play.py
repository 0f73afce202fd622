"""Play a control on a simulated board and judge what it delivered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from benching.governor_cases import CHANGE_COST_S, DURATION_S, Case
from edgefuse.config.profile import OperatingPoint, Profile
from edgefuse.thermal import governor, plant
from edgefuse.thermal.governor import GovernorState
from edgefuse.thermal.observation import Nearest, Observation
from edgefuse.thermal.plant import Heat, Sensor


@dataclass(frozen=True, slots=True)
class Moment:
    """What a control may look at."""

    now_s: int
    temp_c: float
    """The sensor's reading."""
    body_c: float
    """The truth, for perfect foresight only."""


Control = Callable[[Moment], int]
"""Gives the point."""
_SMOOTHING = 0.18  # of a reading, each second: the same 5 s that the governor takes


@dataclass(frozen=True, slots=True)
class Course:
    """What happened, second by second."""

    points: Sequence[int]
    dies_c: Sequence[float]
    delivered: Sequence[float]
    """Share of the point's frames."""


class Score(msgspec.Struct, frozen=True):
    """What a control made of a case."""

    quality: float
    """Delivered within the trip, share of the best; changes are paid."""
    quality_anyhow: float
    """Delivered at any temperature; changes are paid."""
    above_s: int
    """Seconds in which the die was above the trip at another point than the coolest."""
    hottest_c: float
    changes: int
    busiest_hour: int
    """Most changes within an hour."""


def play(case: Case, control: Control) -> Course:
    """Run a control for the whole time; the board begins as warm as the air."""
    air_c = case.around(0.0).air_c
    heat, sensor = Heat(air_c, air_c), Sensor(case.board, case.seed)
    points, dies_c, delivered = [], [], []
    for now_s in range(DURATION_S):
        points.append(control(Moment(now_s, sensor.read(heat.die_c), heat.body_c)))
        delivered.append(plant.advance(case.board, heat, case.around(now_s), points[-1]))
        dies_c.append(heat.die_c)
    return Course(points, dies_c, delivered)


def judge(case: Case, course: Course) -> Score:
    """Count what was delivered, and what it took."""
    values, trip_c = find_values(case.profile.ladder), case.profile.trips[0].enter_c
    coolest = len(values) - 1
    seconds = [
        (values[point] * share, point != coolest and die_c > trip_c)
        for point, die_c, share in zip(course.points, course.dies_c, course.delivered, strict=True)
    ]
    changes_s = [now_s for now_s, (before, after) in enumerate(pairwise(course.points)) if before != after]
    paid = CHANGE_COST_S * len(changes_s)
    return Score(
        quality=(sum(value for value, is_above in seconds if not is_above) - paid) / DURATION_S,
        quality_anyhow=(sum(value for value, _ in seconds) - paid) / DURATION_S,
        above_s=sum(is_above for _, is_above in seconds),
        hottest_c=max(course.dies_c),
        changes=len(changes_s),
        busiest_hour=max((sum(0 <= t - begin_s < 3600 for t in changes_s) for begin_s in changes_s), default=0),
    )


def find_values(ladder: Sequence[OperatingPoint]) -> list[float]:
    """Give what a second at each point is worth: frames a second × effect pixels along a side, share of the best."""
    best = ladder[0].rate_hz * ladder[0].effect_px
    return [point.rate_hz * point.effect_px / best for point in ladder]


def leave_alone(_: Moment) -> int:
    """Stay at point 0 and let the kernel slow the board down."""
    return 0


Tuning = tuple[float, float, float]
"""Kelvin below the trip at which it goes down, width of the hysteresis in kelvin, dwell in seconds."""


class Threshold:
    """One point down above a threshold, one up below another, never twice within a dwell."""

    @classmethod
    def of(cls, case: Case, tuning: Tuning) -> Threshold:
        """Give thresholds for a case."""
        down_k, width_k, dwell_s = tuning
        trip_c = case.profile.trips[0].enter_c
        return cls(trip_c - down_k, trip_c - down_k - width_k, dwell_s, len(case.profile.ladder) - 1)

    def __init__(self, down_c: float, up_c: float, dwell_s: float, last: int) -> None:
        self._down_c, self._up_c, self._dwell_s, self._last = down_c, up_c, dwell_s, last
        self._point, self._changed_s, self._smooth_c = 0, -math.inf, math.nan

    def __call__(self, moment: Moment) -> int:
        """Decide about a second."""
        before_c = moment.temp_c if math.isnan(self._smooth_c) else self._smooth_c
        self._smooth_c = before_c + _SMOOTHING * (moment.temp_c - before_c)
        wanted = self._point + (self._smooth_c > self._down_c) - (self._smooth_c < self._up_c)
        wanted = min(max(wanted, 0), self._last)
        if wanted != self._point and moment.now_s - self._changed_s >= self._dwell_s:
            self._point, self._changed_s = wanted, moment.now_s
        return self._point


class Ours:
    """The governor as the supervisor runs it, knowing the profile and nothing of the unit."""

    def __init__(self, profile: Profile) -> None:
        self._ladder, self._trip = profile.ladder, profile.trips[0]
        self.state = GovernorState()

    def __call__(self, moment: Moment) -> int:
        """Decide about a second."""
        nearest = Nearest(self._trip.zone, moment.temp_c, self._trip.enter_c, self._trip.exit_c)
        seen = Observation(now_s=float(moment.now_s), nearest=nearest, running=self.state.point)
        self.state, decision = governor.step(self.state, seen, self._ladder)
        return decision.point
