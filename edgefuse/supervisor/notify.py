"""Telling systemd how this process is; says nothing where systemd did not start it.

Source: sd_notify(3), systemd.service(5).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from edgefuse import clock


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
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that the configuration is read anew; ``ready`` must follow."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={clock.now_ns() // 1000}")

    def stopping(self) -> None:
        """Say that this process is about to end."""
        self._send("STOPPING=1")

    def status(self, line: str) -> None:
        """Give the line that ``systemctl status`` shows, when it has changed."""
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def beat(self, now_s: float) -> None:
        """Feed the watchdog, twice in its period. Call it only where all that must be alive has just done its work."""
        if self._beat_s and now_s - self._beaten_s >= self._beat_s:
            self._beaten_s = now_s
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as connection:
                connection.sendto(text.encode(), self._address)
        except OSError:
            return  # systemd is busy or gone; nothing here depends on its hearing this one
