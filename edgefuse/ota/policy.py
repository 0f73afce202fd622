"""What a site decides about updates of its units."""

from __future__ import annotations

from typing import Literal

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions; the defaults are for boards that nobody wants to visit."""

    on_inconclusive: Literal["commit", "roll_back"] = "roll_back"
    """What becomes of a release when its trial ends and nobody can tell whether it is as good as the one before."""
    reserve_bytes: int = 256 << 20
    """Of the disk, which no update may take: the spool, the audit and the journal need room."""
