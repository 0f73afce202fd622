"""Files on their way: what has come of each waits in the store's folder ``parts`` until it is a blob.

    store/parts/<sha256>.part                       of a model file
    store/parts/<sha256>.from.<base sha256>.part    of a delta that makes it from a blob that is here

A part is only ever appended to, so whatever ended a fetch, the next one goes on where the file ends. What it holds is
worth nothing before its hash was right.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path

from edgefuse import disk
from edgefuse.store.store import Store

SYNC_BYTES = 4 << 20
_NAME = re.compile(r"([0-9a-f]{64})(?:\.from\.([0-9a-f]{64}))?\.part")


@dataclass(frozen=True, slots=True)
class Part:
    """What has come of a file, if anything."""

    folder: Path
    sha256: str
    """Of the model file that it leads to."""
    base_sha256: str | None = None
    """Of the blob that a delta needs; nothing where the model file itself comes."""

    @property
    def path(self) -> Path:
        """Give its place."""
        base = f".from.{self.base_sha256}" if self.base_sha256 else ""
        return self.folder / f"{self.sha256}{base}.part"

    @property
    def size_bytes(self) -> int:
        """Tell how much is here."""
        return self.path.stat().st_size if self.path.exists() else 0

    def read(self) -> Iterator[bytes]:
        """Give what is here, piece by piece.

        Raises:
            StoreError: It cannot be read.
        """
        if self.path.exists():
            yield from disk.read_chunks(self.path)

    def append(self, chunks: Iterator[bytes], on_bytes: Callable[[int], None]) -> None:
        """Write what comes, at once and unbuffered: a kill costs nothing of it, a power cut ``SYNC_BYTES`` at most.

        Args:
            chunks: The rest of the file.
            on_bytes: Told how much more is here after each piece.

        Raises:
            StoreError: The disk is full or cannot be written; and what ``chunks`` raises.
        """
        with disk.writing(self.path):
            first = next(chunks, None)
            if first is None:
                return  # all is here; the file may be read-only, on its way to be a blob
            disk.make_folder(self.folder)
            with self.path.open("ab", buffering=0) as file:
                unsynced_bytes = 0
                for chunk in itertools.chain((first,), chunks):
                    _write(file, chunk)
                    on_bytes(len(chunk))
                    unsynced_bytes += len(chunk)
                    if unsynced_bytes >= SYNC_BYTES:
                        os.fdatasync(file.fileno())
                        unsynced_bytes = 0

    def sync(self) -> None:
        """Make sure that it stays: who wrote it may have been killed before it did so.

        Raises:
            StoreError: The disk is broken.
        """
        with disk.writing(self.path), self.path.open("rb") as file:
            os.fsync(file.fileno())

    def remove(self) -> None:
        """Take it away, if it is here; where a power cut brings it back, it is taken away again.

        Raises:
            StoreError: The disk is broken.
        """
        with disk.writing(self.path):
            self.path.unlink(missing_ok=True)


def _write(file: RawIOBase, chunk: bytes) -> None:
    """Write all of it: a disk that is nearly full takes a part first."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def list_parts(store: Store) -> tuple[Part, ...]:
    """List what is on its way."""
    folder = parts_folder(store)
    matches = (_NAME.fullmatch(path.name) for path in sorted(folder.glob("*.part")))
    return tuple(Part(folder, match[1], match[2]) for match in matches if match)


def parts_folder(store: Store) -> Path:
    """Give the folder of what is on its way."""
    return store.root / "parts"


def keep_parts(store: Store, leads_to_use: Callable[[Part], bool]) -> None:
    """Take away all but some of what is on its way.

    Raises:
        StoreError: The disk is broken.
    """
    useless = [part for part in list_parts(store) if not leads_to_use(part)]
    if useless:  # or a power cut might take a blob of which the part is gone, too
        store.sync(part.sha256 for part in useless if store.has(part.sha256))
    for part in useless:
        part.remove()


def sync_parts(store: Store) -> None:
    """Make sure that what is on its way stays, and that what is not is gone.

    Raises:
        StoreError: The disk is broken.
    """
    folder = parts_folder(store)
    for part in list_parts(store):
        part.sync()
    if folder.is_dir():
        with disk.writing(folder):
            disk.sync_folder(folder)
            disk.sync_folder(store.root)
