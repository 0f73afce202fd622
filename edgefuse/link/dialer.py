"""Keeps one connection to the broker: when to try, in which version of the protocol, and when to keep out of the way.

           due                Opened                Closed
waiting ────────► greeting ────────────► open ──────────────► waiting, for a pause of full jitter
                      └── Closed, or silence for 45 s ──────────► waiting
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from edgefuse import clock
from edgefuse.link.backoff import CAP_S, STABLE_S, Backoff
from edgefuse.link.connection import Closed, Connection, Note, Opened, Protocol

logger = logging.getLogger(__name__)

GREETING_S = 45.0
"""From the beginning of a try; finding the name, connecting and TLS take long on a bad line."""
SUSPICIOUS_ENDS = 3
"""So many short connections in a row mean that another client has our id; MQTT 3.1.1 has no word for it."""
_OTHER: dict[Protocol, Protocol] = {"5": "3.1.1", "3.1.1": "5"}


class Dialer:
    """Used by one thread."""

    def __init__(
        self, device: str, make: Callable[[Protocol], Connection], wake: Callable[[], None], cap_s: float = CAP_S
    ) -> None:
        """Take how a connection is made and how to tell, from another thread, that it has news.

        No pause between two tries is longer than ``cap_s``.
        """
        self.connection: Connection | None = None
        self.due_ns = clock.now_ns()
        """When to look again, whatever happens before."""
        self._client = device
        self._make = make
        self._wake = wake
        self._backoff = Backoff(device, cap_s)
        self._protocol: Protocol = "5"
        self._opened_ns: int | None = None
        self._short_ends = 0

    @property
    def is_open(self) -> bool:
        """A broker has taken us in."""
        return self._opened_ns is not None

    @property
    def protocol(self) -> Protocol:
        """The version that the broker understood, or that is tried next."""
        return self._protocol

    def step(self, now_ns: int, *, is_readable: bool) -> list[Note]:
        """Move the connection on, begin one when it is time, and give what happened."""
        if self.connection is None:
            if now_ns >= self.due_ns:
                self._dial(now_ns)
            return []
        notes = self.connection.step(is_readable=is_readable)
        if not self.is_open and now_ns >= self.due_ns and not notes:
            self.connection.abort()
            notes = [Closed("lost", "the broker does not greet")]
        return [self._take(note, now_ns) for note in notes]

    def drop(self, now_ns: int) -> None:
        """Give the connection up."""
        if self.connection is not None:
            self.connection.abort()
            self._plan(Closed("lost", "dropped"), now_ns)

    def _dial(self, now_ns: int) -> None:
        self.connection = self._make(self._protocol)
        self.connection.dial(self._wake)
        self.due_ns = now_ns + round(GREETING_S * clock.NS_PER_S)

    def _take(self, note: Note, now_ns: int) -> Note:
        if isinstance(note, Opened):
            self._opened_ns = now_ns
            logger.info("broker connected client=%s mqtt=%s", self._client, self._protocol)
        if isinstance(note, Closed):
            note = self._judge(note, now_ns)
            self._plan(note, now_ns)
        return note

    def _judge(self, end: Closed, now_ns: int) -> Closed:
        """Recognise on MQTT 3.1.1 that somebody else has our id."""
        if self._opened_ns is None or end.cause != "lost":
            return end
        is_short = now_ns - self._opened_ns < STABLE_S * clock.NS_PER_S
        self._short_ends = self._short_ends + 1 if is_short else 0
        if self._short_ends < SUSPICIOUS_ENDS:
            return end
        self._short_ends = 0
        return Closed("taken_over", f"the broker ended {SUSPICIOUS_ENDS} connections within a minute")

    def _plan(self, end: Closed, now_ns: int) -> None:
        """Choose when and how to try next."""
        if self._opened_ns is not None:
            self._backoff.note_lasted((now_ns - self._opened_ns) / clock.NS_PER_S)
        if end.cause == "taken_over":
            self._backoff.yield_way()
        pause_s = self._backoff.next_s()
        if end.cause == "version" or (end.cause == "lost" and self._opened_ns is None):
            # A broker that knows MQTT 3.1.1 only may also hang up on MQTT 5 without a word.
            self._protocol = _OTHER[self._protocol]
            pause_s = min(pause_s, 1.0)
        self.connection, self._opened_ns = None, None
        self.due_ns = now_ns + round(pause_s * clock.NS_PER_S)
        text = "broker disconnected client=%s cause=%s reason=%s next_try_s=%.1f"
        logger.info(text, self._client, end.cause, end.reason, pause_s)
