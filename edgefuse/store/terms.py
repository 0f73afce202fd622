"""Under which terms a release goes live: what must be measured, and where it may go at all."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from edgefuse.config.host import Host
from edgefuse.config.manifest import Version
from edgefuse.config.profile import Profile


class Gates(msgspec.Struct, frozen=True, kw_only=True):
    """What must be measured on trial before a release is committed; every gate counts where more than one is set."""

    slowdown_limit: Annotated[float, msgspec.Meta(ge=1)] = 1.15
    """Largest accepted median time of a frame, in parts of what the release before took on the same frames."""
    rate_floor_hz: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Frames a second that must be delivered where the source gives as many."""
    p95_ceiling_ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Largest accepted time of a frame from find to sink that 95 % of the frames must keep."""
    parity_floor: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.9
    """Smallest accepted share of the faces of the release before that this one finds too, on the same frames."""


class Constraints(msgspec.Struct, frozen=True, kw_only=True):
    """Where a release may go; whatever is left out does not matter."""

    profiles: tuple[str, ...] = ()
    """Kinds of boards; every kind where none is named."""
    runtimes: dict[str, Version] = {}
    """By runtime: the oldest version with which the release may run, where that runtime is there at all."""
    edgefuse: Version | None = None
    """The oldest version that may install it."""

    def find_misfit(self, profile: Profile, host: Host, edgefuse: str) -> str:
        """Say why the release must not go to a unit; empty where it may.

        Args:
            profile: The unit's kind.
            host: Facts of the unit.
            edgefuse: Version that would install it.
        """
        if self.profiles and profile.id not in self.profiles:
            return f"it is for {', '.join(self.profiles)} only"
        if self.edgefuse is not None and numbers(edgefuse) < numbers(self.edgefuse):
            return f"it needs edgefuse {self.edgefuse} or newer, {edgefuse} is here"
        for runtime, oldest in self.runtimes.items():
            fact = host.runtime(runtime)
            if fact is not None and fact.is_usable and numbers(fact.version) < numbers(oldest):
                return f"it needs {runtime} {oldest} or newer, {fact.version or 'an unknown version'} is here"
        return ""


def numbers(version: str) -> tuple[int, ...]:
    """Make versions comparable; tflite's begins with the name of its package."""
    return tuple(int(digits) for digits in re.findall(r"\d+", version))
