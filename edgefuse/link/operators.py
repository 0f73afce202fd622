"""Whose commands this device takes: ``operators.json`` among its credentials, which enrolment writes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from nacl.signing import VerifyKey

from edgefuse import disk
from edgefuse.errors import ConfigError, StoreError
from edgefuse.link.messages import decode

Role = Literal["operator", "viewer"]
"""An operator may ask for everything that the site allows, a viewer only for what changes nothing."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One trusted key."""

    key_id: str
    key: VerifyKey
    role: Role


class OperatorEntry(msgspec.Struct, frozen=True):
    """One key in the file; its id follows from it."""

    key: bytes
    """32 bytes, Base64."""
    role: Role


class OperatorFile(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the file."""

    v: Literal[1] = 1
    operators: tuple[OperatorEntry, ...]


def make_key_id(key: VerifyKey) -> str:
    """Give the id of a key: the beginning of its hash, so that no file can claim another one."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def load_operators(path: Path) -> Mapping[str, Operator]:
    """Load the trusted keys by id; without the file nobody is trusted.

    Raises:
        ConfigError: It cannot be read or is no such file.
    """
    if not path.exists():
        return {}
    try:
        entries = decode(disk.read_file(path), OperatorFile).operators
        operators = [(VerifyKey(entry.key), entry.role) for entry in entries]
    except (StoreError, ValueError, TypeError) as e:
        raise ConfigError(f"cannot load operators' keys from {path}: {e}; enrol this device again") from e
    return {make_key_id(key): Operator(make_key_id(key), key, role) for key, role in operators}


class OperatorKeys:
    """The trusted keys as the file has them now, so that a revoked one is refused without a restart."""

    def __init__(self, path: Path) -> None:
        """Take the place of the file; it is read when first asked for."""
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._operators: Mapping[str, Operator] = {}

    def load(self) -> Mapping[str, Operator]:
        """Give the trusted keys by id.

        Raises:
            ConfigError: The file cannot be read or is no such file; nobody is trusted then.
        """
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino)
        except FileNotFoundError:
            seen = None
        if seen is None or seen != self._seen:
            self._operators = load_operators(self._path)
            self._seen = seen
        return self._operators
