"""Wall time that something signed may be judged by, or a clear word that there is none yet.

A board without a clock of its own starts in 1970, or where a file says that it was switched off. Until it has heard the
time from a network, or from an operator who proved to be one, it cannot tell an expired command from a fresh one.
Machines without a device tree got their time from firmware or a hypervisor.

What was proven once also bounds every clock from below, over restarts too. Nothing but a proof moves that floor, so a
clock that once said 2099 leaves no trace; a proof may lower it, so an operator whose own clock said 2099 can mend it.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edgefuse import clock
from edgefuse.errors import EdgefuseError

FLOOR = datetime(2026, 11, 1, tzinfo=timezone.utc)
"""No edgefuse that judges times is older, so an earlier clock is wrong."""
CEILING = datetime(2100, 1, 1, tzinfo=timezone.utc)
"""Nobody states a later time in earnest."""
ASK_S = 5.0
_UNSYNCHRONISED = 0x40  # STA_UNSYNC of linux/timex.h; the kernel sets it until some program has set the clock right


class UntrustedClockError(EdgefuseError):
    """This machine does not know what time it is."""


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex``, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def is_synchronised() -> bool:
    """Tell whether some program keeps the kernel's clock right."""
    timex = _Timex(modes=0)  # asks, changes nothing
    if ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) != -1:
        return not timex.status & _UNSYNCHRONISED
    # The service's sandbox forbids the call, also for asking; systemd-timedated, which is outside, makes it for others.
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        return subprocess.run(command, capture_output=True, timeout=ASK_S, check=False).stdout.strip() == b"yes"
    except (OSError, subprocess.TimeoutExpired):
        return False


@dataclass(slots=True)
class TrustedTime:
    """Judges the machine's clock; used by one thread."""

    machine: Path = Path("/")
    """Where ``/sys`` and ``/proc`` hang."""
    wall: Callable[[], datetime] = clock.wall_now
    is_synchronised: Callable[[], bool] = is_synchronised
    monotonic_ns: Callable[[], int] = clock.now_ns
    _floor: datetime = FLOOR
    _proven: tuple[datetime, int] | None = None
    """What was proven since the start, and when."""

    def now(self) -> datetime:
        """Give the wall time.

        Raises:
            UntrustedClockError: The clock cannot be right, or nothing has set it yet.
        """
        now = self.wall()
        if self._proven is not None and not (now >= self._floor and self.is_synchronised()):
            time, at_ns = self._proven
            return time + timedelta(microseconds=(self.monotonic_ns() - at_ns) // 1000)
        if now < self._floor:
            raise UntrustedClockError(f"the clock of this device is not set: it says {now:%Y-%m-%d}")
        if not self._has_clock() and not self.is_synchronised():
            raise UntrustedClockError("this board has no clock of its own and has not heard the time yet")
        return now

    def prove(self, time: datetime) -> None:
        """Believe a time that somebody trusted has just stated."""
        self.remember(time)
        self._proven = (time, self.monotonic_ns())

    def remember(self, time: datetime) -> None:
        """Take a time that was proven before the last start."""
        self._floor = max(FLOOR, time)

    def _has_clock(self) -> bool:
        """A clock chip, or a machine that is given the time when it starts."""
        return (self.machine / "sys/class/rtc/rtc0").exists() or not (self.machine / "proc/device-tree").exists()
