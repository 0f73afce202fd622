"""Metadata in a folder, by role and version, and the signatures that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from edgefuse import disk
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.factory.keyring import Keyring, short_id

S = TypeVar("S", Root, Snapshot, Targets, Timestamp)


def newest_version(folder: Path, role: str) -> int:
    """Give the newest version of a role's metadata; 0 where a folder has none."""
    numbers = (path.name.partition(".")[0] for path in folder.glob(f"*.{role}.json"))
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def load_version(folder: Path, role: str, version: int, kind: type[S]) -> S:
    """Give one version of a role's metadata.

    Raises:
        ConfigError: It is broken.
        StoreError: It is not there.
    """
    path = folder / f"{version}.{role}.json"
    return parse(disk.read_file(path), str(path), kind)


def parse(content: bytes, name: str, kind: type[S]) -> S:
    """Read metadata; ``name`` stands for it in the error line.

    Raises:
        ConfigError: It is none, or of another kind.
    """
    try:
        signed = Metadata[S].from_bytes(content).signed
    except RepositoryError as e:
        raise ConfigError(f"cannot read {name}: {e}; restore the folder from its copy") from e
    if not isinstance(signed, kind):
        raise ConfigError(f"cannot read {name}: it is {kind.type} metadata no longer; restore the folder from its copy")
    return signed


def add_signatures(role: str, metadata: Metadata[S], delegator: Root | Targets, keyring: Keyring) -> None:
    """Sign with the keys of a role that are at hand.

    Raises:
        EdgefuseError: They are too few, or one refuses.
    """
    keys = [delegator.get_key(key_id) for key_id in delegator.get_delegated_role(role).keyids]
    missing = []
    for key in keys:
        signer = keyring.find(key)
        if signer is None:
            missing.append(f"{role}-{short_id(key)}")
        elif key.keyid not in metadata.signatures:
            try:
                metadata.sign(signer, append=True)
            except UnsignedMetadataError as e:
                raise EdgefuseError(f"cannot sign with {role}-{short_id(key)}: {e.__cause__ or e}") from e
    try:
        delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except UnsignedMetadataError as e:
        threshold = delegator.get_delegated_role(role).threshold
        raise EdgefuseError(
            f"cannot sign {role}: {len(keys) - len(missing)} of the {threshold} keys that it takes are here; "
            f"missing: {', '.join(missing)} (--keys names the folder of a key)"
        ) from e
