"""Writing frames as pictures: one file, or numbered files in a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2

from edgefuse.errors import SinkError
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame

NUMBER = "%d"
"""Stands for the number of the frame in a file name."""
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)  # keeps a clear picture above 40 dB
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)  # three times as fast as the default, and 10 % larger
SUFFIXES = {".jpeg": _JPEG, ".jpg": _JPEG, ".png": _PNG}
"""Endings of file names, each with its encoder's options."""


class PictureWriter:
    """A sink that writes each frame as a picture; a name without ``%d`` takes one frame."""

    is_live = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_numbered = NUMBER in path.name
        self._written = 0

    def open(self, stream: StreamFormat) -> None:
        """Make the folder of numbered pictures, or see that one picture can be written.

        Raises:
            SinkError: The folder cannot be made or written, or more frames will come than there is room for.
        """
        self._written = 0
        if not self._is_numbered and stream.frames != 1:
            raise SinkError(self._too_many())
        folder = self._path.parent
        try:
            if self._is_numbered:
                folder.mkdir(exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as e:
            raise SinkError(f"cannot write {self._path}: {(e.strerror or str(e)).lower()}") from e

    def write(self, frame: Frame) -> None:
        """Write one picture.

        Raises:
            SinkError: The disk is full, or a second frame came for one picture; earlier pictures are whole.
        """
        if self._written and not self._is_numbered:
            raise SinkError(self._too_many())
        path = self._path.with_name(self._path.name.replace(NUMBER, f"{frame.index:06d}"))
        suffix = path.suffix.lower()
        _, encoded = cv2.imencode(suffix, frame.pixels, SUFFIXES[suffix])
        part = path.with_name(f"{path.stem}.part{path.suffix}")
        try:
            part.write_bytes(encoded.data)
            part.replace(path)
        except OSError as e:
            part.unlink(missing_ok=True)
            text = (e.strerror or str(e)).lower()
            raise SinkError(f"cannot write {path}: {text.removesuffix(' on device')}") from e
        self._written += 1

    def close(self) -> None:
        """Do nothing: every picture is whole already."""

    def _too_many(self) -> str:
        return (
            f"cannot write {self._path}: it takes one picture and the source gives more; name a video (out.mp4) "
            "or a folder (out/)"
        )
