"""What speaks for and against fusing a face in one frame, and how much of it is too much."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edgefuse.vision.face.geometry import box_around, box_overlap
from edgefuse.vision.fusion.occlusion import COVERED_SHARE
from edgefuse.vision.fusion.presence import Trust
from edgefuse.vision.types import Face

MIN_FACE_PX = 12
"""Smaller faces show nothing that could be replaced."""
MAX_FACE_FRAMES = 8.0
"""A face so many times longer than the frame is an error of the model."""


@dataclass(frozen=True, slots=True)
class Signs:
    """Each between 0 and 1; the first three are good if large, the others if small."""

    score: float
    """How sure the mesh model is."""
    facing: float
    """Cosine between where the face looks and the camera."""
    in_frame: float
    """Share of its patches that lie in the frame."""
    covered: float
    """See ``Occlusion.compare``."""
    parsed: float
    """See ``Covering.share``; 0 where no model was asked."""
    overlapped: float
    """Share of its box, or of the other if that is smaller, that it has in common with another face."""


TRUSTED: Final = Signs(score=0.9, facing=0.64, in_frame=0.7, covered=0.85 * COVERED_SHARE, parsed=0.2, overlapped=0.15)
"""As good as this in everything, a face is fused. 0.64 is 50 degrees."""
DOUBTED: Final = Signs(score=0.7, facing=0.57, in_frame=0.6, covered=COVERED_SHARE, parsed=0.3, overlapped=0.25)
"""Worse than this in anything, it is not. 0.57 is 55 degrees, where the far eye goes out of sight; with less than 60 %
of a face in view the mesh model guesses. Clear faces are parsed as 0.1 at most, with a hand over the chin as 0.5 at
least. The gaps between the two lists keep faces at a limit from flickering."""


def trust(signs: Signs) -> Trust:
    """Sum up the signs of a frame."""
    if not _as_good(signs, DOUBTED):
        return Trust.DOUBT
    return Trust.TRUST if _as_good(signs, TRUSTED) else Trust.UNDECIDED


def has_usable_mesh(face: Face, frame_px: int) -> bool:
    """Tell whether the mesh of a face is one: finite, and of a size that a face can have."""
    if face.mesh is None or not math.isfinite(face.mesh.sum()):
        return False
    x1, y1, x2, y2 = box_around(face.mesh).tolist()
    return bool(MIN_FACE_PX <= max(x2 - x1, y2 - y1) <= MAX_FACE_FRAMES * frame_px)


def overlap_with_others(face: Face, faces: Iterable[Face]) -> float:
    """Give the largest overlap of a face with another; which of the two is behind cannot be told."""
    return max((box_overlap(face.box, other.box) for other in faces if other is not face), default=0.0)


def _as_good(signs: Signs, limits: Signs) -> bool:
    return (
        signs.score >= limits.score
        and signs.facing >= limits.facing
        and signs.in_frame >= limits.in_frame
        and signs.covered <= limits.covered
        and signs.parsed <= limits.parsed
        and signs.overlapped <= limits.overlapped
    )
