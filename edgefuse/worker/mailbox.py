"""A place for one item between two threads: the newest wins, or, where nothing may be lost, the giver waits."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds at most one item; order is always kept."""

    def __init__(self, *, is_lossless: bool) -> None:
        self._is_lossless = is_lossless
        self._item: T | None = None
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> T | None:
        """Leave an item and give back the one that nobody will take: the older one, or this one after ``close``."""
        with self._changed:
            if self._is_lossless:
                self._changed.wait_for(lambda: self._item is None or self._is_closed)
            if self._is_closed:
                return item
            displaced, self._item = self._item, item
            self._changed.notify_all()
            return displaced

    def take(self) -> T | None:
        """Wait for an item; nothing comes after ``close`` once the last item was taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._is_closed)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Let both sides go: nothing more is accepted; an item that is still here can be taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
