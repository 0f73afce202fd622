"""A bound on how much is under way at the same time."""

from __future__ import annotations

import threading


class Turnstile:
    """Lets one in when there is room; whoever came in must leave."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._is_open = False
        self._changed = threading.Condition()

    def enter(self) -> None:
        """Wait for room."""
        with self._changed:
            self._changed.wait_for(lambda: self._places > 0 or self._is_open)
            self._places -= 1

    def leave(self) -> None:
        """Make room for the next."""
        with self._changed:
            self._places += 1
            self._changed.notify()

    def open(self) -> None:
        """Let everybody through from now on: what is under way may never leave."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()
