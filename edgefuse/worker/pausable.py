"""A source that rests on demand, and that is waited for at the start as it is later.

flowing ◄──pause, resume──► paused
   ▲ └── gone ──► waiting ──┐
   └───── opened again ─────┘
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from edgefuse import clock
from edgefuse.errors import SourceGoneError
from edgefuse.ipc import SourceState
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, Source, StreamFormat

logger = logging.getLogger(__name__)

RETRY_S = 0.5


class PausableSource:
    """Hands frames of another source on; a live one is closed while it rests, so that its power falls."""

    def __init__(self, source: Source, on_waiting: Callable[[], None], *, is_paused: bool = False) -> None:
        """Wrap a source.

        Args:
            source: Not opened yet.
            on_waiting: Called again and again while ``open`` waits for the first time.
            is_paused: Rest from the start; the source is opened all the same, to know its size.
        """
        self._source = source
        self._on_waiting = on_waiting
        self._changed = threading.Condition()
        self._is_paused = is_paused
        self._is_gone = True
        self._reason = ""
        self._is_ending = False
        self._has_been_open = False
        self._is_live = False
        self._rested_ns = 0

    @property
    def state(self) -> SourceState:
        """What it is at."""
        return "paused" if self._is_paused else "waiting" if self._is_gone else "flowing"

    @property
    def missing(self) -> str:
        """Why it is waited for; empty while it is not."""
        return self._reason if self.state == "waiting" else ""

    def open(self) -> StreamFormat:
        """Open the source; the first time, wait for a live one that is not there.

        Raises:
            SourceError: It cannot be opened, and trying again is no use.
            SourceGoneError: A live source that was there before is not there now.
        """
        while True:
            try:
                stream = self._source.open()
                break
            except SourceGoneError as e:
                is_news = str(e) != self._reason  # the same one twice a second would fill the journal
                self._note_gone(e)
                if self._has_been_open:
                    raise
                if is_news:
                    logger.warning("source is not there, waiting for it reason=%s", e)
                self._await_first()
        self._is_gone, self._has_been_open, self._is_live = False, True, stream.is_live
        return stream

    def read(self, buffer: Buffer) -> Capture | None:
        """Give the next frame, waiting while it rests; nothing at the end, or once it was let go.

        Raises:
            SourceError: The file is damaged.
            SourceGoneError: A live source went away, or did not come back after its rest.
        """
        if self._is_paused and not self._rest():
            return None
        try:
            capture = self._source.read(buffer)
        except SourceGoneError as e:
            self._note_gone(e)
            raise
        # A film that rested goes on where it was; a player would hurry after the time that it missed.
        return capture and replace(capture, captured_ns=capture.captured_ns + self._rested_ns)

    def close(self) -> None:
        """Release the source."""
        self._source.close()

    def pause(self) -> None:
        """Take no frame from now on, but for the one that is being read."""
        with self._changed:
            self._is_paused = True

    def resume(self) -> None:
        """Take frames again."""
        with self._changed:
            self._is_paused = False
            self._changed.notify_all()

    def let_go(self) -> None:
        """End the stream, whether it rests or not."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()

    def _rest(self) -> bool:
        """Wait until it may go on; tells whether there is anything to go on with.

        Raises:
            SourceGoneError: A live source did not come back.
        """
        since_ns = clock.now_ns()
        if self._is_live:
            self._source.close()
        with self._changed:
            self._changed.wait_for(lambda: not self._is_paused or self._is_ending)
        if self._is_ending:
            return False
        if self._is_live:
            self.open()
        else:
            self._rested_ns += clock.now_ns() - since_ns
        return True

    def _note_gone(self, reason: SourceGoneError) -> None:
        self._is_gone, self._reason = True, str(reason)

    def _await_first(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_ending, RETRY_S)
        self._on_waiting()
