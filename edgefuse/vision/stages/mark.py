"""Writes "synthetic" into a corner of every frame that passes an effect which makes faces.

Every frame, also those without a fused face: a viewer cannot tell which those are, a label that comes and goes draws
the eye, and a clip that is cut anywhere stays labelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Packet

TEXT = "synthetic"
HEIGHT_SHARE = 1 / 28
"""Height of the letters in units of the frame's shorter side: legible after scaling down to a phone."""
MIN_HEIGHT_PX = 9
"""Lower letters of OpenCV's font run together."""

HALO_STRENGTH = 0.7
"""How much of the ground the halo takes away."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT_PX = 22  # of a capital at scale 1


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the label is; that it is there cannot be changed."""

    corner: Literal["top_left", "top_right", "bottom_left", "bottom_right"] = "bottom_right"


@dataclass(frozen=True, slots=True)
class Label:
    """The label drawn once: white letters in a dark halo, which reads on every ground."""

    weight: NDArray[np.uint8]
    """(height, width, 3): share of the frame that stays, 255 all."""
    light: NDArray[np.uint8]
    """(height, width, 3): added to what stays."""


class Mark:
    """The label, drawn for each size of frame when it is first seen."""

    def __init__(self, options: Options, context: StageContext) -> None:
        self._corner = options.corner
        self._size = (context.height_px, context.width_px)
        self._label = _draw(*self._size)

    def run(self, packet: Packet) -> Packet:
        """Draw the label into the frame's pixels."""
        pixels = packet.frame.pixels
        if pixels.shape[:2] != self._size:
            self._size = (pixels.shape[0], pixels.shape[1])
            self._label = _draw(*self._size)
        height, width = self._label.weight.shape[:2]
        top = 0 if self._corner.startswith("top") else pixels.shape[0] - height
        left = 0 if self._corner.endswith("left") else pixels.shape[1] - width
        place = pixels[top : top + height, left : left + width]
        cv2.multiply(place, self._label.weight, dst=place, scale=1 / 255)
        done = cv2.add(place, self._label.light, dst=place)
        assert done is place, "OpenCV did not write into the frame"
        return packet

    def close(self) -> None:
        """Nothing is open."""


def _draw(height_px: int, width_px: int) -> Label:
    """Draw the label for frames of a size; smaller than it is, only where it would not fit."""
    letters_px = max(MIN_HEIGHT_PX, round(min(height_px, width_px) * HEIGHT_SHARE))
    scale, stroke_px = letters_px / _FONT_HEIGHT_PX, max(1, round(letters_px / 9))
    (text_px, _), below_px = cv2.getTextSize(TEXT, _FONT, scale, stroke_px)
    border_px = round(letters_px * 0.7)
    letters = np.zeros((letters_px + below_px + 2 * border_px, text_px + 2 * border_px), np.uint8)
    cv2.putText(letters, TEXT, (border_px, border_px + letters_px), _FONT, scale, 255, stroke_px, cv2.LINE_AA)
    # Grown from the letters: OpenCV 5 sets thicker text wider, so that text in a heavier stroke would not lie behind.
    side = 2 * stroke_px + 1
    halo = cv2.dilate(letters, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * side - 1, 2 * side - 1)))
    halo = np.asarray(cv2.blur(halo, (side, side)) * HALO_STRENGTH, np.uint8)
    stays = 255 - np.maximum(halo, letters)
    weight, light = (np.repeat(plane[:height_px, :width_px, np.newaxis], 3, axis=2) for plane in (stays, letters))
    return Label(np.ascontiguousarray(weight), np.ascontiguousarray(light))


PLUGIN: StageType = StageType(Options, Mark, thread="compose")
