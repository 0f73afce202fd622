"""Where a simulated device keeps what a real one has on its disk; all of it is gone with the simulation."""

from __future__ import annotations

import secrets

from edgefuse.link.ledger import AnyRecord, Checkpoint, Ledger
from edgefuse.link.segment import Record
from edgefuse.link.topics import TOPICS

MAX_RECORDS = 120
"""Ten minutes of both reports, which is less than a disk holds, so that ten thousand devices fit into memory."""
_TELEMETRY = frozenset(topic.name for topic in TOPICS if topic.qos == 0)


class MemoryBacklog:
    """What waits for the broker; when there is too much, the oldest telemetry goes, then the oldest event."""

    def __init__(self) -> None:
        """Begin a stream with a name of its own: numbers of an earlier simulation are no repetition."""
        self.stream = secrets.token_hex(6)
        self.lost_events = 0
        self.added_events = 0
        self._last_n = 0
        self._waiting: list[Record] = []
        self._read = 0
        """So many of those that wait were read."""

    @property
    def next_n(self) -> int:
        """Give the number of the next record."""
        return self._last_n + 1

    @property
    def waiting_events(self) -> int:
        """Count the events that the broker has not acknowledged."""
        return sum(1 for record in self._waiting if record.topic not in _TELEMETRY)

    def add(self, topic: str, payload: bytes) -> None:
        """Append a record with the number ``next_n``."""
        self._last_n += 1
        self.added_events += topic not in _TELEMETRY
        self._waiting.append(Record(self._last_n, topic, payload))
        if len(self._waiting) > MAX_RECORDS:
            self._drop_one()

    def sync(self) -> None:
        """Do nothing: memory is safe from nothing."""

    def read_next(self) -> Record | None:
        """Give the next record in order, each once until ``rewind``; nothing when all have been read."""
        if self._read == len(self._waiting):
            return None
        self._read += 1
        return self._waiting[self._read - 1]

    def rewind(self) -> None:
        """Begin again with the first record that is not delivered."""
        self._read = 0

    def set_delivered(self, n: int) -> None:
        """Forget everything up to ``n``."""
        while self._waiting and self._waiting[0].n <= n:
            self._forget(0)

    def _drop_one(self) -> None:
        telemetry = (place for place, record in enumerate(self._waiting) if record.topic in _TELEMETRY)
        place = next(telemetry, None)
        self.lost_events += place is None
        self._forget(place or 0)

    def _forget(self, place: int) -> None:
        del self._waiting[place]
        self._read -= place < self._read


class MemoryTrail:
    """What became of commands."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.ledger = Ledger()

    def add(self, record: AnyRecord, *, is_durable: bool) -> None:  # noqa: ARG002
        """Take note of a record, of which only what it amounts to is kept."""
        if not isinstance(record, Checkpoint):
            self.ledger = self.ledger.with_record(record)

    def sync(self) -> None:
        """Do nothing: memory is safe from nothing."""
