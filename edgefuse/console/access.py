"""Who asks, and whether they may: a cookie of somebody who logged in, or a token in ``Authorization``."""

from __future__ import annotations

import hmac
import threading
from pathlib import Path

from starlette.requests import Request

from edgefuse.console.attempts import Attempts
from edgefuse.console.logins import Logins
from edgefuse.console.operation import Identity, RefusedError
from edgefuse.console.tokens import Token, find_token, load_tokens
from edgefuse.link.operators import Role

_SCHEME = "Bearer "
CSRF = "X-CSRF"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="edgefuse"'}
_SAFE = frozenset({"GET"})
HELD_BACK = 429
"""Status for an address that has tried too often."""


class Access:
    """Used by any thread."""

    def __init__(self, folder: Path) -> None:
        """Let in who has a token of the site in a folder."""
        self.logins = Logins()
        self.attempts = Attempts()
        self._folder = folder
        self._lock = threading.Lock()
        self._tokens: tuple[Token, ...] = ()
        self._mark: tuple[int, int] | None = None

    def check(self, request: Request, role: Role, cookie: str) -> Identity:
        """Give who asks, if they may.

        Args:
            request: Of HTTP.
            role: That is needed.
            cookie: Name of the one that a login set.

        Raises:
            RefusedError: Nobody knows who asks, or they may not.
            ConfigError: The tokens cannot be read.
        """
        identity = self._identify(request, cookie)
        if role == "operator" and identity.role != "operator":
            raise RefusedError(403, f"cannot do this as '{identity.name}': a viewer may only look; log in as operator")
        if identity.csrf and request.method not in _SAFE:
            shown = request.headers.get(CSRF, "")
            if not hmac.compare_digest(shown.encode(), identity.csrf.encode()):
                raise RefusedError(403, f"cannot tell whether your page asks for this: {CSRF} is missing or wrong")
        return identity

    def redeem(self, secret: str, address: str) -> Token:
        """Give the token that somebody logs in by.

        Raises:
            RefusedError: It is none, or this address has tried too often.
            ConfigError: The tokens cannot be read.
        """
        self._hold_back(address)
        token = find_token(self._load(), secret)
        if token is None:
            self.attempts.note_failure(address)
            raise RefusedError(
                401, "cannot log in: no such token, or it is over; edgefuse fleet console token makes one", _CHALLENGE
            )
        return token

    def holds(self, token_sha256: str) -> bool:
        """Tell whether a token was neither revoked nor replaced, and has not expired.

        Raises:
            ConfigError: The tokens cannot be read.
        """
        return any(token.sha256 == token_sha256 and not token.is_over for token in self._load())

    def _identify(self, request: Request, cookie: str) -> Identity:
        authorization = request.headers.get("Authorization")
        if authorization is not None:
            return self._take_token(authorization, find_address(request))
        login = self.logins.find(request.cookies.get(cookie, ""))
        if login is None or not self.holds(login.token_sha256):
            raise RefusedError(401, "cannot tell who asks: log in first", _CHALLENGE)
        return login.identity

    def _take_token(self, authorization: str, address: str) -> Identity:
        """Take a program's token; a right one goes through however many wrong ones came from its address."""
        is_bearer = authorization[: len(_SCHEME)].lower() == _SCHEME.lower()
        token = find_token(self._load(), authorization[len(_SCHEME) :].strip()) if is_bearer else None
        if token is None:
            self.attempts.note_failure(address)
            raise RefusedError(401, "cannot tell who asks: Authorization has no token that holds", _CHALLENGE)
        return Identity(token.name, token.role)

    def _hold_back(self, address: str) -> None:
        wait_s = self.attempts.find_wait_s(address)
        if wait_s:
            text = f"cannot log in: too many wrong tokens came from {address}; try again in {wait_s} s"
            raise RefusedError(HELD_BACK, text, {"Retry-After": str(wait_s)})

    def _load(self) -> tuple[Token, ...]:
        """Give the site's tokens, loaded only where the file is another one."""
        path = self._folder / "console.json"
        stat = path.stat() if path.exists() else None
        mark = (stat.st_ino, stat.st_mtime_ns) if stat else None
        with self._lock:
            if mark != self._mark:
                self._tokens, self._mark = load_tokens(self._folder), mark
            return self._tokens


def find_address(request: Request) -> str:
    """Give the address that a request came from."""
    return request.client.host if request.client else ""
