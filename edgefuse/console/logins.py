"""Who is logged in: kept in memory, so a console that starts anew has everybody log in again; used by any thread."""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass

from edgefuse import clock
from edgefuse.console.operation import Identity
from edgefuse.console.tokens import Token

LOGIN_S = 12 * 3600.0
"""A day's work."""
MAX_LOGINS = 1000
"""Beyond that the oldest ends."""
MAX_LOGINS_BY_TOKEN = 100
"""Beyond that the oldest by this token ends, so that nobody logs others out by logging in."""


@dataclass(frozen=True, slots=True)
class Login:
    """One browser that is logged in."""

    identity: Identity
    token_sha256: str
    """Of the token that it logged in by, and that must still hold."""


class Logins:
    """Finds logins by what their cookie holds, of which only the hash is kept."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._logins: dict[str, Login] = {}
        self._lock = threading.Lock()

    def add(self, token: Token) -> tuple[str, Identity]:
        """Log somebody in, and give what the cookie shall hold."""
        secret, now_s = secrets.token_urlsafe(32), clock.wall_now().timestamp()
        end_s = now_s + LOGIN_S
        if token.expires_at:
            end_s = min(end_s, clock.parse_iso(token.expires_at).timestamp())
        identity = Identity(token.name, token.role, csrf=secrets.token_urlsafe(32), expires_s=end_s)
        with self._lock:
            self._logins = {key: login for key, login in self._logins.items() if login.identity.expires_s > now_s}
            same = [key for key, login in self._logins.items() if login.token_sha256 == token.sha256]
            if len(same) >= MAX_LOGINS_BY_TOKEN:
                del self._logins[same[0]]
            while len(self._logins) >= MAX_LOGINS:
                del self._logins[next(iter(self._logins))]
            self._logins[_hash(secret)] = Login(identity, token.sha256)
        return secret, identity

    def find(self, secret: str) -> Login | None:
        """Give the login that a cookie is of; nothing where it is over."""
        with self._lock:
            login = self._logins.get(_hash(secret))
        is_there = login is not None and login.identity.expires_s > clock.wall_now().timestamp()
        return login if is_there else None

    def remove(self, secret: str) -> None:
        """Log somebody out."""
        with self._lock:
            self._logins.pop(_hash(secret), None)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
