"""Model files by their sha256, each written once and never changed.

    root/sha256/<first two digits>/<sha256>   the blobs, read-only
    root/named/<key>/<file name>              links to blobs, for runtimes, which want suffixes and neighbours
    root/incoming                             the one blob that is being written, under the lock

All writing is done under ``root/lock``. A crash leaves at most ``incoming`` and, beside a link, its ``.new``, which the
next writer overwrites. Releases are in ``edgefuse.store.release``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edgefuse import disk, paths
from edgefuse.config.manifest import ModelFile, Variant
from edgefuse.errors import StoreError


class Store:
    """The blobs below one root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, sha256: str) -> bool:
        """Tell whether the blob is here; says nothing about its content, see ``is_intact``."""
        return self.path(sha256).is_file()

    def has_variant(self, variant: Variant) -> bool:
        """Tell whether every file of a variant is here."""
        return all(self.has(file.sha256) for file in variant.files)

    def path(self, sha256: str) -> Path:
        """Give the place of a blob, here or not."""
        return self.root / "sha256" / sha256[:2] / sha256

    def path_of(self, files: Sequence[ModelFile]) -> Path:
        """Give the first of some files under its real name, with the others beside it.

        Raises:
            StoreError: A file is not in the store, or the links cannot be written.
        """
        for file in files:
            if not self.has(file.sha256):
                raise StoreError(f"cannot open {file.name}: it is not in the store (edgefuse models fetch)")
        names = "\n".join(f"{file.sha256} {file.name}" for file in files)
        folder = self.root / "named" / hashlib.sha256(names.encode()).hexdigest()
        links = {folder / file.name: os.path.relpath(self.path(file.sha256), folder) for file in files}
        if not all(_leads_to(link, target) for link, target in links.items()):
            with disk.writing(folder), disk.locked(self.root / "lock"):
                for link, target in links.items():
                    _link(link, target)
        return folder / files[0].name

    def add(self, chunks: Iterable[bytes], file: ModelFile) -> None:
        """Keep bytes that must be those of ``file``.

        Raises:
            StoreError: They are not, or cannot be written; nothing is kept.
        """
        with self._incoming() as incoming:
            sha256 = _copy(_at_most(file.size_bytes, chunks, file.name), incoming)
            if sha256 != file.sha256:
                raise StoreError(
                    f"cannot keep {file.name} from {file.source.address}: its sha256 is {sha256}, "
                    f"expected {file.sha256}; nothing was kept: the source or the manifest has changed"
                )
            self._publish(incoming, sha256)

    def adopt(self, path: Path, file: ModelFile) -> None:
        """Give a file that lies on the same disk another name, as a blob; its old name is for the caller to remove.

        That must come after ``sync``, or a power cut may take both.

        Raises:
            StoreError: It is another one than ``file``, or the disk is broken.
        """
        with disk.writing(path), disk.locked(self.root / "lock"), path.open("rb") as adopted:
            sha256 = disk.hash_file(path)
            if sha256 != file.sha256:
                raise StoreError(f"cannot keep {path} as {file.name}: its sha256 is {sha256}, expected {file.sha256}")
            blob = self.path(sha256)
            if not blob.exists():
                disk.make_folder(blob.parent)
                os.fchmod(adopted.fileno(), 0o444)
                os.fsync(adopted.fileno())
                blob.hardlink_to(path)

    def add_file(self, path: Path) -> str:
        """Keep a copy of a local file and give its sha256.

        Raises:
            StoreError: The file cannot be read, or the copy cannot be written.
        """
        with self._incoming() as incoming:
            sha256 = _copy(disk.read_chunks(path), incoming)
            self._publish(incoming, sha256)
        return sha256

    def blobs(self) -> tuple[str, ...]:
        """List the sha256 of every blob."""
        names = (path.name for path in self.root.glob("sha256/??/*"))
        return tuple(sorted(name for name in names if re.fullmatch("[0-9a-f]{64}", name)))

    def is_intact(self, sha256: str) -> bool:
        """Read a blob again and tell whether it is still what its name says.

        Raises:
            StoreError: The blob cannot be read.
        """
        return disk.hash_file(self.path(sha256)) == sha256

    def check(self, files: Sequence[ModelFile]) -> None:
        """Read files again.

        Raises:
            StoreError: One is not what was kept, or cannot be read.
        """
        for file in files:
            if not self.is_intact(file.sha256):
                raise StoreError(
                    f"cannot use {file.name}: its content in the store has changed, as it does on a failing disk; "
                    "`edgefuse models verify` takes it out and says what brings it back"
                )

    def sync(self, sha256s: Iterable[str]) -> None:
        """Make sure that blobs which are here stay here: who put them there may have been killed before it did so.

        Raises:
            StoreError: The disk is broken.
        """
        folders = {self.path(sha256).parent for sha256 in sha256s}
        if not folders:  # a store that never had a blob has no folder for them
            return
        with disk.writing(self.root):
            for folder in (*sorted(folders), self.root / "sha256", self.root):
                disk.sync_folder(folder)

    def remove(self, sha256: str) -> None:
        """Take a blob out.

        Raises:
            StoreError: The folder cannot be written.
        """
        path = self.path(sha256)
        with disk.writing(path):
            path.unlink()
            disk.sync_folder(path.parent)

    @contextmanager
    def _incoming(self) -> Iterator[BinaryIO]:
        """Open the one file that takes new bytes, alone; it is gone afterwards unless it was published."""
        path = self.root / "incoming"
        with disk.writing(self.root), disk.locked(self.root / "lock"):
            try:
                path.unlink(missing_ok=True)  # after a power cut it may be another name of the last blob
                with path.open("xb") as file:
                    yield file
            finally:
                path.unlink(missing_ok=True)

    def _publish(self, incoming: BinaryIO, sha256: str) -> None:
        path = self.path(sha256)
        disk.make_folder(path.parent)
        os.fchmod(incoming.fileno(), 0o444)
        disk.publish(incoming, self.root / "incoming", path)


def open_store() -> Store:
    """Give the store of this machine."""
    return Store(paths.state_dir() / "store")


def _copy(chunks: Iterable[bytes], file: BinaryIO) -> str:
    """Write everything and give its sha256."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        file.write(chunk)
    return digest.hexdigest()


def _at_most(limit_bytes: int, chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Pass chunks on until there are too many: what lies must not fill the disk first."""
    seen_bytes = 0
    for chunk in chunks:
        seen_bytes += len(chunk)
        if seen_bytes > limit_bytes:
            raise StoreError(f"cannot keep {name}: it is longer than the {limit_bytes} bytes that its manifest names")
        yield chunk


def _leads_to(link: Path, target: str) -> bool:
    return link.is_symlink() and os.readlink(link) == target  # noqa: PTH115 - Path.readlink normalises the text


def _link(link: Path, target: str) -> None:
    """Make a symbolic link by rename, so that no reader sees a missing one; it is relative: the tree may be moved."""
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
