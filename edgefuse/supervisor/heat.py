"""The board's heat: reads its zones, asks the governor, and remembers what that learned."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path

import msgspec

from edgefuse import ipc
from edgefuse.config.profile import Profile
from edgefuse.supervisor.control import Band, Heat
from edgefuse.supervisor.journal import Journal
from edgefuse.thermal import governor
from edgefuse.thermal.governor import Decision, GovernorState
from edgefuse.thermal.observation import Observation, find_nearest
from edgefuse.thermal.zones import Readings, ZoneReader

logger = logging.getLogger(__name__)

QUIET_S = 60.0
"""A board at its limit is slowed down every few seconds; that is one event, until it was left alone for so long."""
_FLOOR = ("trip", "blind")
"""Reasons that no pin overrides."""


class HeatWatch:
    """Temperatures of this unit and the point that follows from them."""

    def __init__(self, profile: Profile, learned: msgspec.Raw, root: Path, journal: Journal) -> None:
        """Go on with what was learned, where that is of this profile.

        Args:
            root: Folder that stands for ``/`` where sensors are read.
        """
        self._profile, self._journal = profile, journal
        self._zones = ZoneReader(profile, root)
        self._state = governor.resume(_decode(learned), profile.ladder)
        self._readings = Readings({})
        self._decision: Decision | None = None
        self._frames_out = 0
        self._slowed_s: dict[str, float] = {}
        """When each slow-down was last seen, by its words."""

    @property
    def point(self) -> int:
        """The operating point to take."""
        return self._state.point

    @property
    def is_at_floor(self) -> bool:
        """Tell whether the board is so hot, or so little is known, that not even a pin is followed."""
        return self._decision is not None and self._decision.reason in _FLOOR

    @property
    def band(self) -> Band:
        """How near the board is to its trips."""
        return self._decision.band if self._decision else "cool"

    @property
    def reason(self) -> str:
        """Why this point, for a person."""
        return self._decision.text if self._decision else ""

    def step(self, now_s: float, beat: ipc.Heartbeat | None, pin: int | None) -> None:
        """Read the zones and decide.

        Args:
            beat: The worker's newest.
            pin: The operator's choice.
        """
        readings = self._zones.read(now_s, beat.temps_c if beat else None)
        is_flowing = beat is not None and beat.source == "flowing" and beat.frames_out != self._frames_out
        self._frames_out = beat.frames_out if beat else 0
        seen = Observation(
            now_s=now_s,
            nearest=find_nearest(readings.temps_c, self._profile.trips),
            is_blind=readings.is_blind,
            is_throttled=readings.is_throttled,
            running=beat.point if beat and is_flowing else None,
            frame_ms=beat.frame_ms if beat and is_flowing else None,
            faces=beat.faces if beat else 0.0,
            pin=pin,
        )
        was_at_floor = self.is_at_floor
        self._state, self._decision = governor.step(self._state, seen, self._profile.ladder)
        self._report(self._readings, readings, now_s)
        self._readings = readings
        if self.is_at_floor and not was_at_floor:
            self._journal.note("warning", "too_hot", self.reason)

    def learned(self) -> msgspec.Raw:
        """Give what the governor knows, in its own form."""
        return msgspec.Raw(msgspec.json.encode(self._state))

    def describe(self) -> Heat:
        """Give the heat for a person."""
        readings = self._readings
        nearest = find_nearest(readings.temps_c, self._profile.trips)
        return Heat(
            temps_c=readings.temps_c,
            stale=(*readings.stale, *readings.lost),
            trips_c=_trips_c(readings.temps_c, self._profile),
            band=self.band,
            margin_c=round(-nearest.over_k, 1) if nearest else None,
            is_throttled=readings.is_throttled,
            power_w=readings.power_w,
            point_reason=self.reason,
        )

    def _report(self, before: Readings, now: Readings, now_s: float) -> None:
        for zone in set(now.lost).difference(before.lost):
            self._journal.note("warning", "zone_lost", f"the zone {zone} gives no sane reading any more")
        for text in now.slowdowns:
            if now_s - self._slowed_s.get(text, -math.inf) > QUIET_S:
                self._journal.note("warning", "throttled", text)
            self._slowed_s[text] = now_s


def _decode(learned: msgspec.Raw) -> GovernorState:
    """Read what was learned; another version's form is no reason to stop, it is learned again."""
    try:
        return msgspec.json.decode(learned, type=GovernorState | None) or GovernorState()
    except msgspec.DecodeError as e:
        logger.warning("the heat of this unit is learned anew reason=%s", e)
        return GovernorState()


def _trips_c(temps_c: Mapping[str, float], profile: Profile) -> dict[str, float]:
    nearest = {zone: find_nearest({zone: temp_c}, profile.trips) for zone, temp_c in temps_c.items()}
    return {zone: found.enter_c for zone, found in nearest.items() if found is not None}
