"""Profiles: what a kind of board is, can run and must not exceed (``devices/<id>.yaml``)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
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
    """In the runtime's own words: ``cpu gpu MYRIAD tensorrt cuda``."""
    precisions: tuple[Precision, ...] = ("fp32", "fp16", "int8")
    """What the target can run, best first."""
    needs_static_shapes: bool = False
    max_opset: int | None = None
    """Newest ONNX opset that the runtime reads there."""
    max_requests: Positive = 1
    threads: Positive | None = None
    """Processor threads a session; nothing means half of the cores."""


class Trip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A temperature limit: the board must cool from ``enter_c`` on until it is back at ``exit_c``."""

    zone: str
    enter_c: float
    exit_c: float


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


def load_profiles() -> dict[str, Profile]:
    """Load every profile by id; a local file wins over a shipped one of the same id.

    Raises:
        ConfigError: A file does not fit, or its name differs from its id.
    """
    profiles: dict[str, Profile] = {}
    for folder in paths.profile_dirs():
        for path in sorted(folder.glob("*.yaml")):
            profile = load_profile(path)
            profiles.setdefault(profile.id, profile)
    return profiles


def load_profile(path: Path) -> Profile:
    """Load one profile.

    Raises:
        ConfigError: The file does not fit, or its name differs from its id.
    """
    profile = loader.load(path, Profile)
    if profile.id != path.stem:
        raise ConfigError(f"{path}:1:1: id: expected `{path.stem}` as in the file's name, got `{profile.id}`")
    return profile


def choose_profile(profiles: Iterable[Profile], host: Host) -> Profile:
    """Give the profile with the most rules among those whose rules all hold.

    Raises:
        ConfigError: None matches.
    """
    scored = [(score, p.id, p) for p in profiles if (score := match_score(p.match, host)) > 0]
    if not scored:
        raise ConfigError(
            f"cannot choose a profile: none matches this {host.arch} host; name one with --profile, "
            f"or describe the board in {paths.profile_dirs()[0]}/<id>.yaml"
        )
    return max(scored, key=lambda row: (row[0], row[1]))[2]


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
