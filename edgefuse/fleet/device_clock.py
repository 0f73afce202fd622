"""When something happened on devices whose clocks show any time.

A device's clock is used for differences only. What it says comes at once, or later if it waited on the device; so the
least difference seen between our clock and its own is how far that is off, and what is more is how long a report
waited. The least one is forgotten after a while, because clocks, ours too, are set while devices are connected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MEMORY_S = 600.0
"""A spool of 8 MiB is sent in less, so a live report always comes between."""


@dataclass(slots=True)
class _Offset:
    """The least differences of this stretch of time and of the one before."""

    since_s: float
    now_s: float
    before_s: float


class DeviceClocks:
    """Used by one thread."""

    def __init__(self) -> None:
        """Know no device."""
        self._offsets: dict[str, _Offset] = {}

    def greet(self, device: str, t: str, heard_s: float) -> None:
        """Take note of a message that was made just now: from here on this is the difference."""
        own_s = parse_time(t)
        if own_s is not None:
            self._offsets[device] = _Offset(heard_s, heard_s - own_s, heard_s - own_s)

    def place(self, device: str, t: str, heard_s: float) -> float:
        """Give when a report was made, by our clock; when it came, if it does not say when it was made."""
        own_s = parse_time(t)
        if own_s is None:
            return heard_s
        difference_s = heard_s - own_s
        offset = self._offsets.setdefault(device, _Offset(heard_s, difference_s, difference_s))
        if abs(heard_s - offset.since_s) > MEMORY_S:
            offset.since_s, offset.before_s, offset.now_s = heard_s, offset.now_s, difference_s
        offset.now_s = min(offset.now_s, difference_s)
        return own_s + min(offset.now_s, offset.before_s)


def parse_time(t: str) -> float | None:
    """Give ISO 8601 with a zone as Unix time; nothing where it is something else."""
    try:
        moment = datetime.fromisoformat(t.replace("Z", "+00:00"))  # Python 3.10 does not know the Z
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
