"""Draws what is known of the faces into the frame: boxes, ids, landmarks, the five points. For people only."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Face, Packet, Pixels, Points

FOLLOWED, DETECTED, MESH, POINT = (0, 255, 0), (0, 165, 255), (255, 255, 0), (0, 0, 255)
"""Colours, BGR."""


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
    colour = FOLLOWED if face.track_id else DETECTED
    x1, y1, x2, y2 = np.clip(face.box, -10_000, 10_000).astype(int).tolist()  # OpenCV's lines overflow far outside
    cv2.rectangle(pixels, (x1, y1), (x2, y2), colour, 1)
    label = f"{face.track_id} {face.score:.2f}" if face.track_id else f"{face.score:.2f}"
    cv2.putText(pixels, label, (x1, y1 - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1)
    if face.mesh is not None:
        _dot(pixels, face.mesh, MESH)
    points = face.eyes if face.points is None else face.points
    for shift in ((0, 0), (1, 0), (0, 1), (1, 1)):
        _dot(pixels, points[:, :2] + np.array(shift, np.float32), POINT)


def _dot(pixels: Pixels, points: Points, colour: tuple[int, int, int]) -> None:
    """Colour one pixel for each point that lies in the frame."""
    height_px, width_px = pixels.shape[:2]
    x, y = np.round(points[:, 0]), np.round(points[:, 1])
    is_inside = (x >= 0) & (x < width_px) & (y >= 0) & (y < height_px)
    pixels[y[is_inside].astype(int), x[is_inside].astype(int)] = colour


PLUGIN: StageType = StageType(Options, DrawFaces, thread="compose")
