"""Who did what: the site's audit, as far as it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from edgefuse.console.operation import Asked, Operation
from edgefuse.fleet.audit import Act, read_acts

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class ActsAfter(msgspec.Struct, frozen=True, kw_only=True):
    """Which acts, from an older one on."""

    after: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)] = 0
    """The ``n`` of the last one that is known already."""
    limit: Limit = 200


class ActsLast(msgspec.Struct, frozen=True, kw_only=True):
    """Which acts, the newest first."""

    limit: Limit = 100


class Acts(msgspec.Struct, frozen=True):
    """Several."""

    records: list[Act]


@dataclass(frozen=True, slots=True)
class History:
    """The operations of the audit."""

    folder: Path
    """Of the site."""

    def operations(self) -> Iterator[Operation]:
        """Give them."""
        yield Operation(
            "GET",
            "/api/audit",
            "list_acts",
            "Who did what, the oldest first.",
            "viewer",
            self._list,
            Acts,
            query=ActsAfter,
        )
        yield Operation(
            "GET",
            "/api/audit/last",
            "list_last_acts",
            "Who did what, the newest first.",
            "viewer",
            self._list_last,
            Acts,
            query=ActsLast,
        )

    def _list(self, asked: Asked) -> Acts:
        query: ActsAfter = asked.query
        return Acts([act for act in read_acts(self.folder) if act.n > query.after][: query.limit])

    def _list_last(self, asked: Asked) -> Acts:
        query: ActsLast = asked.query
        return Acts(read_acts(self.folder)[: -query.limit - 1 : -1])
