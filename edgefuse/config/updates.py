"""The ``updates`` section of the site configuration: where releases come from, and when they may be tried."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

import msgspec


class UpdateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this unit takes releases; the defaults are for boards that nobody wants to visit."""

    repository: Annotated[str, msgspec.Meta(pattern=r"^(link|https?://.+|/.+)\Z")] = "link"
    """``link``: over the broker. Else the address of a web server, or a folder of this machine."""
    window: Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d\Z")] | None = None
    """``HH:MM-HH:MM`` of local time in which releases may be tried, also over midnight; at any time without it."""
    on_metered: Literal["wait", "fetch"] = "wait"
    """Whether files are fetched while ``link.metered`` says that bytes cost money."""
    limit_kb_per_s: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Bandwidth that fetching may take; all that there is without it."""
    on_inconclusive: Literal["commit", "roll_back"] = "roll_back"
    """What becomes of a release when its trial ends and nobody can tell whether it is as good as the one before."""
    reserve_mb: Annotated[int, msgspec.Meta(ge=64)] = 256
    """Of the disk, which no update may take: the spool, the audit and the journal need room."""

    def is_open_at(self, local: time) -> bool:
        """Tell whether releases may be tried at a local time."""
        if self.window is None:
            return True
        begin, end = (time.fromisoformat(text) for text in self.window.split("-"))
        return begin <= local < end if begin <= end else not end <= local < begin
