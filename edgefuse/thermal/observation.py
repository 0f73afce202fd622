"""What the governor is told, and how far a board is from its trips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from edgefuse.config.profile import Trip

Band = Literal["cool", "warm", "hot", "critical"]
"""By distance to the trip; figures are only compared within one band."""
_BANDS: tuple[tuple[float, Band], ...] = ((-15.0, "cool"), (-5.0, "warm"), (0.0, "hot"))


class Nearest(msgspec.Struct, frozen=True):
    """The zone that is nearest to its trip."""

    zone: str
    temp_c: float
    enter_c: float
    exit_c: float

    @property
    def over_k(self) -> float:
        """Kelvin above the trip; negative below."""
        return self.temp_c - self.enter_c


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at one moment."""

    now_s: float
    """Monotonic."""
    nearest: Nearest | None
    """Nothing where the profile has no trips, or where none of their zones can be read."""
    is_blind: bool = False
    """The board has trips, but their zones have been silent for too long."""
    is_throttled: bool = False
    """The kernel or the firmware slows the board down."""
    running: int | None = None
    """The point that frames have been delivered at since the last observation; nothing while the worker rests."""
    frame_ms: float | None = None
    """Median time of the slowest step since the last observation."""
    faces: float = 0.0
    """A frame, on average."""
    pin: int | None = None
    """The operator's choice."""


def find_nearest(temps_c: Mapping[str, float], trips: Sequence[Trip]) -> Nearest | None:
    """Give the zone that is nearest to its trip; nothing where no trip's zone is among the temperatures."""
    found = [
        Nearest(zone, temp_c, trip.enter_c, trip.exit_c)
        for trip in trips
        for zone, temp_c in temps_c.items()
        if fnmatchcase(zone, trip.zone)
    ]
    return max(found, key=lambda nearest: nearest.over_k, default=None)


def find_band(over_k: float) -> Band:
    """Give the band of a temperature relative to its trip."""
    return next((band for below_k, band in _BANDS if over_k < below_k), "critical")
