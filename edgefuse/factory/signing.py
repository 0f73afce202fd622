"""Putting a built release under signatures: its families vouch for its files, and one role for its description."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tuf.api.metadata import TargetFile, Targets

from edgefuse import disk
from edgefuse.errors import EdgefuseError
from edgefuse.factory.built import Part, copy_part, list_parts, load_built
from edgefuse.factory.ceremony import add_family
from edgefuse.factory.vault import Vault
from edgefuse.ota.places import RELEASES, release_place
from edgefuse.store.release import Release, encode_release


def sign_release(vault: Vault, folder: Path) -> Release:
    """Sign a release that was built; it can be published once the vault is written.

    Raises:
        EdgefuseError: An older or another release has its id or its counter, or a key is not at hand.
        StoreError: A file is damaged, or cannot be read or written.
    """
    release = load_built(folder)
    content = encode_release(release)
    place = release_place(release.id)
    listed = vault.load(RELEASES, Targets)
    if place in listed.targets and listed.targets[place].hashes == {"sha256": _sha256(content)}:
        return release
    _refuse_reuse(release, listed)
    for task in sorted({part.task for part in list_parts(release)}):
        _vouch(vault, task, [part for part in list_parts(release) if part.task == task])
    custom = {"custom": {"counter": release.counter}}
    listed.targets[place] = TargetFile(len(content), {"sha256": _sha256(content)}, place, custom)
    vault.sign(RELEASES, listed)
    vault.sign_snapshot()
    for part in list_parts(release):
        copy_part(part, folder / part.place, vault.targets / part.place)
    disk.write_atomically(vault.targets / place, content)
    return release


def _vouch(vault: Vault, family: str, parts: list[Part]) -> None:
    """Let a family vouch for files that are new to it."""
    if family not in vault.roles():
        add_family(vault, family)
    targets = vault.load(family, Targets)
    new = {p.place: TargetFile(p.file.size_bytes, {"sha256": p.file.sha256}, p.place) for p in parts}
    if new.keys() - targets.targets.keys():
        targets.targets = dict(sorted({**targets.targets, **new}.items()))
        vault.sign(family, targets)


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


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
