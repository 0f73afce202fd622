"""Tokens, by which people and programs log in at a site's console; only their hashes are kept, in ``console.json``.

A token is 256 bits of chance, so a fast hash keeps it as well as a slow one, and nobody finds it by trying.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec

from edgefuse import clock, disk
from edgefuse.errors import ConfigError, EdgefuseError, StoreError
from edgefuse.link.messages import decode, encode
from edgefuse.link.operators import Role

FIRST: Sequence[tuple[str, Role]] = (("operator", "operator"), ("viewer", "viewer"))
"""Tokens that the first start makes."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one."""

    name: str
    """Whom or what it was made for; stands in the audit."""
    role: Role
    sha256: str
    made_at: str
    expires_at: str = ""
    """Empty for one that holds until it is revoked."""

    @property
    def is_over(self) -> bool:
        """It has expired."""
        return bool(self.expires_at) and clock.parse_iso(self.expires_at) <= clock.wall_now()


class TokenFile(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in ``console.json``."""

    v: Literal[1] = 1
    tokens: tuple[Token, ...] = ()


def has_tokens(folder: Path) -> bool:
    """Tell whether anybody can log in at the console of the site in a folder."""
    return _path(folder).exists()


def load_tokens(folder: Path) -> tuple[Token, ...]:
    """Load what is kept of a site's tokens.

    Raises:
        ConfigError: The file cannot be read.
    """
    if not has_tokens(folder):
        return ()
    try:
        return decode(disk.read_file(_path(folder)), TokenFile).tokens
    except (StoreError, ValueError) as e:
        raise ConfigError(f"cannot load tokens from {_path(folder)}: {e}; without the file, new ones are made") from e


def find_token(tokens: Sequence[Token], secret: str) -> Token | None:
    """Give the token that somebody shows; how long that takes says nothing of it."""
    digest = _hash(secret)
    found = [token for token in tokens if hmac.compare_digest(token.sha256, digest)]
    return next((token for token in found if not token.is_over), None)


def make_token(folder: Path, name: str, role: Role, lifetime_s: float | None = None) -> str:
    """Make a token, which is told this once; one of that name holds no longer.

    Raises:
        ConfigError: It cannot be called so, or the file cannot be read.
        StoreError: It cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"cannot make token '{name}': a name has a-z, 0-9 and -, 63 characters at most")
    secret, now = secrets.token_urlsafe(32), clock.wall_now()
    expires_at = "" if lifetime_s is None else clock.to_iso(now + timedelta(seconds=lifetime_s))
    token = Token(name=name, role=role, sha256=_hash(secret), made_at=clock.to_iso(now), expires_at=expires_at)
    with disk.locked(folder / ".lock"):
        others = [other for other in load_tokens(folder) if other.name != name and not other.is_over]
        _save(folder, (*others, token))
    return secret


def revoke_token(folder: Path, name: str) -> None:
    """End a token, and with it all who logged in by it.

    Raises:
        EdgefuseError: There is none of that name.
        StoreError: The file cannot be written.
    """
    with disk.locked(folder / ".lock"):
        tokens = load_tokens(folder)
        others = tuple(token for token in tokens if token.name != name)
        if len(others) == len(tokens):
            known = " ".join(token.name for token in tokens) or "none"
            raise EdgefuseError(f"cannot revoke token '{name}': there is no such token (there are: {known})")
        _save(folder, others)


def _save(folder: Path, tokens: tuple[Token, ...]) -> None:
    disk.write_atomically(_path(folder), encode(TokenFile(tokens=tokens)), mode=0o600)


def _path(folder: Path) -> Path:
    return folder / "console.json"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
