"""The temperatures of this unit, cleaned: what vanishes or cannot be is held for a while, then it is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgefuse.config.profile import Profile
from edgefuse.thermal import sensors
from edgefuse.thermal.observation import find_nearest

LOWEST_C, HIGHEST_C = -40.0, 125.0  # outside, silicon does not work: a Jetson's switched-off GPU says -256 °C
LARGEST_JUMP_K = 40.0  # between two readings; turbo takes a die 30 K up in a second
HOLD_S = 15.0  # in which even a fan that stops warms a die by a few degrees only
RESCAN_S = 60.0  # drivers are loaded late and again


@dataclass(frozen=True, slots=True)
class Readings:
    """What the sensors say at one moment."""

    temps_c: Mapping[str, float]
    """By zone; of sensors that share a name the hottest. Held readings are among them, lost zones are not."""
    stale: tuple[str, ...] = ()
    """Zones whose reading is held."""
    lost: tuple[str, ...] = ()
    """Zones that have been silent for too long."""
    is_blind: bool = False
    """A trip's zone was lost, and no other trip's zone speaks: nobody knows how hot the board is."""
    slowdowns: tuple[str, ...] = ()
    """What slows the board down, in words."""
    power_w: float | None = None

    @property
    def is_throttled(self) -> bool:
        """Tell whether kernel or firmware slow the board down."""
        return bool(self.slowdowns)


@dataclass(slots=True)
class _Zone:
    """The last good reading of a zone, and one that is too far from it to be believed at once."""

    temp_c: float
    good_s: float
    odd_c: float | None = None

    def take(self, now_s: float, temp_c: float | None) -> None:
        """Take in a reading; a jump counts when a second reading confirms it."""
        if temp_c is None or not LOWEST_C < temp_c < HIGHEST_C:
            self.odd_c = None
        elif _is_near(temp_c, self.temp_c) or (self.odd_c is not None and _is_near(temp_c, self.odd_c)):
            self.temp_c, self.good_s, self.odd_c = temp_c, now_s, None
        else:
            self.odd_c = temp_c


class ZoneReader:
    """Reads the zones of a profile."""

    def __init__(self, profile: Profile, root: Path = Path("/")) -> None:
        """Know what to look for.

        Args:
            root: Folder that stands for ``/``.
        """
        self._profile, self._root = profile, root
        self._files: tuple[tuple[str, Path], ...] = ()
        self._scanned_s: float | None = None
        self._zones: dict[str, _Zone] = {}
        self._slowdowns_seen: int | None = None

    def read(self, now_s: float, worker_c: Mapping[str, float] | None = None) -> Readings:
        """Read everything; nothing that a sensor says or does not say is an error.

        Args:
            worker_c: Temperatures that only the worker can ask for, such as a Neural Compute Stick's.
        """
        now_c = self._read_temps(now_s, worker_c or {})
        for name in {*self._zones, *now_c}:
            self._take(name, now_s, now_c.get(name))
        kept = {name: zone for name, zone in self._zones.items() if now_s - zone.good_s < HOLD_S}
        lost = tuple(sorted(self._zones.keys() - kept))
        temps_c = {name: kept[name].temp_c for name in sorted(kept)}
        return Readings(
            temps_c=temps_c,
            stale=tuple(name for name in temps_c if kept[name].good_s < now_s),
            lost=lost,
            is_blind=find_nearest(temps_c, self._profile.trips) is None
            and find_nearest(dict.fromkeys(lost, 0.0), self._profile.trips) is not None,
            slowdowns=tuple(self._read_slowdowns()),
            power_w=sensors.read_power_w(self._root),
        )

    def _take(self, name: str, now_s: float, temp_c: float | None) -> None:
        if name in self._zones:
            self._zones[name].take(now_s, temp_c)
        elif temp_c is not None and LOWEST_C < temp_c < HIGHEST_C:
            self._zones[name] = _Zone(temp_c, now_s)

    def _read_temps(self, now_s: float, worker_c: Mapping[str, float]) -> dict[str, float]:
        """Give the hottest reading that can be of each zone that answers at all."""
        if self._scanned_s is None or now_s - self._scanned_s >= RESCAN_S:
            self._scanned_s = now_s
            self._files = tuple(sensors.find_zones(self._root, self._profile.zones))
        now_c = dict(worker_c)
        for name, path in self._files:
            raw = sensors.read_number(path)
            if raw is not None and LOWEST_C < raw / 1000 < HIGHEST_C:
                now_c[name] = max(now_c.get(name, LOWEST_C), raw / 1000)
        return now_c

    def _read_slowdowns(self) -> Iterator[str]:
        yield from sensors.read_slowdowns(self._root)
        count = sensors.count_slowdowns(self._root)
        if self._slowdowns_seen is not None and count > self._slowdowns_seen:
            yield "the kernel has counted slow-downs since the last look"
        self._slowdowns_seen = count


def _is_near(temp_c: float, other_c: float) -> bool:
    return abs(temp_c - other_c) <= LARGEST_JUMP_K
