"""The kinds of boards that are simulated: those whose heat ``thermal/plant.py`` knows, with their shipped profiles."""

from __future__ import annotations

from dataclasses import dataclass

from edgefuse import clock, paths
from edgefuse.config.manifest import load_manifests
from edgefuse.config.profile import Profile, find_profile
from edgefuse.link.inventory import make_inventory
from edgefuse.link.messages import encode
from edgefuse.planning.plan import plan
from edgefuse.store.release import SHIPPED_ID, Release
from edgefuse.thermal.plant import BOARDS, Board


@dataclass(frozen=True, slots=True)
class Kind:
    """What all units of a kind share."""

    board: Board
    profile: Profile
    zone: str
    """Whose temperature is reported."""
    inventory: bytes
    """As it is published."""


def load_kinds() -> tuple[Kind, ...]:
    """Load profiles and plan for them what ships with the package.

    Raises:
        EdgefuseError: A profile or a manifest does not fit.
    """
    release = Release(id=SHIPPED_ID, counter=0, manifests=load_manifests(paths.manifest_dir()))
    return tuple(_load_kind(board, release) for board in BOARDS)


def _load_kind(board: Board, release: Release) -> Kind:
    profile = find_profile(board.profile_id)
    host = profile.sample
    made = plan(profile, release, host)
    inventory = make_inventory(clock.wall_iso(), host, host.board, host.runtimes, made)
    return Kind(board, profile, profile.trips[0].zone.rstrip("*"), encode(inventory))
