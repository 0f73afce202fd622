"""Finding the size of a picture file as it is to be shown; of PNG and JPEG without decoding it."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edgefuse.vision.media.picture import read_picture

_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8"
# Start-of-frame markers of JPEG (ITU-T T.81, table B.1); C4, C8 and CC mean other things.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_APP1 = 0xE1
_JPEG_SCAN = 0xDA
_EXIF_ORIENTATION = 0x0112
_FIRST_SIDEWAYS = 5  # orientations 5 to 8 lie on their side


def picture_size(path: Path) -> tuple[int, int]:
    """Give width and height in pixels after the rotation that the file's EXIF data asks for.

    Raises:
        ValueError: It is not a picture.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(24)
        if start.startswith(_PNG_START) and len(start) == 24:
            return _png_size(file)
        if start.startswith(_JPEG_START):
            return _jpeg_size(file)
    try:
        height_px, width_px = read_picture(path).shape[:2]
    except ValueError as e:
        raise ValueError("it is not a picture") from e
    return width_px, height_px


def _png_size(file: BinaryIO) -> tuple[int, int]:
    width_px = height_px = 0
    for kind, data in _png_chunks(file):
        if kind == b"IHDR" and len(data) >= 8:
            width_px, height_px = struct.unpack(">II", data[:8])
        if kind == b"eXIf" and _exif_orientation(data) >= _FIRST_SIDEWAYS:
            width_px, height_px = height_px, width_px
    return width_px, height_px


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Give kind and content of each chunk that is not the picture itself; EXIF data may stand after that."""
    file.seek(len(_PNG_START))
    while len(head := file.read(8)) == 8:
        size_bytes, kind = struct.unpack(">I4s", head)
        end = file.tell() + size_bytes + 4  # a checksum follows
        if kind != b"IDAT":
            yield kind, file.read(size_bytes)
        file.seek(end, os.SEEK_SET)


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    is_turned = False
    for marker, data in _jpeg_segments(file):
        if marker == _JPEG_APP1 and data.startswith(b"Exif\0\0"):
            is_turned = _exif_orientation(data[6:]) >= _FIRST_SIDEWAYS
        if marker in _JPEG_FRAMES and len(data) >= 5:
            height_px, width_px = struct.unpack(">HH", data[1:5])
            return (height_px, width_px) if is_turned else (width_px, height_px)
    raise ValueError("the header of the JPEG file is damaged")


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Give marker and content of each segment before the first scan."""
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] != _JPEG_SCAN:
        yield head[1], file.read(int.from_bytes(head[2:], "big") - 2)


def _exif_orientation(tiff: bytes) -> int:
    """Give the orientation tag of the first directory, 1 (upright) where there is none."""
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (offset,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, offset)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, offset + 2 + 12 * entry)
            if tag == _EXIF_ORIENTATION:
                return int(value)
    except struct.error:
        pass  # Cut short: OpenCV, which decodes the picture, does not turn it either.
    return 1
