"""Draws what is known of the faces into the frame: boxes, ids, landmarks, the five points. For people only."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Face, Packet, Pixels, Points

FOLLOWED, DETECTED, MESH, POINT, TEXT = (80, 220, 80), (0, 165, 255), (255, 255, 0), (60, 60, 255), (0, 0, 0)
"""Colours, BGR."""
LINE_SHARE = 1 / 400
"""Width of a line in units of the frame's shorter side. Encoders halve the resolution of colour, so that dots of one
pixel would be lost in a large frame."""
LETTERS_LINES = 11
"""Height of the letters in widths of a line."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT_PX = 22  # of a capital at scale 1


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to choose: everything that is known is drawn."""


class DrawFaces:
    """Keeps nothing."""

    def __init__(self, _options: Options, _context: StageContext) -> None: ...

    def run(self, packet: Packet) -> Packet:
        """Draw into the frame."""
        for face in packet.faces:
            _draw(packet.frame.pixels, face)
        return packet

    def close(self) -> None:
        """Nothing is open."""


def _draw(pixels: Pixels, face: Face) -> None:
    """Draw one face."""
    line_px = max(1, round(min(pixels.shape[:2]) * LINE_SHARE))
    colour = FOLLOWED if face.track_id else DETECTED
    if face.mesh is not None:
        _dot(pixels, face.mesh, line_px, MESH)
    _dot(pixels, face.eyes if face.points is None else face.points, 2 * line_px + 1, POINT)
    x1, y1, x2, y2 = np.clip(face.box, -10_000, 10_000).astype(int).tolist()  # OpenCV's lines overflow far outside
    cv2.rectangle(pixels, (x1, y1), (x2, y2), colour, line_px)
    name = f"#{face.track_id} " if face.track_id else ""
    _write(pixels, f"{name}{face.score:.2f}", (x1, y1), line_px, colour)


def _write(pixels: Pixels, text: str, place: tuple[int, int], line_px: int, colour: tuple[int, int, int]) -> None:
    """Write on a coloured ground that stands on a place, or as near to it as the frame has room."""
    letters_px = max(10, LETTERS_LINES * line_px)  # lower letters run together
    scale = letters_px / _FONT_HEIGHT_PX
    width_px = cv2.getTextSize(text, _FONT, scale, line_px)[0][0] + letters_px
    x = max(0, min(place[0], pixels.shape[1] - width_px))
    y = max(2 * letters_px, min(place[1], pixels.shape[0]))
    cv2.rectangle(pixels, (x, y - 2 * letters_px), (x + width_px, y), colour, cv2.FILLED)
    foot = (x + letters_px // 2, y - letters_px // 2)
    cv2.putText(pixels, text, foot, _FONT, scale, TEXT, line_px, cv2.LINE_AA)


def _dot(pixels: Pixels, points: Points, side_px: int, colour: tuple[int, int, int]) -> None:
    """Colour a square around each point, as far as it lies in the frame."""
    height_px, width_px = pixels.shape[:2]
    steps = np.indices((side_px, side_px)).reshape(2, -1, 1) - side_px // 2
    x, y = np.round(points[:, 0]) + steps[0], np.round(points[:, 1]) + steps[1]
    is_inside = (x >= 0) & (x < width_px) & (y >= 0) & (y < height_px)
    pixels[y[is_inside].astype(int), x[is_inside].astype(int)] = colour


PLUGIN: StageType = StageType(Options, DrawFaces, thread="compose")
