"""Who is who when faces meet: each is remembered by what it looked like and where it was heading while it was alone.

Pure decisions, without pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.patches import Look, load_patches
from edgefuse.vision.face.smooth import gap_s

LOOK_SHARE = 0.1
"""Of the way to the look just seen, each frame: what is remembered is the mean of about ten frames."""
SPEED_SHARE = 0.2
MAX_CHANGE = 0.5
"""Of a logarithm; hair or a hand before one patch shall not weigh more than that."""
USUAL_CHANGE = 0.1
"""Mean change of a face's look from frame to frame and pose to pose; that of two people is twice to five times it."""
MAX_WAY = 1.0
"""In faces: who is further from where it was heading is not even less likely to be the one."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is remembered of one face."""

    look: Look
    centre: NDArray[np.float32]
    """(2,) pixels of the frame."""
    velocity: NDArray[np.float32]
    """(2,) pixels a second."""
    size_px: float
    captured_ns: int

    def centre_at(self, now_ns: int) -> NDArray[np.float32]:
        """Give where the face should be if it went on as it did."""
        elapsed_s = gap_s(self.captured_ns, now_ns) or 0.0
        place: NDArray[np.float32] = self.centre + self.velocity * np.float32(elapsed_s)
        return place


def sketch(before: Sketch | None, look: Look, box: NDArray[np.float32], now_ns: int) -> Sketch:
    """Remember a face that nobody is near.

    Args:
        before: What was remembered of it until now.
        look: As it looks in this frame.
        box: (4,) x1 y1 x2 y2.
        now_ns: When the frame was captured.
    """
    centre, size_px = _centre_and_size(box)
    elapsed_s = None if before is None else gap_s(before.captured_ns, now_ns)
    if before is None or elapsed_s is None:
        return Sketch(look, centre, np.zeros(2, np.float32), size_px, now_ns)
    speed = (centre - before.centre) / np.float32(elapsed_s)
    velocity = before.velocity + np.float32(SPEED_SHARE) * (speed - before.velocity)
    return Sketch(before.look + np.float32(LOOK_SHARE) * (look - before.look), centre, velocity, size_px, now_ns)


def unlikeness(known: Sketch, look: Look) -> float:
    """Tell how different a look is from the one that is remembered: 1 is usual for one person."""
    change = np.abs(look - known.look)[:, load_patches().is_face]
    return float(np.minimum(change, MAX_CHANGE).mean()) / USUAL_CHANGE


def deviation(known: Sketch, box: NDArray[np.float32], now_ns: int) -> float:
    """Tell how far a box is from where the face was heading, in sizes of the face, and how much larger or smaller."""
    centre, size_px = _centre_and_size(box)
    way = float(np.linalg.norm(centre - known.centre_at(now_ns))) / known.size_px
    return min(way, MAX_WAY) + abs(float(np.log(max(size_px, 1.0) / known.size_px)))


def strangeness(known: Sketch, look: Look, box: NDArray[np.float32], now_ns: int) -> float:
    """Tell how unlikely a face is to be the one that is remembered, by look and place together."""
    return unlikeness(known, look) + deviation(known, box, now_ns)


def _centre_and_size(box: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Give the middle of a box and its diagonal."""
    centre: NDArray[np.float32] = (box[:2] + box[2:]) * np.float32(0.5)
    return centre, float(np.linalg.norm(box[2:] - box[:2]))
