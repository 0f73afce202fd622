"""A moving test picture with a counter: ``pattern``, ``pattern:1280x720@30``, ``pattern:640x480@25,frames=100,live``.

The same frame number always gives the same pixels, and nobody's face is in it.
"""

from __future__ import annotations

import time

import cv2
import numpy as np

from edgefuse.clock import NS_PER_S, now_ns
from edgefuse.errors import SourceError
from edgefuse.vision.media.address import Mode, parse_address
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, SourceType, StreamFormat
from edgefuse.vision.types import Pixels

_DEFAULT = Mode(1280, 720, 30.0)
_SPEED_PX = 4  # a frame
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


class PatternSource:
    """Draws colour ramps that move to the left, a bouncing disc and the number of the frame."""

    def __init__(self, rest: str) -> None:
        try:
            address = parse_address(rest, _DEFAULT, words=("live",), numbers=("frames",), is_placeless=True)
        except ValueError as e:
            raise SourceError(
                f"cannot open pattern:{rest}: {e}; write it as pattern:1280x720@30 or pattern:1280x720@30,live"
            ) from e
        self._mode = address.mode
        self._frames = address.numbers.get("frames")
        self._is_live = "live" in address.words
        self._ramps: Pixels = np.zeros((0, 0, 3), np.uint8)
        self._index = 0
        self._start_ns = 0

    def open(self) -> StreamFormat:
        """Draw what stays the same."""
        self._ramps = _draw_ramps(self._mode.width_px, self._mode.height_px)
        self._index = 0
        mode = self._mode
        return StreamFormat(mode.width_px, mode.height_px, mode.rate_hz, self._frames, self._is_live)

    def read(self, buffer: Buffer) -> Capture | None:
        """Draw the next frame; a live pattern waits until it is due."""
        if self._index == self._frames:
            return None
        captured_ns = round(self._index * NS_PER_S / self._mode.rate_hz)
        if self._is_live:
            if self._index == 0:
                self._start_ns = now_ns()  # what was due while models were opened would come in one rush
            captured_ns += self._start_ns
            time.sleep(max(0, captured_ns - now_ns()) / NS_PER_S)
        pixels = buffer.view(self._mode.height_px, self._mode.width_px)
        self._draw(pixels)
        self._index += 1
        return Capture(pixels, captured_ns)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _draw(self, pixels: Pixels) -> None:
        height_px, width_px = pixels.shape[:2]
        shift = self._index * _SPEED_PX % width_px
        np.copyto(pixels[:, : width_px - shift], self._ramps[:, shift:])
        np.copyto(pixels[:, width_px - shift :], self._ramps[:, :shift])
        radius = max(2, height_px // 12)
        centre = (
            _bounce(self._index * _SPEED_PX, radius, width_px - radius),
            _bounce(self._index * _SPEED_PX // 2, radius, height_px - radius),
        )
        cv2.circle(pixels, centre, radius, _WHITE, cv2.FILLED, cv2.LINE_AA)
        scale = height_px / 240
        place = (height_px // 16, height_px // 6)
        for colour, thickness in ((_BLACK, 6), (_WHITE, 2)):
            weight = max(1, round(thickness * scale))
            cv2.putText(pixels, f"{self._index:06d}", place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, weight)


def _draw_ramps(width_px: int, height_px: int) -> Pixels:
    """Draw (height_px, width_px, 3): hue runs once around over the width, brightness falls from top to bottom."""
    hsv = np.empty((height_px, width_px, 3), np.uint8)
    hsv[:, :, 0] = np.arange(width_px) * 180 // width_px
    hsv[:, :, 1] = 160
    hsv[:, :, 2] = (220 - np.arange(height_px) * 160 // height_px)[:, None]
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)


def _bounce(way_px: int, low_px: int, high_px: int) -> int:
    """Give the place of something that runs to and fro between two walls."""
    span = max(1, high_px - low_px)
    phase = way_px % (2 * span)
    return low_px + min(phase, 2 * span - phase)


PLUGIN: SourceType = PatternSource
