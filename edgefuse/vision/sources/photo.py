"""A photo that sways, nods and comes nearer, as a clip: ``photo:face.jpg``, ``photo:face.jpg,1280x720@30,frames=300``.

It stands in for a camera where there is none, and for a clip where none can be fetched.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from edgefuse.clock import NS_PER_S
from edgefuse.errors import SourceError
from edgefuse.vision.face.geometry import Matrix
from edgefuse.vision.media.address import Mode, parse_address
from edgefuse.vision.media.picture import read_picture
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, SourceType, StreamFormat
from edgefuse.vision.types import Pixels

_DEFAULT = Mode(640, 480, 25.0)
_DEFAULT_FRAMES = 300
_FACE = (0.5, 0.3)
"""Where a portrait's face is, in units of the photo's width and height."""
_SWAY_SHARE, _NOD_SHARE, _APPROACH, _LEAN_RAD = 0.08, 0.05, 0.15, 0.15


class PhotoSource:
    """Moves a picture, which fills the frame, about the place where portraits have the face."""

    def __init__(self, rest: str) -> None:
        try:
            address = parse_address(rest, _DEFAULT, numbers=("frames",))
        except ValueError as e:
            raise SourceError(f"cannot open photo:{rest}: {e}; write it as photo:face.jpg,1280x720@30") from e
        self._path = address.place
        self._mode = address.mode
        self._frames = address.numbers.get("frames", _DEFAULT_FRAMES)
        self._photo: Pixels = np.zeros((0, 0, 3), np.uint8)
        self._index = 0

    def open(self) -> StreamFormat:
        """Read the picture.

        Raises:
            SourceError: There is no picture at that path.
        """
        try:
            self._photo = read_picture(Path(self._path))
        except (OSError, ValueError) as e:
            raise SourceError(f"cannot open photo:{self._path}: there is no picture that can be read") from e
        self._index = 0
        return StreamFormat(self._mode.width_px, self._mode.height_px, self._mode.rate_hz, self._frames)

    def read(self, buffer: Buffer) -> Capture | None:
        """Draw the next frame."""
        if self._index == self._frames:
            return None
        time_s = self._index / self._mode.rate_hz
        size = (self._mode.width_px, self._mode.height_px)
        pixels = buffer.view(self._mode.height_px, self._mode.width_px)
        matrix = _move(time_s, self._photo.shape, size)
        done = cv2.warpAffine(self._photo, matrix, size, dst=pixels, borderMode=cv2.BORDER_REFLECT_101)
        assert done is pixels, "OpenCV did not write into the buffer"
        self._index += 1
        return Capture(pixels, round(time_s * NS_PER_S))

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _move(time_s: float, shape: tuple[int, ...], size: tuple[int, int]) -> Matrix:
    """Give the 2x3 map from photo to frame at a time."""

    def wave(rate_hz: float) -> float:
        return math.sin(2 * math.pi * rate_hz * time_s)

    height_px, width_px = shape[:2]
    scale = max(size[0] / width_px, size[1] / height_px) * (1 + _APPROACH * (1 - math.cos(time_s)) / 2)
    angle = _LEAN_RAD * wave(0.3)
    turn = scale * np.array(((math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))))
    place = np.array((size[0] * (0.5 + _SWAY_SHARE * wave(0.4)), size[1] * (0.4 + _NOD_SHARE * wave(0.7))))
    return np.column_stack((turn, place - turn @ (width_px * _FACE[0], height_px * _FACE[1])))


PLUGIN: SourceType = PhotoSource
