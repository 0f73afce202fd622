"""One file out of a wheel, zip or tar archive, read as a stream; nothing is ever unpacked to a path from an archive."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edgefuse import disk
from edgefuse.errors import FetchError

# RuntimeError is what zipfile raises for an encrypted member or an unknown compression.
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


def read(package: Path, member: str | None) -> Iterator[bytes]:
    """Read a member of an archive piece by piece, or the whole file where no member is named.

    Raises:
        FetchError: The archive is broken or has no such member.
        StoreError: The file cannot be read.
    """
    if member is None:
        yield from disk.read_chunks(package)
        return
    try:
        with _open(package, member) as stream:
            while chunk := stream.read(disk.CHUNK_BYTES):
                yield chunk
    except KeyError as e:
        raise FetchError(f"cannot find {member} in {package.name}: the package has no such file") from e
    except _BROKEN as e:
        raise FetchError(f"cannot read {package.name}: it is not a whole archive ({e}); fetch it again") from e


@contextmanager
def _open(package: Path, member: str) -> Iterator[IO[bytes]]:
    """Open a member of either kind of archive; KeyError where there is none."""
    if zipfile.is_zipfile(package):
        with zipfile.ZipFile(package) as wheel, wheel.open(member) as stream:
            yield stream
        return
    with tarfile.open(package) as archive:
        file = archive.extractfile(member)
        if file is None:  # a folder or a device
            raise KeyError(member)
        yield file
