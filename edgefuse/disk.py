"""Writing files so that a power cut leaves the old content or the new, never half of either."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edgefuse.errors import StoreError

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace ``path`` by ``data``: temporary file, fsync, rename, fsync of the folder.

    The temporary file has one name, so that a kill leaves one at most, which the next writer takes over. The file has
    ``mode`` whatever the mask; others may read it unless told otherwise, because they run commands too.

    Raises:
        StoreError: The disk is full or the folder cannot be written; the old file is untouched.
    """
    write_chunks(path, (data,), mode)


def write_chunks(path: Path, chunks: Iterable[bytes], mode: int = 0o644) -> None:
    """Replace ``path`` as ``write_atomically`` does; where ``chunks`` raises, the old file is untouched too.

    Raises:
        StoreError: The disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.new")
    with writing(path):
        make_folder(path.parent)
        with _open_alone(temporary) as file:
            try:
                os.fchmod(file.fileno(), mode)
                file.truncate()
                for chunk in chunks:
                    file.write(chunk)
                publish(file, temporary, path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise


def _open_alone(temporary: Path) -> BinaryIO:
    """Open a temporary file for this writer alone, waiting for others; each takes it away by its rename."""
    while True:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        file = os.fdopen(descriptor, "r+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), temporary.lstat()):
                return file
        file.close()


def publish(file: BinaryIO, temporary: Path, path: Path) -> None:
    """Give the written ``file``, which lies at ``temporary``, its final name, durably.

    Raises:
        OSError: The disk is full.
    """
    file.flush()
    os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, durably: what lies in one whose own name is lost is lost too.

    Raises:
        OSError: The disk is full or cannot be written.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make what was renamed, made and removed in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_chunks(path: Path) -> Iterator[bytes]:
    """Read a file piece by piece.

    Raises:
        StoreError: The file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as e:
        raise StoreError(f"cannot read {path}: {e.strerror}") from e


def read_file(path: Path) -> bytes:
    """Read a whole file.

    Raises:
        StoreError: The file is missing or cannot be read.
    """
    return b"".join(read_chunks(path))


def hash_file(path: Path) -> str:
    """Give the sha256 of a file's content.

    Raises:
        StoreError: The file is missing or cannot be read.
    """
    digest = hashlib.sha256()
    for chunk in read_chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def free_bytes(folder: Path) -> int:
    """Count what may still be written to the disk of a folder; as ``shutil`` does, which brings 0.4 MB along.

    Raises:
        OSError: The folder is not there.
    """
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while ``path`` is written into words that help.

    Raises:
        StoreError: The body raised an OSError.
    """
    try:
        yield
    except OSError as e:
        raise StoreError(f"cannot write {path}: {e.strerror}{_ADVICE.get(e.errno or 0, '')}") from e


_ADVICE = {
    errno.ENOSPC: "; make room, or set EDGEFUSE_ROOT to a folder on a larger disk",
    errno.EDQUOT: "; make room, or set EDGEFUSE_ROOT to a folder on a larger disk",
    errno.EACCES: "; run as the folder's owner, or set EDGEFUSE_ROOT to a folder of your own",
    errno.EROFS: "; set EDGEFUSE_ROOT to a folder that can be written",
}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` against other processes and threads; waits until it is free.

    Raises:
        OSError: The lock file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("waiting for another edgefuse lock=%s", path)  # it may be downloading for minutes
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
