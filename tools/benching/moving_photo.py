"""A photo that moves in a known way before a blurred background, with the noise of a camera."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.geometry import Matrix
from edgefuse.vision.types import Pixels

FACE_IN_PHOTO = (224.0, 118.0)
"""The point of the photo that the motion turns around and brings to the middle of the frame."""
SCALE = 1.75
NOISE_LEVELS = 4.0
"""Spread of the noise in levels of 0..255, a webcam's in a lit room."""
STILL_SHARE = 0.25
"""Of the clip, at its end, where nothing moves: what moves there is jitter of whoever measures."""
EASE_S = 0.5
FEATHER_PX = 24
"""Of the photo's border."""


class TrueFrame(msgspec.Struct, frozen=True):
    """Where the photo is in one frame."""

    matrix: tuple[tuple[float, ...], ...]
    """2x3, from pixels of the photo to pixels of the frame."""
    is_still: bool


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """The motion of a clip."""

    v: int = 1
    photo_sha256: str
    rate_hz: float
    noise_levels: float = NOISE_LEVELS
    frames: tuple[TrueFrame, ...]


class MovingPhoto:
    """Draws the frames of a clip, and knows the motion before it draws."""

    def __init__(self, photo: Path, count: int, size: tuple[int, int], rate_hz: float) -> None:
        picture = cv2.imread(str(photo), cv2.IMREAD_COLOR)
        assert picture is not None  # its sha256 was checked when it came
        self._photo = np.asarray(picture, np.uint8)
        self._size = size
        moving_s = count * (1 - STILL_SHARE) / rate_hz
        self._matrices = [_move(min(index / rate_hz, moving_s), moving_s, size) for index in range(count)]
        self.truth = Truth(
            photo_sha256=hashlib.sha256(photo.read_bytes()).hexdigest(),
            rate_hz=rate_hz,
            frames=tuple(
                TrueFrame(tuple(map(tuple, matrix.tolist())), is_still=index / rate_hz >= moving_s)
                for index, matrix in enumerate(self._matrices)
            ),
        )

    def draw(self) -> Iterator[Pixels]:
        """Give one frame after the other, the same on every run."""
        height_px, width_px = self._size
        background = _background(self._photo, self._size)
        share = _feathered(self._photo.shape[:2])
        random = np.random.default_rng(0)
        noise = random.normal(0, NOISE_LEVELS, (height_px * 2, width_px, 3)).astype(np.float32)
        for matrix in self._matrices:
            photo, cover = (
                cv2.warpAffine(picture, matrix, (width_px, height_px), flags=cv2.INTER_CUBIC).astype(np.float32)
                for picture in (self._photo, share)
            )
            start = random.integers(height_px)
            mixed = background + (photo - background) * np.clip(cover, 0, 1)[:, :, None]
            yield np.clip(np.rint(mixed + noise[start : start + height_px]), 0, 255).astype(np.uint8)


def _move(time_s: float, moving_s: float, size: tuple[int, int]) -> Matrix:
    """Give the map from photo to frame: sway, nod, lean and approach, easing in and out of rest."""
    ease = _smooth_step(time_s / EASE_S) * _smooth_step((moving_s - time_s) / EASE_S)
    wave = {rate_hz: ease * np.sin(2 * np.pi * rate_hz * time_s) for rate_hz in (0.4, 0.5, 0.6, 0.9)}
    scale, angle = SCALE * (1 + 0.1 * wave[0.4]), 0.15 * wave[0.5]
    turn = scale * np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    place = np.array((size[1] / 2 + 120 * wave[0.6], size[0] / 2 + 40 * wave[0.9]))
    return np.column_stack((turn, place - turn @ FACE_IN_PHOTO))


def _smooth_step(value: float) -> float:
    value = min(max(value, 0.0), 1.0)
    return value * value * (3 - 2 * value)


def _background(photo: Pixels, size: tuple[int, int]) -> NDArray[np.float32]:
    """Give the photo's colours without its shapes, so that no second face is in the clip."""
    stretched = cv2.resize(photo, size[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(stretched, (0, 0), 90).astype(np.float32)


def _feathered(size: tuple[int, int]) -> NDArray[np.float32]:
    """Give the photo's share of each of its pixels: 1 inside, falling to 0 at the border."""
    rows, columns = (np.minimum(np.arange(side), np.arange(side)[::-1]) / FEATHER_PX for side in size)
    return np.minimum(1, np.minimum(rows[:, None], columns[None, :])).astype(np.float32)
