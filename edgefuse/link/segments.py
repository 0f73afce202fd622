"""The files of the spool: appending to the last one, dropping whole ones, thinning telemetry out of old ones."""

from __future__ import annotations

import errno
import itertools
import logging
import os
from collections import Counter
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

from edgefuse import disk
from edgefuse.link.segment import Record, SegmentName, pack, parse_name, read_all

logger = logging.getLogger(__name__)

SEGMENT_BYTES = 64 << 10
"""Thinning writes one anew, so a small one spares the flash; a hundred or so are a small folder."""
BARE_LEVEL = 99
"""No telemetry is left in this segment."""


class Segments:
    """The files of one spool, oldest first; used by one thread of one process."""

    def __init__(self, folder: Path, telemetry: Container[str], segment_bytes: int = SEGMENT_BYTES) -> None:
        """Find the files and cut off what a power cut tore; ``telemetry`` names the topics that may be thinned out.

        Raises:
            OSError: The folder cannot be read or written.
        """
        self._folder = folder
        self._telemetry = telemetry
        self._segment_bytes = segment_bytes
        self._sizes = _find(folder)
        self.last_n = 0
        """The highest number that was used; 0 before the first."""
        if self._sizes:
            self._tail = self._reopen_tail()
        else:
            self._tail = self._create(SegmentName(1, 0))

    @property
    def names(self) -> list[SegmentName]:
        """The files, oldest first."""
        return list(self._sizes)

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(self._sizes.values())

    def path(self, name: SegmentName) -> Path:
        """Give the place of a file."""
        return self._folder / str(name)

    def append(self, topic: str, payload: bytes) -> None:
        """Append a message with the next number, whole or not at all.

        Raises:
            OSError: The disk is full or broken.
            ValueError: It is too long.
        """
        data = pack(Record(self.last_n + 1, topic, payload))
        if self._tail_bytes + len(data) > self._segment_bytes and self._tail_bytes:
            self.begin_next()
        try:
            if os.write(self._tail, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self._tail, self._tail_bytes)
            raise
        self._sizes[self.names[-1]] += len(data)
        self.last_n += 1

    def begin_next(self) -> None:
        """Append to a new file from now on.

        Raises:
            OSError: The disk is full or broken.
        """
        self.sync()
        before = self._tail
        self._tail = self._create(SegmentName(self.last_n + 1, 0))
        os.close(before)

    def skip_to(self, n: int) -> None:
        """Use no number up to ``n``: the broker had records that a power cut took from this disk.

        Raises:
            OSError: The disk is full or broken.
        """
        if n > self.last_n:
            self.last_n = n
            self.begin_next()

    def sync(self) -> None:
        """Put what was appended on the disk.

        Raises:
            OSError: The disk is broken.
        """
        os.fdatasync(self._tail)

    def drop_through(self, n: int) -> None:
        """Remove the files that hold nothing above ``n``; the last one stays.

        Raises:
            OSError: The disk is broken.
        """
        for name, following in itertools.pairwise(self.names):
            if following.first_n <= n + 1:
                self._remove(name)

    def shrink(self) -> int:
        """Give some room back: thin telemetry out where that was done least, or drop the oldest file.

        Returns:
            How many events were lost; always 0 while there is telemetry.

        Raises:
            OSError: The disk is broken.
        """
        if len(self._sizes) == 1:
            self.begin_next()
        old = self.names[:-1]
        thinnest = min(old, key=lambda name: (name.level, name.first_n))
        if thinnest.level < BARE_LEVEL:
            self._thin(thinnest)
            return 0
        lost = sum(1 for _ in read_all(self.path(old[0])))
        self._remove(old[0])
        return lost

    def close(self) -> None:
        """Put everything on the disk and close the last file."""
        with suppress(OSError):
            self.sync()
        os.close(self._tail)

    @property
    def _tail_bytes(self) -> int:
        return self._sizes[self.names[-1]]

    def _reopen_tail(self) -> int:
        """Open the last file behind its last whole record."""
        name = self.names[-1]
        end = 0
        self.last_n = name.first_n - 1
        for record, end in read_all(self.path(name)):  # noqa: B007 -- the last end is what counts
            self.last_n = record.n
        if end != self._sizes[name]:
            logger.warning("spool ends in a torn record path=%s lost_bytes=%d", name, self._sizes[name] - end)
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.ftruncate(descriptor, end)
        self._sizes[name] = end
        return descriptor

    def _create(self, name: SegmentName) -> int:
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o640)
        disk.sync_folder(self._folder)
        self._sizes[name] = 0
        return descriptor

    def _thin(self, name: SegmentName) -> None:
        """Drop the first, third, fifth … record of each kind of telemetry."""
        seen: Counter[str] = Counter()
        kept: list[bytes] = []
        for record, _ in read_all(self.path(name)):
            seen[record.topic] += 1
            if record.topic not in self._telemetry or seen[record.topic] % 2 == 0:
                kept.append(pack(record))
        has_telemetry = any(count > 1 for topic, count in seen.items() if topic in self._telemetry)
        thinner = SegmentName(name.first_n, name.level + 1 if has_telemetry else BARE_LEVEL)
        data = b"".join(kept)
        disk.write_atomically(self.path(thinner), data)  # where both are found later, the thinner one counts
        self._sizes = {thinner if n == name else n: size for n, size in self._sizes.items()}
        self._sizes[thinner] = len(data)
        self.path(name).unlink()

    def _remove(self, name: SegmentName) -> None:
        self.path(name).unlink()
        del self._sizes[name]


def _find(folder: Path) -> dict[SegmentName, int]:
    """Give the size of each file, oldest first; what an interrupted thinning left behind is removed."""
    for leftover in folder.glob(".*.new"):
        leftover.unlink()
    thinnest: dict[int, SegmentName] = {}
    for path in sorted(folder.glob("*.segment"), key=lambda p: parse_name(p).level):
        name = parse_name(path)
        if older := thinnest.get(name.first_n):
            (folder / str(older)).unlink()
        thinnest[name.first_n] = name
    return {name: (folder / str(name)).stat().st_size for _, name in sorted(thinnest.items())}
