"""Finding the size of a picture file as it is to be shown, from its header, without decoding it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import av

_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8"
# Start-of-frame markers of JPEG (ITU-T T.81, table B.1); C4, C8 and CC mean other things.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_APP1 = 0xE1
_JPEG_SCAN = 0xDA
_EXIF_ORIENTATION = 0x0112


def picture_size(path: Path) -> tuple[int, int]:
    """Give width and height in pixels after the rotation that the file's EXIF data asks for.

    Raises:
        ValueError: It is not a picture.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(24)
        if start.startswith(_PNG_START) and len(start) == 24:
            width_px, height_px = struct.unpack(">II", start[16:24])
            return width_px, height_px
        if start.startswith(_JPEG_START):
            return _jpeg_size(file)
    return _decoded_size(path)


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    is_turned = False
    for marker, data in _jpeg_segments(file):
        if marker == _JPEG_APP1 and data.startswith(b"Exif\0\0"):
            # Orientations 5 to 8 lie on their side.
            is_turned = _exif_orientation(data[6:]) >= 5
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


def _decoded_size(path: Path) -> tuple[int, int]:
    """Ask libav, which reads the headers of many kinds."""
    try:
        with av.open(f"file:{path}") as container:
            sizes = [(stream.width, stream.height) for stream in container.streams.video if stream.width]
    except av.FFmpegError as e:
        raise ValueError("it is not a picture") from e
    if not sizes:
        raise ValueError("it is not a picture")
    return sizes[0]
