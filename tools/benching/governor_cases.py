"""Units, weather and three hours: what governors are compared on."""

from __future__ import annotations

import dataclasses
import math
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from edgefuse.config.profile import Profile, find_profile
from edgefuse.thermal import plant
from edgefuse.thermal.plant import BOARDS, Board, Heat, Surroundings

DURATION_S = 3 * 3600
CHANGE_COST_S = 60.0
"""What a change of point costs, in seconds of the best quality: it is seen, and six an hour are the most one wants."""
_SPREAD = 0.2

Weather = Callable[[float], Surroundings]


def _cold_start(limit_c: float, _: float) -> Surroundings:
    return Surroundings(limit_c + 1.0)


def _hot_afternoon(limit_c: float, now_s: float) -> Surroundings:
    return Surroundings(limit_c - 9.0 + 14.0 * math.sin(math.pi * now_s / DURATION_S))


def _fan_failure(limit_c: float, now_s: float) -> Surroundings:
    return Surroundings(limit_c - 5.0, resistance=1.3 if 3600 <= now_s < 8100 else 1.0)


def _sun(limit_c: float, now_s: float) -> Surroundings:
    shining = max(_between(now_s, 1500, 3300), _between(now_s, 4500, 5400), _between(now_s, 6000, 9000))
    return Surroundings(limit_c - 4.0 + 9.0 * shining)


def _enclosure(limit_c: float, _: float) -> Surroundings:
    return Surroundings(limit_c - 6.0, resistance=1.25, capacity=6.0)


WEATHERS: Mapping[str, Callable[[float, float], Surroundings]] = {
    "cold start": _cold_start,
    "hot afternoon": _hot_afternoon,
    "fan failure": _fan_failure,
    "sun": _sun,
    "enclosure": _enclosure,
}
"""By the air in which the board of that kind just holds point 0, and the time."""
STEADY = ("cold start", "enclosure")


@dataclass(frozen=True, slots=True)
class Case:
    """One unit in one weather."""

    board: Board
    weather: str
    unit: int
    """0 is the board as it was fitted; others differ by up to a fifth in everything."""
    limit_c: float
    profile: Profile
    """Ladder and trips."""

    @property
    def seed(self) -> int:
        """Of the sensor's noise."""
        return _hash(self.board.profile_id, self.weather, self.unit)

    def around(self, now_s: float) -> Surroundings:
        """Give what is around the unit at a moment."""
        return WEATHERS[self.weather](self.limit_c, now_s)


def make_cases(units: int) -> Iterator[Case]:
    """Give every board in every weather: as fitted, and as so many units that nobody has seen."""
    for board in BOARDS:
        profile = find_profile(board.profile_id)
        limit_c = find_limit_c(board, profile.trips[0].enter_c)
        for weather, unit in product(WEATHERS, range(units + 1)):
            own = perturb(board, _hash(profile.id, weather, unit)) if unit else board
            yield Case(own, weather, unit, limit_c, profile)


def perturb(board: Board, seed: int) -> Board:
    """Give a unit of a kind of board that differs by up to a fifth in everything."""
    chance = random.Random(seed)

    def near(value: float) -> float:
        return value * chance.uniform(1 - _SPREAD, 1 + _SPREAD)

    names = ("base_w", "work_w", "leak_w", "r_die", "r_body", "die_s", "body_s")
    shares = (1.0, *(near(share) for share in board.shares[1:]))
    return dataclasses.replace(board, shares=shares, **{name: near(getattr(board, name)) for name in names})


def find_limit_c(board: Board, trip_c: float) -> float:
    """Find the air in which a board settles at its trip at point 0."""
    low_c, high_c = 0.0, trip_c
    for _ in range(12):
        air_c = (low_c + high_c) / 2
        heat = Heat(trip_c, trip_c - board.r_die * plant.power(board, trip_c, 0))
        flow_w = (trip_c - heat.body_c) / board.r_die
        settled_k = flow_w * plant.body_resistance(board, heat.body_c - air_c)
        low_c, high_c = (air_c, high_c) if air_c + settled_k < heat.body_c else (low_c, air_c)
    return low_c


def _between(now_s: float, begin_s: float, end_s: float, ramp_s: float = 120.0) -> float:
    """Give 1 between two moments and 0 outside, with ramps inside."""
    return max(0.0, min(1.0, (now_s - begin_s) / ramp_s, (end_s - now_s) / ramp_s))


def _hash(*words: object) -> int:
    return zlib.crc32(repr(words).encode())
