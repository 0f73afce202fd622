"""How a simulated unit comes to a release: every step of a real one, in seconds, and nothing is installed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import get_args

from msgspec.structs import replace

from edgefuse import clock
from edgefuse.fleet.deployments import is_over
from edgefuse.link.messages import Deployment, Desired
from edgefuse.ota.deployment import Step
from edgefuse.store.release import SHIPPED_ID

NEVER_NS = 1 << 62
FETCH_PARTS = 8
"""It tells of so many shares of what it fetches."""

_STEPS: tuple[str, ...] = get_args(Step)
_REPORT_S: Mapping[str, float] = {"FETCH": 0.4, "REBUILD": 0.5, "SELFTEST": 1.0, "TRIAL": 3.0}
"""Until the next report, by step."""
_SHORT_S = 0.2
"""In all other steps."""
_SIZE_BYTES = (5_000_000, 40_000_000)
_SLOWDOWN, _SLOWDOWN_OF_HOT = (0.95, 1.02), (1.2, 1.4)


class Updating:
    """The deployments of one unit; a hot one finds every release too slow. Pure, with the clock passed in."""

    def __init__(self, seed: str, *, is_hot: bool) -> None:
        """Begin with what ships."""
        self.release = SHIPPED_ID
        """What runs."""
        self.due_ns = NEVER_NS
        """When there is something to tell."""
        self._seed = seed
        self._slowdown = _SLOWDOWN_OF_HOT if is_hot else _SLOWDOWN
        self._wish_seq = -1
        self._desired: Desired | None = None
        """What is still to begin."""
        self._told: Deployment | None = None
        self._seq = 0

    def wish(self, desired: Desired, now_ns: int) -> None:
        """Take a wish that is newer than the last."""
        if desired.seq > self._wish_seq:
            self._wish_seq, self._desired, self.due_ns = desired.seq, desired, now_ns

    def cancel(self, reason: str, t: str) -> Deployment | None:
        """End what is under way, and tell so; nothing where nothing is."""
        told = self._told
        return None if told is None or is_over(told) else self._end(replace(told, t=t), "CANCELLED", reason)

    def live(self, now_ns: int, t: str) -> Deployment | None:
        """Go on if it is time, and tell how it stands then."""
        if now_ns < self.due_ns:
            return None
        told = self._follow(self._desired, t) if self._desired is not None else self._go_on(t)
        if self.due_ns != NEVER_NS:
            self.due_ns = now_ns + round(_REPORT_S.get(told.state, _SHORT_S) * clock.NS_PER_S)
        return told

    def _follow(self, desired: Desired, t: str) -> Deployment:
        """Begin with what is desired, once what is under way has ended."""
        if (ended := self.cancel(f"release {desired.release} is wished for in its place", t)) is not None:
            return ended
        self._desired = None
        return self._tell(Deployment(t=t, id=desired.deployment, release=desired.release, state=_STEPS[0], seq=0))

    def _go_on(self, t: str) -> Deployment:
        assert self._told is not None, "nothing is due before the first wish"
        told = replace(self._told, t=t)
        if told.done_bytes < told.total_bytes:
            part_bytes = -(-told.total_bytes // FETCH_PARTS)
            return self._tell(replace(told, done_bytes=min(told.total_bytes, told.done_bytes + part_bytes)))
        if told.state == "TRIAL":
            told = replace(told, gates={"slowdown": round(self._draw(told).uniform(*self._slowdown), 2)})
            if self._slowdown is _SLOWDOWN_OF_HOT:
                return self._end(told, "ROLLED_BACK", "simulated: a frame takes longer than before on this hot board")
        if told.state == _STEPS[-1]:
            self.release = told.release
            return self._end(told, "COMMITTED", "simulated: nothing was installed")
        step = _STEPS[_STEPS.index(told.state) + 1]
        total_bytes = self._draw(told).randint(*_SIZE_BYTES) if step == "FETCH" else 0
        return self._tell(replace(told, state=step, done_bytes=0, total_bytes=total_bytes))

    def _draw(self, told: Deployment) -> random.Random:
        """Give what decides figures; made when it is needed, as each takes 2.5 kB and there may be 10,000 devices."""
        return random.Random(f"{self._seed} {told.id} {told.state}")

    def _end(self, told: Deployment, state: str, reason: str) -> Deployment:
        if self._desired is None:
            self.due_ns = NEVER_NS
        return self._tell(replace(told, state=state, reason=reason, ended_at=told.t, done_bytes=0, total_bytes=0))

    def _tell(self, told: Deployment) -> Deployment:
        self._seq += 1
        self._told = replace(told, seq=self._seq)
        return self._told
