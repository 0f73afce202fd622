"""Monotonic time for decisions and wall time for messages; nothing else reads a clock."""

import time
from datetime import datetime, timezone

NS_PER_S = 1_000_000_000


def now_ns() -> int:
    """Give monotonic nanoseconds; only differences mean something."""
    return time.monotonic_ns()


def wall_now() -> datetime:
    """Give the wall time in UTC; a board without a battery may have any."""
    return datetime.now(timezone.utc)


def parse_iso(text: str) -> datetime:
    """Read a wall time that a message brought.

    Raises:
        ValueError: It is none, or names no time zone.
    """
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if time.tzinfo is None:
        raise ValueError("it has no time zone")
    try:
        return time.astimezone(timezone.utc)
    except OverflowError as e:
        raise ValueError(str(e)) from e


def wall_iso() -> str:
    """Give the wall time for a message that leaves the device, ISO 8601 in UTC."""
    return to_iso(wall_now())


def to_iso(time: datetime) -> str:
    """Give a time in UTC as messages have it."""
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")
