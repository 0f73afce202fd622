"""Releases that this server publishes, and wishing for one on devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from edgefuse import disk
from edgefuse.console.operation import Asked, Operation, RefusedError
from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.fleet.audit import note_act, note_outcome
from edgefuse.fleet.labels import SELECTOR_PATTERN, parse_selector, select
from edgefuse.fleet.session import connected
from edgefuse.fleet.site import load_register
from edgefuse.fleet.wishing import make_wish, take_back, wish
from edgefuse.link.messages import decode
from edgefuse.ota.places import METADATA, RELEASES
from edgefuse.store.release import ReleaseId

UNPUBLISHED = (
    "this server publishes no releases: edgefuse fleet serve --repository FOLDER, which edgefuse release publish has "
    "written; devices may have them from elsewhere"
)
_WHOM = {404: "No such device is enrolled and trusted, or none has such labels."}
Name = Annotated[str, msgspec.Meta(max_length=64)]
Labels = Annotated[str, msgspec.Meta(pattern=SELECTOR_PATTERN, max_length=1000)]


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A release that devices can fetch from here."""

    id: str
    counter: int
    """Counts up; no device goes back to a lower one."""


class Releases(msgspec.Struct, frozen=True, kw_only=True):
    """What is published, the newest first."""

    releases: list[Published]
    reason: str
    """Why there are none; empty where there are."""


class Whom(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which devices are meant: those that are named, and those with such labels."""

    devices: Annotated[list[Name], msgspec.Meta(max_length=100_000)] = []
    labels: Labels | UnsetType = UNSET
    """As in ``site=north,floor!=2,camera,!spare``; without it only named devices are meant."""


class Wish(Whom, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which release is desired on which devices."""

    release: ReleaseId


class Wished(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment that devices hear of; each decides by itself."""

    deployment: str
    release: str
    devices: list[str]


class TakenBack(msgspec.Struct, frozen=True):
    """Devices of which nothing is desired any more."""

    devices: list[str]


@dataclass(frozen=True, slots=True)
class Deploying:
    """The operations of releases and deployments."""

    folder: Path
    """Of the site."""
    published: Path | None

    def operations(self) -> Iterator[Operation]:
        """Give them."""
        yield Operation(
            "GET",
            "/api/releases",
            "list_releases",
            "Releases that this server publishes.",
            "viewer",
            lambda _: list_releases(self.published),
            Releases,
        )
        yield Operation(
            "POST",
            "/api/deployments",
            "deploy",
            "Say which release is desired on devices.",
            "operator",
            self._wish,
            Wished,
            body=Wish,
            faults=_WHOM,
        )
        yield Operation(
            "DELETE",
            "/api/deployments",
            "take_back",
            "Take back what is desired; what devices have begun they go on with.",
            "operator",
            self._take_back,
            TakenBack,
            body=Whom,
            faults=_WHOM,
        )

    def _wish(self, asked: Asked) -> Wished:
        wanted: Wish = asked.body
        devices = self._choose(wanted)
        desired = make_wish(self.folder, wanted.release, None)
        detail = f"release {desired.release}, deployment {desired.deployment}"
        with connected(self.folder) as session:
            n = note_act(self.folder, asked.identity.actor, "update", devices, detail)
            wish(session, devices, desired)
        note_outcome(self.folder, n, "done")
        return Wished(deployment=desired.deployment, release=desired.release, devices=devices)

    def _take_back(self, asked: Asked) -> TakenBack:
        devices = self._choose(asked.body)
        with connected(self.folder) as session:
            n = note_act(self.folder, asked.identity.actor, "take back", devices)
            take_back(session, devices)
        note_outcome(self.folder, n, "done")
        return TakenBack(devices)

    def _choose(self, whom: Whom) -> list[str]:
        """Give the devices that are meant.

        Raises:
            RefusedError: One of them is not trusted, or none is meant.
        """
        register = load_register(self.folder)
        try:
            for device in whom.devices:
                register.find(device)
            chosen = select(register, parse_selector(whom.labels)) if whom.labels is not UNSET else []
        except EdgefuseError as e:
            raise RefusedError(404, str(e)) from e
        if not (named := list(dict.fromkeys([*whom.devices, *chosen]))):
            raise RefusedError(404, "cannot tell whom you mean: name devices, or labels")
        return named


class _Meta(msgspec.Struct, frozen=True):
    version: int = 0


class _Target(msgspec.Struct, frozen=True):
    custom: Mapping[str, Any] = {}  # of a publisher's own making; read below


class _Signed(msgspec.Struct, frozen=True):
    """What this needs of signed metadata; who signed it is for devices to judge."""

    meta: Mapping[str, _Meta] = {}
    targets: Mapping[str, _Target] = {}


class _Metadata(msgspec.Struct, frozen=True):
    signed: _Signed


def list_releases(folder: Path | None) -> Releases:
    """List what is published in a folder.

    Raises:
        StoreError: It cannot be read.
    """
    if folder is None:
        return Releases(releases=[], reason=UNPUBLISHED)
    metadata, name = folder / METADATA, f"{RELEASES}.json"
    snapshot = _read(metadata / "timestamp.json").meta.get("snapshot.json", _Meta()).version
    listed = _read(metadata / f"{snapshot}.snapshot.json").meta.get(name, _Meta()).version
    targets = _read(metadata / f"{listed}.{name}").targets if listed else {}
    found = [
        Published(id=place.removeprefix(f"{RELEASES}/").removesuffix(".json"), counter=counter)
        for place, target in targets.items()
        if isinstance(counter := target.custom.get("counter"), int)
    ]
    found.sort(key=lambda release: (-release.counter, release.id))
    return Releases(releases=found, reason="" if found else f"nothing is published in {folder} yet")


def _read(path: Path) -> _Signed:
    try:
        return decode(disk.read_file(path), _Metadata).signed
    except ValueError as e:
        raise StoreError(f"cannot read {path}: {e}; publish it again") from e
