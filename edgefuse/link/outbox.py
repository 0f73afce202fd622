"""What is to be published next: what is retained, then replies, then files, then what waits in the spool, in order.

Everything at QoS 1 is kept until the broker has it and sent again over the next connection, in windows of a fixed size,
so that memory is bounded however slow the broker is.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from edgefuse.link import topics
from edgefuse.link.messages import BlobChunk, encode
from edgefuse.link.segment import Record
from edgefuse.link.spool import Backlog
from edgefuse.link.topics import Topic

MAX_BLOB_BYTES = 1_000_000
CHUNK_BYTES = 64 << 10
MAX_BLOBS = 2
_MAX_REPLIES = 64
_SPOOL_WINDOW = 16
_BLOB_WINDOW = 4
_LIVE_WINDOW = 4
"""Reports that the socket has not taken yet: with more the connection is stuck, and they go to the spool."""
_REQUEST_WINDOW = 32
"""Requests for chunks that the socket has not taken yet; no fetcher has more on their way."""
_TOPICS = {topic.name: topic for topic in topics.TOPICS}


@dataclass(frozen=True, slots=True)
class Publication:
    """One message."""

    topic: Topic
    payload: bytes
    tail: str = ""


Publish = Callable[[Publication], int]
"""Sends a message and gives its number."""


class Outbox:
    """Used by one thread."""

    def __init__(self, backlog: Backlog) -> None:
        """Take what waits already."""
        self._backlog = backlog
        self._retained: dict[Topic, bytes] = {}
        self._urgent: deque[Publication] = deque()
        self._blobs: deque[Iterator[Publication]] = deque()
        self._unacknowledged: dict[int, Publication] = {}
        self._spooled: dict[int, int] = {}
        """Record number by message number."""
        self._asked: set[int] = set()
        """Numbers of requests that are not on their way yet."""
        self._read_n = 0

    def retain(self, topic: Topic, payload: bytes) -> None:
        """Publish what the broker shall keep, now and again on every connection; an older one is forgotten."""
        self._urgent = deque(p for p in self._urgent if p.topic is not topic)
        self._urgent.append(Publication(topic, payload))
        self._retained[topic] = payload

    def post(self, publication: Publication) -> None:
        """Publish soon; with too many that wait the oldest is forgotten, and whoever waits for it asks again."""
        if len(self._urgent) >= _MAX_REPLIES:
            self._urgent.popleft()
        self._urgent.append(publication)

    def post_blob(self, id: str, kind: Literal["snapshot", "logs"], data: bytes) -> None:
        """Publish a file in pieces.

        Raises:
            ValueError: It is too large, or too many wait already.
        """
        if len(data) > MAX_BLOB_BYTES:
            raise ValueError(f"it has {len(data)} bytes, {MAX_BLOB_BYTES} are the limit")
        if len(self._blobs) >= MAX_BLOBS:
            raise ValueError(f"{MAX_BLOBS} files are being sent already")
        self._blobs.append(_cut(id, kind, data))

    @property
    def is_awaited(self) -> bool:
        """The broker has not acknowledged everything that was sent."""
        return bool(self._unacknowledged or self._spooled)

    def takes_live(self) -> bool:
        """Tell whether the connection keeps up, so that a report may go out without the spool."""
        return sum(1 for p in self._unacknowledged.values() if not p.topic.qos) < _LIVE_WINDOW

    def on_open(self) -> None:
        """Begin a new connection: what the last one did not deliver comes again, in the same order."""
        again = [p for p in self._unacknowledged.values() if p.topic.qos and not p.topic.is_retained]
        waiting = [p for p in self._urgent if not p.topic.is_retained]
        retained = [Publication(topic, payload) for topic, payload in self._retained.items()]
        self._urgent = deque([*retained, *again, *waiting])
        self._unacknowledged.clear()
        self._spooled.clear()
        self._asked.clear()
        self._backlog.rewind()

    def pump(self, publish: Publish) -> None:
        """Publish as much as the windows allow.

        Raises:
            StoreError: The spool cannot be read.
        """
        while self._urgent and len(self._unacknowledged) < _MAX_REPLIES // 2:
            self._publish(self._urgent.popleft(), publish)
        while self._blobs and self._count(topics.BLOB) < _BLOB_WINDOW:
            if chunk := next(self._blobs[0], None):
                self._publish(chunk, publish)
            else:
                self._blobs.popleft()
        while len(self._spooled) < _SPOOL_WINDOW and (record := self._backlog.read_next()):
            self._publish_record(record, publish)

    def ask(self, request: bytes, publish: Publish) -> None:
        """Publish a request for a chunk before everything else, or drop it where the connection does not keep up."""
        if len(self._asked) < _REQUEST_WINDOW:
            self._asked.add(publish(Publication(topics.CHUNK_REQUEST, request)))

    def on_sent(self, mid: int) -> None:
        """Take note that the broker has a message, or a request is on its way.

        There are 65,535 numbers, which thousands of requests soon use up: one of theirs may also be of a message that
        the broker has not acknowledged.
        """
        if mid in self._asked:
            self._asked.remove(mid)
            return
        self._unacknowledged.pop(mid, None)
        if self._spooled.pop(mid, None) is not None:
            self._backlog.set_delivered(min(self._spooled.values(), default=self._read_n + 1) - 1)

    def _publish(self, publication: Publication, publish: Publish) -> None:
        self._unacknowledged[publish(publication)] = publication

    def _publish_record(self, record: Record, publish: Publish) -> None:
        self._read_n = record.n
        if topic := _TOPICS.get(record.topic):  # a newer edgefuse may have left others
            self._spooled[publish(Publication(topic, record.payload))] = record.n

    def _count(self, topic: Topic) -> int:
        return sum(1 for p in self._unacknowledged.values() if p.topic is topic)


def _cut(id: str, kind: Literal["snapshot", "logs"], data: bytes) -> Iterator[Publication]:
    sha256 = hashlib.sha256(data).hexdigest()
    for offset in range(0, max(len(data), 1), CHUNK_BYTES):
        chunk = BlobChunk(
            id=id,
            kind=kind,
            total_bytes=len(data),
            offset_bytes=offset,
            sha256=sha256,
            data=data[offset : offset + CHUNK_BYTES],
        )
        yield Publication(topics.BLOB, encode(chunk), id)
