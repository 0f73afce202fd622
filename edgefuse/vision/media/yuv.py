"""Exact conversion between planar 8-bit YUV and BGR, in fixed memory.

swscale's fast path darkens every pixel by 1.2 levels, its exact one takes 2.5 ms for a 720p frame, and OpenCV's
YUV codes know one matrix only. A matrix product in OpenCV is exact to rounding for every matrix and takes 0.8 ms
(one thread of a shared x86-64 machine).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.types import Pixels

Plane = NDArray[np.uint8]
"""(height, width) uint8; chroma planes may be half as wide, half as high or both."""


@dataclass(frozen=True, slots=True)
class YuvMatrix:
    """The weights of red and blue in luma, and the range of the values."""

    red: float
    blue: float
    is_full_range: bool = False

    def to_bgr(self) -> NDArray[np.float32]:
        """Give the (3, 4) matrix from Y, U, V and 1 to B, G, R, all 0..255."""
        from_bgr = np.vstack([self.from_bgr(), [0, 0, 0, 1]]).astype(np.float64)
        return np.linalg.inv(from_bgr)[:3].astype(np.float32)

    def from_bgr(self) -> NDArray[np.float32]:
        """Give the (3, 4) matrix from B, G, R and 1 to Y, U, V, all 0..255."""
        luma = np.array([self.blue, 1 - self.red - self.blue, self.red])
        blue_difference = (np.array([1, 0, 0]) - luma) / (2 * (1 - self.blue))
        red_difference = (np.array([0, 0, 1]) - luma) / (2 * (1 - self.red))
        # Limited range keeps 16..235 for luma and 16..240 for chroma (ITU-R BT.601 and BT.709).
        luma_scale, chroma_scale, black = (1.0, 1.0, 0) if self.is_full_range else (219 / 255, 224 / 255, 16)
        rows = np.stack([luma * luma_scale, blue_difference * chroma_scale, red_difference * chroma_scale])
        return np.hstack([rows, [[black], [128], [128]]]).astype(np.float32)


BT601 = YuvMatrix(0.299, 0.114)
BT709 = YuvMatrix(0.2126, 0.0722)
BT2020 = YuvMatrix(0.2627, 0.0593)


def usual_matrix(height_px: int) -> YuvMatrix:
    """Give the matrix that players take for pictures of this height when the file does not say."""
    return BT709 if height_px >= 720 else BT601


class YuvToBgr:
    """Converts planes of one size, one layout and one matrix."""

    def __init__(self, width_px: int, height_px: int, matrix: YuvMatrix) -> None:
        self._size = (width_px, height_px)
        self._matrix = matrix.to_bgr()
        self._chroma: tuple[Plane, Plane] = (
            np.empty((height_px, width_px), np.uint8),
            np.empty((height_px, width_px), np.uint8),
        )
        self._yuv: Pixels = np.empty((height_px, width_px, 3), np.uint8)

    def convert(self, planes: Sequence[Plane], out: Pixels) -> None:
        """Convert Y, U and V planes; ``out`` is (height_px, width_px, 3) and is written in place."""
        luma, *chroma = planes
        full = [
            plane if plane.shape == luma.shape else _resize(plane, self._size, scratch)
            for plane, scratch in zip(chroma, self._chroma, strict=True)
        ]
        cv2.merge([luma, *full], dst=self._yuv)
        done = cv2.transform(self._yuv, self._matrix, dst=out)
        assert done is out, "the destination has another shape than the picture"


class BgrToYuv420:
    """Converts BGR pictures of one even size into the planes of 4:2:0, chroma averaged over 2x2 pixels."""

    def __init__(self, width_px: int, height_px: int, matrix: YuvMatrix) -> None:
        self._half_size = (width_px // 2, height_px // 2)
        self._matrix = matrix.from_bgr()
        self._yuv: Pixels = np.empty((height_px, width_px, 3), np.uint8)
        self._half: Pixels = np.empty((height_px // 2, width_px // 2, 3), np.uint8)

    def convert(self, pixels: Pixels, planes: Sequence[Plane]) -> None:
        """Convert a picture into Y (height_px, width_px), U and V of half the size, written in place."""
        cv2.transform(pixels, self._matrix, dst=self._yuv)
        cv2.resize(self._yuv, self._half_size, dst=self._half, interpolation=cv2.INTER_AREA)
        for channel, (picture, plane) in enumerate(zip((self._yuv, self._half, self._half), planes, strict=True)):
            done = cv2.extractChannel(picture, channel, dst=plane)
            assert done is plane, "the plane has another shape than the picture"


def _resize(plane: Plane, size: tuple[int, int], scratch: Plane) -> Plane:
    """Bring a chroma plane to the size of luma by repeating its values, as decoders of the web do."""
    cv2.resize(plane, size, dst=scratch, interpolation=cv2.INTER_NEAREST)
    return scratch
