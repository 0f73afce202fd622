"""One file of the spool: records that are only appended, each with its length and checksum, so that a torn end shows.

length u32 · crc32 u32 · n u64 · length of topic u8 · topic · payload        (big endian; crc and length from n on)
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct(">II")
_BODY = struct.Struct(">QB")
MAX_RECORD_BYTES = 1 << 16
"""What claims to be longer is no record."""


@dataclass(frozen=True, slots=True)
class Record:
    """A message that waits for the broker."""

    n: int
    """Counts up over all records of the spool."""
    topic: str
    """Its name in the topic table."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What the name of a segment's file tells."""

    first_n: int
    """No record has a lower number."""
    level: int
    """How often telemetry was thinned out here."""

    def __str__(self) -> str:
        return f"{self.first_n:020d}.{self.level}.segment"


def parse_name(path: Path) -> SegmentName:
    """Read the name of a segment's file."""
    first_n, level, _ = path.name.split(".")
    return SegmentName(int(first_n), int(level))


def pack(record: Record) -> bytes:
    """Give a record as it is written.

    Raises:
        ValueError: It is longer than a record can be.
    """
    topic = record.topic.encode()
    body = _BODY.pack(record.n, len(topic)) + topic + record.payload
    if len(body) > MAX_RECORD_BYTES:
        raise ValueError(f"a message on {record.topic} has {len(record.payload)} bytes, too many to be kept")
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def read_record(descriptor: int, offset: int) -> tuple[Record, int] | None:
    """Read the record at ``offset`` and say where the next one begins; nothing at the end or where it is torn.

    Raises:
        OSError: The disk cannot be read.
    """
    head = os.pread(descriptor, _HEAD.size, offset)
    if len(head) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack(head)
    if not _BODY.size <= length <= MAX_RECORD_BYTES:
        return None
    body = os.pread(descriptor, length, offset + _HEAD.size)
    if len(body) < length or zlib.crc32(body) != checksum:
        return None
    n, topic_bytes = _BODY.unpack_from(body)
    split = _BODY.size + topic_bytes
    return Record(n, body[_BODY.size : split].decode(), body[split:]), offset + _HEAD.size + length


def read_all(path: Path) -> Iterator[tuple[Record, int]]:
    """Give each whole record with the offset of its end, up to the first that is torn.

    Raises:
        OSError: The disk cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        offset = 0
        while found := read_record(descriptor, offset):
            yield found
            offset = found[1]
    finally:
        os.close(descriptor)
