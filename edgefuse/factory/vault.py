"""The folder in which an operator signs releases, whole or step by step, before they are published.

metadata/<n>.<role>.json    every version of the metadata that was signed, and timestamp.json
versions.json               the newest version of each role that counts
keys/<role>-<key>.pem       secret keys; those of the root belong on media that lie in a safe
targets/                    descriptions and model files, see ``edgefuse.ota.places``

Nothing that counts is changed: new versions are written beside the old ones and count together, once ``versions.json``
says so. A command that breaks off leaves a vault that is what it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from tuf.api.metadata import Key, Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from edgefuse import clock, disk
from edgefuse.errors import ConfigError
from edgefuse.factory.keyring import Keyring
from edgefuse.factory.metadata import add_signatures, load_version, parse

_VERSIONS = "versions.json"
OFFLINE_DAYS = 365
TOP_LEVEL = (Root.type, Targets.type, Snapshot.type, Timestamp.type)

S = TypeVar("S", Root, Snapshot, Targets)


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in ``versions.json``."""

    v: Literal[1] = 1
    newest: dict[str, int] = {}
    """By role."""


class Vault:
    """Signs metadata in a folder; what a command changes is written at its end, or not at all."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        """Prepare; see ``changing``.

        Args:
            folder: Of the vault.
            keyring: Makes and finds keys.

        Raises:
            ConfigError: ``versions.json`` is broken.
        """
        self.folder = folder
        self.keyring = keyring
        self.versions = _load_versions(folder / _VERSIONS)
        self._signed: dict[str, tuple[int, bytes]] = {}
        """What was signed since: version and content by role."""

    @property
    def metadata(self) -> Path:
        """Give the folder of the metadata."""
        return self.folder / "metadata"

    @property
    def targets(self) -> Path:
        """Give the folder of the targets."""
        return self.folder / "targets"

    def version(self, role: str) -> int:
        """Give the newest version of a role's metadata; 0 where it has none."""
        return self._signed[role][0] if role in self._signed else self.versions.get(role, 0)

    def load(self, role: str, kind: type[S]) -> S:
        """Give the newest metadata of a role, to read or to change and sign.

        Raises:
            ConfigError: It cannot be read.
        """
        if role in self._signed:
            return parse(self._signed[role][1], role, kind)
        return load_version(self.metadata, role, self.version(role), kind)

    def load_root(self) -> Root:
        """Give who may sign for the roles at the top."""
        return self.load(Root.type, Root)

    def load_targets(self) -> Targets:
        """Give who may sign for the roles below."""
        return self.load(Targets.type, Targets)

    def roles(self) -> tuple[str, ...]:
        """Name every role, the top first."""
        delegations = self.load_targets().delegations
        below = delegations.roles if delegations else None
        return (*TOP_LEVEL, *(below or ()))

    def keys_of(self, role: str) -> tuple[Key, ...]:
        """Give the keys that may sign for a role."""
        delegator = self._delegator(role)
        return tuple(delegator.get_key(key_id) for key_id in delegator.get_delegated_role(role).keyids)

    def threshold(self, role: str) -> int:
        """Tell how many of a role's keys must sign."""
        return self._delegator(role).get_delegated_role(role).threshold

    def expiry(self, role: str) -> datetime:
        """Tell until when devices believe what a role has signed."""
        if role == Root.type:
            return self.load_root().expires
        return self.load(role, Snapshot).expires if role == Snapshot.type else self.load(role, Targets).expires

    def sign(self, role: str, signed: S) -> None:
        """Give metadata its next version and a year, and sign it with every key that is at hand.

        Raises:
            EdgefuseError: Too few keys are at hand, or one refuses.
        """
        before = self.version(role)
        signed.version = before + 1
        signed.expires = _in_days(OFFLINE_DAYS)
        metadata = Metadata(signed)
        if before or not isinstance(signed, Root):
            add_signatures(role, metadata, self._delegator(role), self.keyring)
        if isinstance(signed, Root):  # the keys of the root before vouch for it, and its own
            add_signatures(role, metadata, signed, self.keyring)
        self._signed[role] = signed.version, metadata.to_bytes()

    def sign_snapshot(self) -> None:
        """Say anew which versions belong together."""
        snapshot = self.load(Snapshot.type, Snapshot) if self.version(Snapshot.type) else Snapshot()
        snapshot.meta = self._newest()
        self.sign(Snapshot.type, snapshot)

    def is_snapshot_behind(self) -> bool:
        """Tell whether something has a newer version than the snapshot says."""
        return self.load(Snapshot.type, Snapshot).meta != self._newest()

    def _newest(self) -> dict[str, MetaFile]:
        roles = (role for role in self.roles() if role not in (Root.type, Snapshot.type, Timestamp.type))
        return {f"{role}.json": MetaFile(self.version(role)) for role in roles}

    def write(self) -> tuple[str, ...]:
        """Write what was signed, and name its roles.

        Raises:
            StoreError: The folder cannot be written.
        """
        for role, (version, content) in self._signed.items():
            disk.write_atomically(self.metadata / f"{version}.{role}.json", content)
        newest = {**self.versions, **{role: version for role, (version, _) in self._signed.items()}}
        if newest != self.versions:
            disk.write_atomically(self.folder / _VERSIONS, msgspec.json.encode(Versions(newest=newest)))
        self.versions = newest
        roles = tuple(self._signed)
        self._signed.clear()
        return roles

    def _delegator(self, role: str) -> Root | Targets:
        return self.load_root() if role in TOP_LEVEL else self.load_targets()


@contextmanager
def changing(folder: Path, keyring: Keyring) -> Iterator[Vault]:
    """Give a vault while nobody else changes it.

    Raises:
        ConfigError: There is none.
        StoreError: The folder cannot be written.
    """
    if not (folder / _VERSIONS).exists():
        raise ConfigError(f"cannot open the vault: there is none in {folder}; edgefuse release keys init makes one")
    with disk.writing(folder), disk.locked(folder / ".lock"):
        yield Vault(folder, keyring)


def _load_versions(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(disk.read_file(path), type=Versions).newest
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise ConfigError(f"cannot read {path}: {e}; restore the vault from its copy") from e


def _in_days(days: int) -> datetime:
    return clock.wall_now().replace(microsecond=0) + timedelta(days=days)
