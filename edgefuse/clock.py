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


def wall_iso() -> str:
    """Give the wall time for a message that leaves the device, ISO 8601 in UTC."""
    return wall_now().isoformat(timespec="seconds").replace("+00:00", "Z")
