"""Telling systemd how this process is; says nothing where systemd did not start it.

Source: sd_notify(3), systemd.service(5).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from edgefuse import clock

PATIENCE_S = 2.0
"""With what changes this unit's state for systemd; beats and status lines are tried again instead."""


class Notifier:
    """The datagram socket that systemd listens to."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._address = variables.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        is_for_me = variables.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog_s = int(variables.get("WATCHDOG_USEC", "0")) / 1e6 if self._address and is_for_me else 0.0
        self._beat_s = watchdog_s / 2
        self._beaten_s = 0.0
        self._status = ""

    def ready(self) -> None:
        """Say that the start, or a reload, is done."""
        self._send("READY=1", PATIENCE_S)

    def reloading(self) -> None:
        """Say that the configuration is read anew; ``ready`` must follow."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={clock.now_ns() // 1000}", PATIENCE_S)

    def stopping(self) -> None:
        """Say that this process is about to end."""
        self._send("STOPPING=1", PATIENCE_S)

    def status(self, line: str) -> None:
        """Give the line that ``systemctl status`` shows, when it has changed."""
        if line != self._status and self._send(f"STATUS={line}"):
            self._status = line

    def beat(self, now_s: float) -> None:
        """Feed the watchdog, twice in its period. Call it only where all that must be alive has just done its work."""
        if self._beat_s and now_s - self._beaten_s >= self._beat_s and self._send("WATCHDOG=1"):
            self._beaten_s = now_s

    def _send(self, text: str, timeout_s: float = 0.0) -> bool:
        """Send a message; tell whether systemd, which may be busy, has taken it."""
        if not self._address:
            return True
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
                connection.settimeout(timeout_s)
                connection.sendto(text.encode(), self._address)
        except OSError:
            return False
        return True
