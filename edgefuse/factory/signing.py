"""Putting a built release under signatures: its families vouch for its files, and one role for its description."""

from __future__ import annotations

from pathlib import Path

from tuf.api.metadata import TargetFile, Targets

from edgefuse import disk
from edgefuse.errors import EdgefuseError
from edgefuse.factory.built import list_deltas, list_parts, load_built
from edgefuse.factory.ceremony import add_family
from edgefuse.factory.copying import copy_file
from edgefuse.factory.vault import Vault
from edgefuse.ota.places import RELEASES, delta_target, release_place
from edgefuse.store.release import Release, encode_release, load_description

_EXPECTED = "what the release names; build it again"
_RELEASES_WITH_DELTAS = 3
"""So many of the newest releases keep theirs: lists that every device fetches must not grow for ever."""


def sign_release(vault: Vault, folder: Path) -> Release:
    """Sign a release that was built; it can be published once the vault is written.

    If it was signed before, only deltas that came since are signed.

    Raises:
        EdgefuseError: An older or another release has its id or its counter, or a key is not at hand.
        StoreError: A file is damaged, or cannot be read or written.
    """
    release = load_built(folder)
    content = encode_release(release)
    place = release_place(release.id)
    description = TargetFile.from_data(place, content, ["sha256"])
    description.unrecognized_fields["custom"] = {"counter": release.counter}
    listed = vault.load(RELEASES, Targets)
    if listed.targets.get(place) != description:
        _refuse_reuse(release, listed)
        listed.targets[place] = description
        vault.sign(RELEASES, listed)
        disk.write_atomically(vault.targets / place, content)
    recent = {part.place for each in _load_newest(vault, listed) for part in list_parts(each)}
    for family, offered in sorted(_list_offered(folder, release).items()):
        vouched = _vouch(vault, family, offered, recent)
        for each in offered:
            copy_file(folder / each, vault.targets / each, vouched[each].hashes["sha256"], _EXPECTED)
    if vault.is_snapshot_behind():
        vault.sign_snapshot()
    return release


def _load_newest(vault: Vault, listed: Targets) -> list[Release]:
    """Give the releases that keep their deltas."""
    newest = sorted(listed.targets.values(), key=lambda target: target.custom["counter"])[-_RELEASES_WITH_DELTAS:]
    return [load_description(vault.targets / each.path) for each in newest]


def _list_offered(folder: Path, release: Release) -> dict[str, dict[str, TargetFile]]:
    """Give what a release brings, by family and place."""
    offered: dict[str, dict[str, TargetFile]] = {}
    for part in list_parts(release):
        target = TargetFile(part.file.size_bytes, {"sha256": part.file.sha256}, part.place)
        offered.setdefault(part.task, {})[part.place] = target
    for delta in list_deltas(folder, release):
        target = TargetFile(delta.size_bytes, {"sha256": disk.hash_file(folder / delta.place)}, delta.place)
        offered[delta.part.task][delta.place] = target
    return offered


def _vouch(vault: Vault, family: str, offered: dict[str, TargetFile], recent: set[str]) -> dict[str, TargetFile]:
    """Let a family vouch for what is new to it, and no longer for deltas to what only old releases have."""
    if family not in vault.roles():
        add_family(vault, family)
    targets = vault.load(family, Targets)
    if offered.keys() - targets.targets.keys():
        kept = {place: target for place, target in targets.targets.items() if delta_target(place) in {None, *recent}}
        targets.targets = dict(sorted({**offered, **kept}.items()))  # nothing changes under its name
        vault.sign(family, targets)
    return targets.targets


def _refuse_reuse(release: Release, listed: Targets) -> None:
    place = release_place(release.id)
    if place in listed.targets:
        raise EdgefuseError(f"cannot sign release {release.id}: another one of this id was signed; choose a new id")
    newest = max((target.custom["counter"] for target in listed.targets.values()), default=0)
    if release.counter <= newest:
        raise EdgefuseError(
            f"cannot sign release {release.id}: its counter is {release.counter}, and {newest} was signed before; "
            f"give it {newest + 1} or more"
        )
