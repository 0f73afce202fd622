"""Faces that are no longer followed but get their id back if they reappear soon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.geometry import box_overlap
from edgefuse.vision.face.identity import Sketch, strangeness, unlikeness
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
"""How far from where it was alone or from who hid it, in sizes of itself, a face may come out."""
MAX_UNLIKENESS = 1.0
"""What comes out elsewhere than presumed, as when people who meet stop to talk, must look like it."""


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
        presumed = self.presumed(now_ns)
        if presumed is None:
            return box_overlap(detected.box, self.face.box) > SAME_FACE_OVERLAP
        return box_overlap(box, presumed.box) > SAME_FACE_OVERLAP or self._is_near_and_alike(box, look)

    def _is_near_and_alike(self, box: NDArray[np.float32], look: Look) -> bool:
        """Tell whether a face comes out near where this one was alone or near who hid it, and looks like it."""
        if self.hidden_by is None or self.sketch is None:
            return False
        middle, hider = ((around[:2] + around[2:]) / 2 for around in (box, self.hidden_by.face.box))
        way_px = min(float(np.linalg.norm(middle - place)) for place in (self.sketch.centre, hider))
        return way_px < HIDDEN_REACH * self.sketch.size_px and unlikeness(self.sketch, look) < MAX_UNLIKENESS

    def presumed(self, now_ns: int) -> Face | None:
        """Give a face without id and mesh, in a box around where it was alone, was heading, and was last followed."""
        if self.hidden_by is None or self.sketch is None:
            return None
        half = (self.face.box[2:] - self.face.box[:2]) / 2
        places = np.stack((self.sketch.centre, self.sketch.centre_at(now_ns), self.face.box[:2] + half))
        box = np.concatenate((places.min(axis=0) - half, places.max(axis=0) + half))
        return Face(box=box, score=self.face.score, eyes=self.face.eyes)

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

    def hidden(self, now_ns: int) -> list[Face]:
        """Give those that must still be behind somebody: see ``Lost.presumed``."""
        presumed = (lost.presumed(now_ns) for lost in self._lost if lost.is_remembered(now_ns))
        return [face for face in presumed if face is not None]

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
