"""What must never be tried again on this device, by the hash of what it runs: another number makes it no better."""

from __future__ import annotations

import msgspec

KEPT_ENTRIES = 256
"""More releases than a unit will see fail; a bound for one whose publisher is broken."""


class Bad(msgspec.Struct, frozen=True, kw_only=True):
    """Something that failed here."""

    content: str
    """Hash, see ``edgefuse.store.release.hash_content``."""
    release: str
    """Under which id it came."""
    reason: str


class BadList(msgspec.Struct, frozen=True):
    """All of it, the newest last."""

    entries: tuple[Bad, ...] = ()

    def find(self, content: str) -> Bad | None:
        """Tell what is known against some content."""
        return next((bad for bad in self.entries if bad.content == content), None)

    def add(self, bad: Bad) -> BadList:
        """Give the list with one more."""
        kept = tuple(entry for entry in self.entries if entry.content != bad.content)
        return BadList((*kept, bad)[-KEPT_ENTRIES:])
