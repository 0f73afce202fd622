"""Profiles: what a kind of board is, can run and must not exceed (``devices/<id>.yaml``)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from edgefuse import paths
from edgefuse.config import loader
from edgefuse.config.host import Host
from edgefuse.config.manifest import Precision
from edgefuse.errors import ConfigError

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules that a host must meet; every rule given must hold, and more rules make a better match."""

    arch: tuple[str, ...] = ()
    compatible: tuple[str, ...] = ()
    """Any of these is among the device tree's ``compatible`` strings."""
    board: tuple[str, ...] = ()
    """Any of these is part of the board's model name."""
    dmi: tuple[str, ...] = ()
    """Any of these is part of a DMI name."""
    usb: tuple[str, ...] = ()
    """Any of these USB ids is plugged in."""


class RuntimeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One runtime that the board should use, on one target, with what that target demands."""

    id: str
    target: str = "cpu"
    """In the words of the runtime's file, such as ``cpu gpu npu myriad cuda tensorrt``."""
    precisions: tuple[Precision, ...] = ("fp32", "fp16", "int8")
    """What the target can run, best first."""
    needs_static_shapes: bool = False
    max_opset: int | None = None
    """Newest ONNX opset that the runtime reads there."""
    max_requests: Positive = 1
    threads: Positive | None = None
    """Processor threads a session; nothing means half of the cores."""


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A temperature limit: the board must cool from ``enter_c`` on until it is back at ``exit_c``."""

    zone: str
    """As it stands in the profile's ``zones``; a pattern means the hottest zone that it matches."""
    enter_c: float
    exit_c: float

    def __post_init__(self) -> None:
        if self.exit_c >= self.enter_c:
            raise ValueError(f"exit_c must be below enter_c, got {self.exit_c:g} and {self.enter_c:g}")


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the ladder; point 0 is the best, and every row below saves work."""

    effect_px: Positive
    """Longer side of the region in which the effect works; larger faces are scaled down to it."""
    detect_px: Positive
    """Input size of the face detector, which is also what selects its variant."""
    rate_hz: Annotated[float, msgspec.Meta(gt=0)]
    """Frames a second; a live source's further frames are skipped."""
    detect_every: Positive
    """Frames between two looks of the detector at the whole frame while faces are being tracked."""
    mesh_every: Positive = 1
    """Frames between two runs of the landmark model for one face; between, landmarks move as they moved."""
    parse_every: Positive | None = None
    """Frames between two looks of the parsing model at what lies before a face; nothing means that it never looks."""


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of board."""

    id: str
    title: str
    match: Match
    runtimes: Annotated[tuple[RuntimeRule, ...], msgspec.Meta(min_length=1)]
    memory_mb: Positive
    """What the worker may use, pixels and models included."""
    zones: tuple[str, ...]
    """Names of temperature zones to watch; a trailing ``*`` matches any ending."""
    trips: tuple[Trip, ...]
    ladder: Annotated[tuple[OperatingPoint, ...], msgspec.Meta(min_length=1)]
    sample: Host
    """Facts as a unit of this kind reports them, so that planning can be tried without one."""
    origin: dict[str, str]
    """Where the numbers are from: key of this file → document, measurement or command."""
    worker_python: str | None = None
    """Interpreter of the worker where it must differ from the supervisor's."""
    is_planned_only: bool = False
    """No daemon runs there; plans are made for export."""
    hardware: Literal["run", "not run on hardware"] = "not run on hardware"

    def __post_init__(self) -> None:
        for trip in self.trips:
            if trip.zone not in self.zones:
                raise ValueError(f"trips: zone `{trip.zone}` is not among zones ({', '.join(self.zones)})")


def load_profiles() -> dict[str, Profile]:
    """Load every profile by id, local ones first; a local file takes the place of a shipped one of the same id.

    Raises:
        ConfigError: Files do not fit or bear another name than their id; one line a mistake.
    """
    profiles: dict[str, Profile] = {}
    for folder in paths.profile_dirs():
        profiles.update(loader.load_folder(folder, Profile, skip=profiles))
    return profiles


def find_profile(profile_id: str) -> Profile:
    """Give the profile of that id.

    Raises:
        ConfigError: There is none, or a profile's file does not fit.
    """
    profiles = load_profiles()
    if profile_id in profiles:
        return profiles[profile_id]
    near = difflib.get_close_matches(profile_id, profiles, n=1)
    advice = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(sorted(profiles))}"
    raise ConfigError(f"cannot find profile '{profile_id}': {advice}")


def choose_profile(profiles: Iterable[Profile], host: Host) -> Profile:
    """Give the profile with the most rules among those whose rules all hold; of equals, the first.

    Raises:
        ConfigError: None matches.
    """
    scored = [(score, profile) for profile in profiles if (score := match_score(profile.match, host)) > 0]
    if not scored:
        raise ConfigError(
            f"cannot choose a profile: none matches this {host.arch} host; name one with --profile, "
            f"or describe the board in {paths.profile_dirs()[0]}/<id>.yaml"
        )
    return max(scored, key=lambda row: row[0])[1]


def match_score(match: Match, host: Host) -> int:
    """Count the rules that hold; zero as soon as one does not."""
    names = (*host.dmi, host.board)
    checks = (
        (match.arch, lambda rule: rule == host.arch),
        (match.compatible, lambda rule: rule in host.compatible),
        (match.board, lambda rule: rule in host.board),
        (match.dmi, lambda rule: any(rule in name for name in names)),
        (match.usb, lambda rule: rule in host.usb),
    )
    given = [any(map(holds, rules)) for rules, holds in checks if rules]
    return len(given) if all(given) else 0
