"""Reading one picture, or all pictures of a folder by name, as if they were a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgefuse.clock import NS_PER_S
from edgefuse.errors import SourceError
from edgefuse.vision.media.picture import read_picture
from edgefuse.vision.media.picture_size import picture_size
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, StreamFormat
from edgefuse.vision.types import Pixels

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
# Pictures have no rate of their own; this one makes a folder written from a film play about right.
RATE_HZ = 25.0


class PictureFiles:
    """A source that reads a picture or a folder; each capture has the size of its own picture."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pictures: list[Path] = []
        self._index = 0

    def open(self) -> StreamFormat:
        """List the pictures and look for the largest.

        Raises:
            SourceError: There are none, or one is not a picture.
        """
        self._index = 0
        self._pictures = self._list_pictures()
        sizes = [_checked_size(path) for path in self._pictures]
        width_px, height_px = max(size[0] for size in sizes), max(size[1] for size in sizes)
        return StreamFormat(width_px, height_px, RATE_HZ, frames=len(sizes))

    def read(self, buffer: Buffer) -> Capture | None:
        """Decode the next picture: 8 bits a channel, without alpha, turned as its EXIF data says.

        Raises:
            SourceError: The picture is damaged.
        """
        if self._index == len(self._pictures):
            return None
        picture = _decode(self._pictures[self._index])
        height_px, width_px = picture.shape[:2]
        pixels = buffer.view(height_px, width_px)
        np.copyto(pixels, picture)
        captured_ns = round(self._index * NS_PER_S / RATE_HZ)
        self._index += 1
        return Capture(pixels, captured_ns)

    def close(self) -> None:
        """Forget the list."""
        self._pictures = []

    def _list_pictures(self) -> list[Path]:
        if not self._path.is_dir():
            if not self._path.exists():
                raise SourceError(f"cannot read {self._path}: no such file")
            return [self._path]
        try:
            pictures = sorted(path for path in self._path.iterdir() if path.suffix.lower() in SUFFIXES)
        except OSError as e:
            raise SourceError(f"cannot read {self._path}: {(e.strerror or str(e)).lower()}") from e
        if not pictures:
            raise SourceError(f"cannot read {self._path}: the folder holds no pictures ({' '.join(sorted(SUFFIXES))})")
        return pictures


def _checked_size(path: Path) -> tuple[int, int]:
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"cannot read {path}: the file is empty")
        return picture_size(path)
    except ValueError as e:
        raise SourceError(f"cannot read {path}: {e}") from e
    except OSError as e:
        raise SourceError(f"cannot read {path}: {(e.strerror or str(e)).lower()}") from e


def _decode(path: Path) -> Pixels:
    try:
        return read_picture(path)
    except ValueError as e:
        raise SourceError(f"cannot read {path}: {e}") from e
    except OSError as e:
        raise SourceError(f"cannot read {path}: {(e.strerror or str(e)).lower()}") from e
