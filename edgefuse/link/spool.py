"""What waits on the disk for the broker: events and telemetry, in the order in which they happened.

Bounded: when there is too much, every second record of a kind of telemetry goes, in the oldest of the files that were
thinned out least; events go only when no telemetry is left, the oldest first, and are counted. Records leave when the
broker has them, so a power cut or a lost acknowledgement repeats some and loses none; readers know repeated events by
``stream`` and ``n``. Kind to flash: events are synced at once, telemetry once a minute, the rest is left to the system.

    00000000000000000001.1.segment     first number . how often thinned out
    00000000000000000312.0.segment     appended to
    stream                             names this life of the spool
    cursor                             what the broker has; may be old
"""

from __future__ import annotations

import os
import secrets
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from edgefuse import clock, disk
from edgefuse.errors import StoreError
from edgefuse.link.segment import Record, SegmentName, read_record
from edgefuse.link.segments import SEGMENT_BYTES, Segments
from edgefuse.link.topics import TOPICS

MAX_BYTES = 8 << 20
"""A day and a half of both reports every ten seconds, then ever thinner."""
_TELEMETRY = frozenset(topic.name for topic in TOPICS if topic.qos == 0)
_SYNC_NS = 60 * clock.NS_PER_S
_CURSOR = struct.Struct(">QI")


class Backlog(Protocol):
    """What waits for the broker, in order; ``Spool`` keeps it on the disk."""

    stream: str
    lost_events: int

    @property
    def next_n(self) -> int:
        """Give the number of the next record."""
        ...

    def add(self, topic: str, payload: bytes) -> None:
        """Append a record with the number ``next_n``."""
        ...

    def sync(self) -> None:
        """Make events safe."""
        ...

    def read_next(self) -> Record | None:
        """Give the next record in order, each once until ``rewind``; nothing when all have been read."""
        ...

    def rewind(self) -> None:
        """Begin again with the first record that is not delivered."""
        ...

    def set_delivered(self, n: int) -> None:
        """Note that the broker has everything up to ``n``."""
        ...


class Spool:
    """Keeps records until they are delivered; used by one thread of one process."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open the spool, or begin one, and cut off what a power cut tore.

        Raises:
            StoreError: The folder cannot be read or written.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self.lost_events = 0
        """Dropped because nothing else was left to drop, since this was opened."""
        self._has_unsynced_event = False
        self._synced_ns = clock.now_ns()
        with disk.writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            is_new = not any(folder.glob("*.segment"))
            self._segments = Segments(folder, _TELEMETRY, segment_bytes)
            self.stream = _name_stream(folder / "stream", is_new=is_new)
            self._cursor = os.open(folder / "cursor", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            self._segments.skip_to(_read_cursor(self._cursor))
            self._delivered_n = max(_read_cursor(self._cursor), self._segments.names[0].first_n - 1)
        self._reader = _Reader(self._segments, self._delivered_n)

    @property
    def next_n(self) -> int:
        """The number of the next record."""
        return self._segments.last_n + 1

    def add(self, topic: str, payload: bytes) -> None:
        """Append a record with the number ``next_n``; it is safe from power cuts after ``sync``.

        Raises:
            StoreError: The disk is full or broken; the record is not kept.
            ValueError: It is too long.
        """
        with disk.writing(self._folder):
            self._segments.append(topic, payload)
            self._has_unsynced_event |= topic not in _TELEMETRY
            while self._segments.size_bytes > self._max_bytes:
                self.lost_events += self._segments.shrink()

    def sync(self) -> None:
        """Put events on the disk for good, and telemetry once a minute.

        Raises:
            StoreError: The disk is broken.
        """
        if self._has_unsynced_event or clock.now_ns() - self._synced_ns > _SYNC_NS:
            with disk.writing(self._folder):
                self._segments.sync()
            self._has_unsynced_event = False
            self._synced_ns = clock.now_ns()

    def read_next(self) -> Record | None:
        """Give the next record in order, each once until ``rewind``; nothing when all have been read.

        Raises:
            StoreError: The disk is broken.
        """
        try:
            return self._reader.read_next()
        except OSError as e:
            raise StoreError(f"cannot read {self._folder}: {e.strerror}") from e

    def rewind(self) -> None:
        """Begin again with the first record that is not delivered."""
        self._reader.close()
        self._reader = _Reader(self._segments, self._delivered_n)

    def set_delivered(self, n: int) -> None:
        """Note that the broker has everything up to ``n``; where the disk does not take that, some is repeated."""
        self._delivered_n = max(n, self._delivered_n)
        with suppress(OSError):
            if self._delivered_n == self._segments.last_n and self._segments.size_bytes > SEGMENT_BYTES // 4:
                self._segments.begin_next()
            self._segments.drop_through(self._delivered_n)
            data = struct.pack(">Q", self._delivered_n)
            os.pwrite(self._cursor, data + struct.pack(">I", zlib.crc32(data)), 0)

    def close(self) -> None:
        """Put everything on the disk and close the files."""
        self._segments.close()
        self._reader.close()
        os.close(self._cursor)


class _Reader:
    """Goes through the segments once, in order; a file that is thinned out or removed meanwhile is read to its end."""

    def __init__(self, segments: Segments, after_n: int) -> None:
        self._segments = segments
        self._n = after_n
        self._offset = 0
        names = segments.names
        before = [name for name in names if name.first_n <= after_n + 1]
        self._name = before[-1] if before else names[0]
        self._file = self._open(self._name)

    def read_next(self) -> Record | None:
        while True:
            if found := read_record(self._file, self._offset):
                record, self._offset = found
                if record.n > self._n:
                    self._n = record.n
                    return record
            elif following := self._following():
                os.close(self._file)
                self._name, self._file, self._offset = following, self._open(following), 0
            else:
                return None

    def close(self) -> None:
        os.close(self._file)

    def _following(self) -> SegmentName | None:
        return next((name for name in self._segments.names if name.first_n > self._name.first_n), None)

    def _open(self, name: SegmentName) -> int:
        return os.open(self._segments.path(name), os.O_RDONLY | os.O_CLOEXEC)


def _name_stream(path: Path, *, is_new: bool) -> str:
    """Give the name of this life of the spool; numbers that begin again need another one."""
    if is_new or not path.exists():
        disk.write_atomically(path, secrets.token_hex(6).encode())
    return path.read_text()


def _read_cursor(descriptor: int) -> int:
    """Give what was delivered; 0 where that is not known."""
    data = os.pread(descriptor, _CURSOR.size, 0)
    if len(data) < _CURSOR.size:
        return 0
    n, checksum = _CURSOR.unpack(data)
    return int(n) if zlib.crc32(data[:8]) == checksum else 0
