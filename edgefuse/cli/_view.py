"""What ``top`` knows and shows at a moment, and what a key does to it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from edgefuse.cli._words import show_span
from edgefuse.supervisor.control import AnyRequest, SetPaused, SetPin, Status

_KEPT_SAMPLES = 500  # columns of the widest terminal that is filled
_EFFECTS = {"1": "fuse_mesh", "2": "anonymise", "3": "none", "0": ""}
EFFECT_KEYS = "effect:  1 fuse_mesh  2 anonymise  3 none (shows faces)  0 unpin  any other key: leave it"


@dataclass(frozen=True, slots=True)
class Sample:
    """What charts show of one second."""

    temps_c: Mapping[str, float]
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class View:
    """The newest status, the seconds before, and what the user is at."""

    status: Status
    answered_s: float
    """When the status came, by the monotonic clock."""
    samples: tuple[Sample, ...] = ()
    """The newest last; an empty one where no answer came."""
    trouble: str = ""
    """Why the status is not of now."""
    message: str = ""
    """What came of the last key."""
    is_helping: bool = False
    is_choosing_effect: bool = False

    def with_status(self, status: Status, now_s: float) -> View:
        """Take a new status in."""
        sample = Sample(status.heat.temps_c, status.heartbeat.fps if status.heartbeat else None)
        return replace(self, status=status, answered_s=now_s, samples=self._and(sample), trouble="")

    def with_trouble(self, reason: str, now_s: float) -> View:
        """Take in that the supervisor cannot be asked; what was last known stays on show."""
        trouble = f"{show_span(now_s - self.answered_s)} without an answer: {reason}"
        return replace(self, samples=self._and(Sample({})), trouble=trouble)

    def _and(self, sample: Sample) -> tuple[Sample, ...]:
        return (*self.samples[1 - _KEPT_SAMPLES :], sample)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a key asks the supervisor for."""

    request: AnyRequest
    aim: str
    """What is wanted: ``pin point 3``."""
    done: str


def press(view: View, key: str) -> tuple[View, Wish | None]:
    """Give the view after a key other than ``q``, and what the key asks for."""
    if view.is_choosing_effect:
        wish = _pin("effect", _EFFECTS[key]) if key in _EFFECTS else None
        return replace(view, is_choosing_effect=False), wish
    view = replace(view, message="", is_helping=key == "?" and not view.is_helping)
    if key == "e":
        return replace(view, is_choosing_effect=True), None
    return view, _wish(view.status, key)


def _wish(status: Status, key: str) -> Wish | None:
    if key == "p":
        is_paused = status.heartbeat is not None and status.heartbeat.source == "paused"
        verb = "resume" if is_paused else "pause"
        return Wish(SetPaused(is_paused=not is_paused), verb, f"{verb}d")
    if key == "u":
        return _pin("point", "")
    if key in ("+", "-") and status.heartbeat is not None:
        point = status.heartbeat.point + (-1 if key == "+" else 1)
        return _pin("point", str(point)) if 0 <= point < len(status.ladder) else None
    return None


def _pin(setting: Literal["effect", "point"], value: str) -> Wish:
    """Pin a setting, or take its pin away with an empty value."""
    request = SetPin(setting=setting, value=value)
    if value:
        return Wish(request, f"pin {setting} {value}", f"{setting} {value} is pinned, over restarts too")
    return Wish(request, f"unpin {setting}", f"{setting} is no longer pinned")
