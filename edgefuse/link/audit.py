"""The audit: what was asked of this device by whom and what came of it, each record chained to the one before by hash.

One JSON object a line, in files that are only appended to. A file that is full is followed by one that begins with a
checkpoint, so the oldest can go without anything that still matters; the hashes go on across files. Whoever changes or
removes a record breaks the chain, unless every record after it is written anew.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path

import msgspec

from edgefuse import clock, disk
from edgefuse.link.ledger import AnyRecord, Checkpoint, Ledger
from edgefuse.link.messages import decode, encode

logger = logging.getLogger(__name__)

FILE_BYTES = 256 << 10
KEPT_FILES = 8
_START = "0" * 64


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """A record in the chain."""

    v: int = 1
    n: int
    t: str
    """Wall time, ISO 8601 in UTC."""
    previous: str
    """SHA-256 of the line before, in hex, without its line end."""
    record: AnyRecord


@dataclass(frozen=True, slots=True)
class WholeLine:
    """A line as it was read."""

    line: AuditLine
    hash: str
    """SHA-256 in hex, as the next line has it."""
    end: int
    """Bytes of the file up to here."""


class Audit:
    """Appends to the audit and knows what it amounts to."""

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES) -> None:
        """Open the audit, or begin one.

        A power cut may have torn the last line, which is cut off then: nothing was done for it yet.

        Raises:
            StoreError: The folder cannot be read or written.
        """
        self._folder = folder
        self._file_bytes = file_bytes
        self._n = 0
        self._head = _START
        self._is_synced = True
        self.ledger = Ledger()
        with disk.writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._path = self._find_newest() or self._begin_file()
            self._file = self._path.open("ab", buffering=0)

    def add(self, record: AnyRecord, *, is_durable: bool) -> None:
        """Append a record; a durable one is on the disk before this returns.

        Raises:
            StoreError: The disk is full or broken; nothing of the record stays.
        """
        with disk.writing(self._path):
            if self._file.tell() > self._file_bytes:
                self._rotate()
            _append(self._file, line := self._make_line(record), is_durable=is_durable)
            self._is_synced = is_durable
            self._take(line, record)

    def sync(self) -> None:
        """Put on the disk for good what is not there yet.

        Raises:
            StoreError: The disk is broken.
        """
        if not self._is_synced:
            with disk.writing(self._path):
                os.fdatasync(self._file.fileno())
            self._is_synced = True

    def close(self) -> None:
        """Put everything on the disk and close the file."""
        with self._file:
            os.fdatasync(self._file.fileno())

    def _find_newest(self) -> Path | None:
        """Read the newest file that has a whole line, cut its torn end off, and remove a newer one that has none."""
        for path in reversed(list_files(self._folder)):
            end = 0
            for whole in read_lines(path):
                if end and whole.line.previous != self._head:
                    logger.error("audit was changed: the chain is broken path=%s n=%d", path, whole.line.n)
                self._n, self._head, end = whole.line.n, whole.hash, whole.end
                self.ledger = _fold(self.ledger, whole.line.record)
            if end:
                os.truncate(path, end)
                return path
            path.unlink()
        return None

    def _begin_file(self) -> Path:
        """Write a new file that begins with a checkpoint."""
        record = Checkpoint(ledger=self.ledger)
        line = self._make_line(record)
        path = self._folder / f"{self._n + 1:016d}.jsonl"
        disk.write_atomically(path, line + b"\n")
        path.chmod(0o640)
        self._take(line, record)
        return path

    def _rotate(self) -> None:
        os.fdatasync(self._file.fileno())
        self._path = self._begin_file()
        self._file.close()
        self._file = self._path.open("ab", buffering=0)
        for old in list_files(self._folder)[:-KEPT_FILES]:
            old.unlink()

    def _make_line(self, record: AnyRecord) -> bytes:
        return encode(AuditLine(n=self._n + 1, t=clock.wall_iso(), previous=self._head, record=record))

    def _take(self, line: bytes, record: AnyRecord) -> None:
        self._n += 1
        self._head = hashlib.sha256(line).hexdigest()
        self.ledger = _fold(self.ledger, record)


def list_files(folder: Path) -> list[Path]:
    """Give the files of an audit, oldest first."""
    return sorted(folder.glob("[0-9]*.jsonl"))


def read_lines(path: Path) -> Iterator[WholeLine]:
    """Give the records of a file; what is none, such as a line that a power cut tore, is passed over with a warning."""
    end = 0
    for raw in disk.read_file(path).splitlines(keepends=True):
        end += len(raw)
        try:
            if not raw.endswith(b"\n"):
                raise ValueError("the line has no end")
            yield WholeLine(decode(raw, AuditLine), hashlib.sha256(raw[:-1]).hexdigest(), end)
        except ValueError as e:
            logger.warning("audit has a broken line path=%s reason=%s", path, e)


def read_chain(folder: Path) -> Iterator[tuple[WholeLine, bool]]:
    """Give all records, oldest first, each with whether it follows the one before; else some were changed or removed.

    Raises:
        StoreError: A file cannot be read.
    """
    head = None
    for path in list_files(folder):
        for whole in read_lines(path):
            yield whole, head is None or whole.line.previous == head
            head = whole.hash


def _fold(ledger: Ledger, record: AnyRecord) -> Ledger:
    return record.ledger if isinstance(record, Checkpoint) else ledger.with_record(record)


def _append(file: RawIOBase, line: bytes, *, is_durable: bool) -> None:
    """Write a line whole or not at all."""
    end = file.tell()
    try:
        if file.write(line + b"\n") != len(line) + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if is_durable:
            os.fdatasync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), end)
        raise
