"""Copying what a vault has signed to where devices can get it, and the one signature that is always young.

What is published is a folder of plain files that any web server, or a stick, carries. The timestamp is written last:
who reads meanwhile sees all of the old state or all of the new one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from edgefuse import clock, disk
from edgefuse.errors import EdgefuseError
from edgefuse.factory.copying import copy_file
from edgefuse.factory.keyring import Keyring
from edgefuse.factory.metadata import add_signatures, load_version, newest_version, parse
from edgefuse.factory.vault import TOP_LEVEL, Vault
from edgefuse.ota.places import METADATA, SIGNED_AT, TARGETS, delta_target

_EXPECTED = "what was signed; restore the vault from its copy"
TIMESTAMP_DAYS = 3
"""A weekend: so long can somebody keep a device from a newer release, and so long may nobody sign."""


def publish(vault: Vault, folder: Path) -> None:
    """Bring a folder to what the vault has, and sign that it is the newest.

    Raises:
        EdgefuseError: Another vault publishes there, or the key of the timestamp is not at hand.
        StoreError: It cannot be written.
    """
    first = folder / METADATA / "1.root.json"
    if first.exists() and disk.read_file(first) != disk.read_file(vault.metadata / first.name):
        raise EdgefuseError(f"cannot publish to {folder}: it has the releases of another vault; name another folder")
    below = [role for role in vault.roles() if role not in TOP_LEVEL]
    listed = {place: target for role in below for place, target in vault.load(role, Targets).targets.items()}
    for place, target in listed.items():
        copy_file(vault.targets / place, folder / TARGETS / place, target.hashes["sha256"], _EXPECTED)
    # A snapshot comes after what it names, and a root after what its keys have signed: so whoever reads meanwhile, or
    # signs a timestamp, finds what belongs together.
    last = (Snapshot.type, Root.type)
    for role, newest in sorted(
        vault.versions.items(), key=lambda item: last.index(item[0]) + 1 if item[0] in last else 0
    ):
        for version in range(1, newest + 1):
            name = f"{version}.{role}.json"
            _copy(vault.metadata / name, folder / METADATA / name)
    at_least = _read_version(vault.metadata / "timestamp.json")
    content = sign_timestamp(folder, vault.keyring, at_least)
    disk.write_atomically(vault.metadata / "timestamp.json", content)
    for targets in (vault.targets, folder / TARGETS):
        _drop_deltas(targets, listed)


def sign_timestamp(folder: Path, keyring: Keyring, at_least: int = 0) -> bytes:
    """Sign that what a folder has is the newest, for the next days; needs no other key and nothing of the vault.

    Args:
        folder: Has been published.
        keyring: Has the timestamp's key.
        at_least: Version that was signed elsewhere.

    Raises:
        EdgefuseError: The key is not at hand, or the folder has no repository.
        StoreError: It cannot be written.
    """
    metadata = folder / METADATA
    path = metadata / "timestamp.json"
    now = clock.wall_now().replace(microsecond=0)
    timestamp = Timestamp(
        version=max(_read_version(path), at_least) + 1,
        expires=now + timedelta(days=TIMESTAMP_DAYS),
        snapshot_meta=MetaFile(newest_version(metadata, Snapshot.type)),
        unrecognized_fields={SIGNED_AT: clock.to_iso(now)},
    )
    root = load_version(metadata, Root.type, newest_version(metadata, Root.type), Root)
    signed = Metadata(timestamp)
    add_signatures(Timestamp.type, signed, root, keyring)
    content = signed.to_bytes()
    disk.write_atomically(path, content)
    return content


def _read_version(path: Path) -> int:
    """Give the version of a timestamp; 0 where there is none."""
    return parse(disk.read_file(path), str(path), Timestamp).version if path.exists() else 0


def _copy(source: Path, target: Path) -> None:
    """Copy metadata, which never changes under its name."""
    copy_file(source, target, disk.hash_file(source), _EXPECTED)


def _drop_deltas(targets: Path, listed: Collection[str]) -> None:
    """Remove deltas for which nobody vouches any more; who has older metadata fetches the whole file."""
    for path in targets.glob("models/*/*"):
        place = path.relative_to(targets).as_posix()
        if delta_target(place) is not None and place not in listed:
            with disk.writing(path):
                path.unlink()
