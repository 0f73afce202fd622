"""Fits a whole frame into a square input: scaled down, centred, with black bars."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.types import Pixels


class Letterbox:
    """The square picture and how it lies over the frame that was written last."""

    def __init__(self, size_px: int) -> None:
        self.picture: Pixels = np.zeros((size_px, size_px, 3), np.uint8)
        self._size_px = size_px
        self._frame_shape: tuple[int, ...] = ()

    def write(self, pixels: Pixels) -> None:
        """Scale a frame of any size into the picture."""
        if pixels.shape != self._frame_shape:
            self._fit(pixels.shape)
        height_px, width_px = self._inside.shape[:2]
        done = cv2.resize(pixels, (width_px, height_px), dst=self._inside, interpolation=cv2.INTER_LINEAR)
        assert done is self._inside

    def to_frame(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map (…, 2) points of the picture to the frame."""
        mapped: NDArray[np.float32] = (points - self._offset) * self._scale
        return mapped

    def _fit(self, frame_shape: tuple[int, ...]) -> None:
        """Lay the picture out for frames of another size."""
        frame = np.array((frame_shape[1], frame_shape[0]))  # x before y, like points
        inside = np.maximum(np.round(frame * (self._size_px / frame.max())), 1).astype(int)
        left, top = (self._size_px - inside) // 2
        width, height = inside
        self.picture[:] = 0
        self._inside = self.picture[top : top + height, left : left + width]
        self._offset = np.array((left, top), np.float32)
        self._scale = (frame / inside).astype(np.float32)
        self._frame_shape = frame_shape
