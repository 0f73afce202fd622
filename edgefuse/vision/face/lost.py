"""Faces that are no longer followed but get their id back if they reappear soon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.geometry import box_overlap
from edgefuse.vision.face.identity import Sketch, deviation, strangeness, unlikeness
from edgefuse.vision.face.patches import Look
from edgefuse.vision.face.smooth import gap_s
from edgefuse.vision.face.track import Track
from edgefuse.vision.types import Face

SAME_FACE_OVERLAP = 0.5
"""Boxes that share more than this of the smaller one are the same face. MediaPipe takes an IoU of 0.5, which the tight
box of a detector and the wide one of a mesh seldom reach on a tilted face."""

HIDDEN_S = 3.0
"""A face that went behind another keeps its id for so long: people who pass each other need about one second."""
HIDDEN_REACH = 1.5
"""It comes out within so many sizes of itself from where it was, from where it was heading, or from who hid it."""
MAX_UNLIKENESS, MAX_DEVIATION = 1.0, 0.35
"""What comes out must look like it or be where it was heading, one of both: half of it is still hidden at first, and
people who meet stop to talk. See ``identity``."""


@dataclass(frozen=True, slots=True)
class Lost:
    """One of them."""

    face: Face
    """As last told."""
    sketch: Sketch | None
    captured_ns: int
    """When it was lost."""
    hidden_by: Track | None = None
    """Who it went behind."""

    def is_remembered(self, now_ns: int) -> bool:
        """Tell whether it may still get its id back."""
        if self.hidden_by is None:
            return gap_s(self.captured_ns, now_ns) is not None
        return 0 <= now_ns - self.captured_ns <= HIDDEN_S * NS_PER_S

    def may_be(self, detected: Face, box: NDArray[np.float32], look: Look, now_ns: int) -> bool:
        """Tell whether a face that appears can be this one."""
        if self.hidden_by is None or self.sketch is None:
            return box_overlap(detected.box, self.face.box) > SAME_FACE_OVERLAP
        middle, hider = ((around[:2] + around[2:]) / 2 for around in (box, self.hidden_by.face.box))
        places = (self.sketch.centre, self.sketch.centre_at(now_ns), hider)
        way_px = min(float(np.linalg.norm(middle - place)) for place in places)
        is_like = unlikeness(self.sketch, look) < MAX_UNLIKENESS
        return way_px < HIDDEN_REACH * self.sketch.size_px and (
            is_like or deviation(self.sketch, box, now_ns) < MAX_DEVIATION
        )

    def strangeness(self, box: NDArray[np.float32], look: Look, now_ns: int) -> float:
        """Tell how unlikely a face is to be this one; one that was always alone in the picture is always welcome."""
        return 0.0 if self.sketch is None else strangeness(self.sketch, look, box, now_ns)


class LostFaces:
    """All of them."""

    def __init__(self) -> None:
        self._lost: list[Lost] = []

    def add(self, lost: Lost) -> None:
        """Remember a face that was lost in this frame; those lost too long ago are forgotten."""
        self._lost = [other for other in self._lost if other.is_remembered(lost.captured_ns)]
        self._lost.append(lost)

    def has_any(self, now_ns: int) -> bool:
        """Tell whether anybody could come back."""
        return any(lost.is_remembered(now_ns) for lost in self._lost)

    def take_back(self, detected: Face, box: NDArray[np.float32], look: Look, now_ns: int) -> int | None:
        """Give the id of the lost face that a face is, the likeliest if it could be several, and forget it.

        Args:
            detected: As the detector saw it.
            box: (4,) x1 y1 x2 y2 around its mesh.
            look: As it looks.
            now_ns: When the frame was captured.
        """
        remembered = [lost for lost in self._lost if lost.is_remembered(now_ns)]
        possible = [lost for lost in remembered if lost.may_be(detected, box, look, now_ns)]
        back = min(possible, key=lambda lost: lost.strangeness(box, look, now_ns), default=None)
        self._lost = [lost for lost in remembered if lost is not back]
        return None if back is None else back.face.track_id
