"""Why a command is not taken."""

from __future__ import annotations

from typing import Literal

from edgefuse.errors import EdgefuseError

Fault = Literal[
    "oversized",
    "malformed",
    "unsigned",
    "unknown_key",
    "bad_signature",
    "wrong_device",
    "no_clock",
    "unasked",
    "expired",
    "replayed",
    "forbidden",
    "unrecorded",
]


class RefusedError(EdgefuseError):
    """A command that will not be performed."""

    def __init__(self, fault: Fault, reason: str, key_id: str = "", id: str = "") -> None:
        """Take what is wrong, in words for a person, and whose command it was where a signature proves that."""
        super().__init__(reason)
        self.fault: Fault = fault
        self.key_id = key_id
        self.id = id
