"""Logging in and out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from starlette.responses import Response

from edgefuse.console.access import HELD_BACK, Access, find_address
from edgefuse.console.logins import LOGIN_S
from edgefuse.console.operation import JSON, Asked, Identity, Operation, RefusedError
from edgefuse.fleet.audit import Actor, note_act
from edgefuse.link.messages import encode
from edgefuse.link.operators import Role


class Credentials(msgspec.Struct, frozen=True):
    """What somebody logs in with."""

    token: Annotated[str, msgspec.Meta(max_length=200)]


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who one is here, and until when."""

    name: str
    """Of the token."""
    role: Role
    expires_s: float
    """Unix time; 0 for a program, whose token says so."""
    csrf: str
    """For the header X-CSRF of every change; empty for a program."""


class Left(msgspec.Struct, frozen=True):
    """One is logged in no longer."""

    is_out: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """The operations of logging in."""

    access: Access
    cookie: str
    folder: Path
    """Of the site."""

    def operations(self) -> Iterator[Operation]:
        """Give them."""
        yield Operation(
            "POST",
            "/api/login",
            "log_in",
            "Log in with a token; the answer sets a cookie.",
            None,
            self._log_in,
            Me,
            body=Credentials,
            faults={401: "There is no such token.", 429: "Too many wrong tokens came from this address."},
        )
        yield Operation("GET", "/api/me", "show_me", "Tell who one is.", "viewer", self._show_me, Me)
        yield Operation("POST", "/api/logout", "log_out", "Log out.", "viewer", self._log_out, Left)

    def _log_in(self, asked: Asked) -> Response:
        shown: Credentials = asked.body
        address = find_address(asked.request)
        try:
            token = self.access.redeem(shown.token, address)
        except RefusedError as e:
            if e.status != HELD_BACK:  # else who tries without end would push all other acts out of the audit
                note_act(self.folder, Actor("", "console"), "log in", detail=address, outcome="refused", reason=str(e))
            raise
        secret, identity = self.access.logins.add(token)
        note_act(self.folder, identity.actor, "log in", detail=address, outcome="done")
        response = Response(encode(_describe(identity)), media_type=JSON)
        is_secure = asked.request.url.scheme == "https"
        response.set_cookie(
            self.cookie, secret, max_age=round(LOGIN_S), path="/", secure=is_secure, httponly=True, samesite="strict"
        )
        return response

    def _show_me(self, asked: Asked) -> Me:
        return _describe(asked.identity)

    def _log_out(self, asked: Asked) -> Response:
        self.access.logins.remove(asked.request.cookies.get(self.cookie, ""))
        response = Response(encode(Left()), media_type=JSON)
        response.delete_cookie(self.cookie, path="/", httponly=True, samesite="strict")
        return response


def _describe(identity: Identity) -> Me:
    return Me(name=identity.name, role=identity.role, expires_s=identity.expires_s, csrf=identity.csrf)
