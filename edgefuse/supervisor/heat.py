"""The board's heat."""

from __future__ import annotations

import msgspec

from edgefuse import ipc
from edgefuse.config.profile import Profile
from edgefuse.planning.host import read_host
from edgefuse.supervisor.control import Heat


class HeatWatch:
    """Reads zones."""

    def __init__(self, profile: Profile, learned: msgspec.Raw) -> None:
        self.point = 0
        self.reason = ""
        self._learned = learned
        self._temps: dict[str, float] = {}

    def step(self, now_s: float, beat: ipc.Heartbeat | None, point: int) -> None:
        """Read."""
        self._temps = {z.name: z.temp_c for z in read_host().zones if z.temp_c is not None}

    def learned(self) -> bytes:
        """Give."""
        return bytes(self._learned)

    def describe(self) -> Heat:
        """Give."""
        return Heat(temps_c=self._temps)
