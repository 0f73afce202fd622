"""What the API can do, as a table: one row an operation, from which both its route and its documentation are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edgefuse.errors import EdgefuseError
from edgefuse.fleet.audit import Actor
from edgefuse.link.operators import Role

JSON = "application/json"


class Fault(msgspec.Struct, frozen=True):
    """Why something was not done."""

    error: str


class RefusedError(EdgefuseError):
    """The one who asked can do better; told with a status of HTTP."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        """Say what is wrong, and what to do."""
        super().__init__(text)
        self.status = status
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who has proven who it is."""

    name: str
    """Of the token."""
    role: Role
    csrf: str = ""
    """What changes must bring along; empty for programs, which no other page can make ask for anything."""
    expires_s: float = 0.0
    """Until when, Unix time."""

    @property
    def actor(self) -> Actor:
        """Give who stands in the audit."""
        return Actor(self.name, "console")


class Nothing(msgspec.Struct, frozen=True):
    """No options."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was checked."""

    request: Request
    who: Identity | None
    """Nothing only for operations without a role."""
    device: str
    """Which the path names; empty where it names none."""
    query: Any
    """Of the operation's kind."""
    body: Any
    """Of the operation's kind, which may be one of several."""

    @property
    def identity(self) -> Identity:
        """Give who asked, of an operation with a role."""
        assert self.who is not None
        return self.who


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    name: str
    about: str
    role: Role | None
    """Who may; nothing for everybody."""
    perform: Callable[[Asked], msgspec.Struct | Response]
    """Called in a thread of its own; its errors are told to who asked."""
    answer: type[msgspec.Struct]
    query: type[msgspec.Struct] = Nothing
    body: Any = Nothing
    """A struct, or a choice of several that a key tells apart."""
    media: str = JSON
    """Of the answer; with another one than JSON, ``answer`` is what a piece of it holds."""
    faults: Mapping[int, str] = field(default_factory=dict)
    """Statuses that it may answer with, beside those that all have."""

    @property
    def has_body(self) -> bool:
        """Something must be sent along."""
        return self.body is not Nothing

    @property
    def has_device(self) -> bool:
        """The path names a device."""
        return "{device}" in self.path
