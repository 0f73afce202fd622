"""Which setting wins: pin over site configuration over profile or governor; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from edgefuse import ipc
from edgefuse.config.address import without_secrets
from edgefuse.config.profile import Profile
from edgefuse.config.site import DEFAULT_EFFECT, Site, with_face
from edgefuse.store.state import Pins
from edgefuse.supervisor.control import Setting

_EFFECTS = ("fuse_mesh", "anonymise", "none")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the worker shall run."""

    site: Site
    """The site configuration with what wins over it."""
    memory_mb: int
    is_paused: bool
    settings: Mapping[str, Setting]
    """What decided it, for people."""

    @property
    def point(self) -> int:
        """The operating point."""
        return int(self.settings["point"].value)

    def make_start(self) -> ipc.Start:
        """Give the worker's first message."""
        site, effect = self.site, self.settings["effect"].value
        return ipc.Start(
            source=site.source,
            sink=site.sink,
            effect=effect,
            settings=with_face(site.settings, effect, site.face),
            profile=site.profile,
            point=self.point,
            is_paused=self.is_paused,
            memory_mb=site.memory_mb,
        )


def resolve(site: Site, profile: Profile, pins: Pins, governed_point: int, *, is_at_floor: bool = False) -> Wanted:
    """Settle every setting.

    Args:
        governed_point: What the governor chose; taken where nobody decided otherwise.
        is_at_floor: The board is so hot that the governor's point is taken whoever decided otherwise.
    """
    effect, face = _effect(site, pins), _face(site, pins)
    pinned = None if is_at_floor else pinned_point(site, profile, pins)
    point = pinned or Setting(str(min(governed_point, len(profile.ladder) - 1)), "governor")
    memory_mb = site.memory_mb or profile.memory_mb
    name = effect.value
    own = {stage: options for stage, options in site.settings.items() if stage == name or stage not in _EFFECTS}
    donor = face.value if name == "fuse_mesh" and face.value else None
    return Wanted(
        site=msgspec.structs.replace(site, effect=name, face=donor, settings=own),
        memory_mb=memory_mb,
        is_paused=pins.is_paused is not None and pins.is_paused.value,
        settings={
            "effect": effect,
            "face": face,
            "point": point,
            "source": Setting(without_secrets(site.source), "site"),
            "sink": Setting(without_secrets(site.sink), "site"),
            "memory_mb": Setting(str(memory_mb), "site" if site.memory_mb else "profile"),
        },
    )


def _effect(site: Site, pins: Pins) -> Setting:
    if pins.effect is not None:
        return Setting(pins.effect.value, "pin", pins.effect.since)
    return Setting(DEFAULT_EFFECT, "default") if site.effect is None else Setting(site.effect, "site")


def _face(site: Site, pins: Pins) -> Setting:
    if pins.face is not None:
        return Setting(pins.face.value, "pin", pins.face.since)
    return Setting(site.face, "site") if site.face is not None else Setting("", "default")


def pinned_point(site: Site, profile: Profile, pins: Pins) -> Setting | None:
    """Give the operating point that somebody decided on; a ladder that became shorter has no rows below its last."""
    last = len(profile.ladder) - 1
    if pins.point is not None:
        return Setting(str(min(pins.point.value, last)), "pin", pins.point.since)
    if site.pin_point is not None:
        return Setting(str(min(site.pin_point, last)), "site")
    return None


@dataclass(frozen=True, slots=True)
class Change:
    """How a running worker gets from what it runs to what it shall run; point and pause follow in any case."""

    restart: str = ""
    """Why it must be started anew; empty where messages are enough."""
    effect: tuple[str, Mapping[str, Mapping[str, str]]] | None = None


def compare(before: Wanted, after: Wanted) -> Change:
    """Find what has to be changed, so that nothing else is disturbed."""
    old, new = before.make_start(), after.make_start()
    names = ("source", "sink", "profile", "memory_mb")
    if changed := [name for name in names if getattr(old, name) != getattr(new, name)]:
        return Change(restart=f"the configuration changed: {', '.join(changed)}")
    is_same_effect = (old.effect, old.settings) == (new.effect, new.settings)
    return Change(effect=None if is_same_effect else (new.effect, new.settings))
