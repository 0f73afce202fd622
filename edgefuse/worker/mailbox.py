"""A place between two threads: the newest item wins, or, where nothing may be lost, the giver waits for room."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds one item, or up to ``places`` where nothing may be lost; order is always kept."""

    def __init__(self, *, is_lossless: bool, places: int = 1) -> None:
        self._is_lossless = is_lossless
        self._places = places
        self._items: deque[T] = deque()
        self._is_closed = self._is_awaited = False
        self._changed = threading.Condition()

    def put(self, item: T) -> T | None:
        """Leave an item and give back the one that nobody will take: the older one, or this one after ``close``."""
        with self._changed:
            if self._is_lossless:
                self._changed.wait_for(lambda: len(self._items) < self._places or self._is_closed)
            if self._is_closed:
                return item
            displaced = self._items.popleft() if len(self._items) == self._places else None
            self._items.append(item)
            self._changed.notify_all()
            return displaced

    def take(self) -> T | None:
        """Wait for an item; nothing comes after ``close`` once the last item was taken."""
        with self._changed:
            self._is_awaited = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._items or self._is_closed)
            self._is_awaited = False
            item = self._items.popleft() if self._items else None
            self._changed.notify_all()
            return item

    def rest(self) -> None:
        """Wait until the taker has come back for more than there is, or nothing can be given any more."""
        with self._changed:
            self._changed.wait_for(lambda: (self._is_awaited and not self._items) or self._is_closed)

    def close(self) -> None:
        """Let both sides go: nothing more is accepted; items that are still here can be taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
