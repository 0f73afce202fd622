"""What travels through a pipeline: frames, faces, packets."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefuse.config.profile import OperatingPoint
from edgefuse.vision.pool import Buffer

Pixels = NDArray[np.uint8]
"""(height, width, 3) uint8, BGR, 0..255."""

Points = NDArray[np.float32]
"""(N, 2) or (N, 3) float32: x to the right, y down, in pixels of the frame; z away from the camera in the same unit."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source."""

    pixels: Pixels
    """A view into ``buffer``; compose stages draw into it in place."""
    index: int
    """Counts up from 0 over everything that the source gave, skipped frames included."""
    captured_ns: int
    """When it was captured: monotonic for live sources, time of presentation for files."""
    buffer: Buffer


@dataclass(frozen=True, slots=True)
class Face:
    """One face of one frame; each stage of the find step fills in what it knows."""

    box: NDArray[np.float32]
    """(4,) float32: x1 y1 x2 y2 in pixels of the frame; may reach over its border."""
    score: float
    """0..1, how sure the last model that looked at it was."""
    eyes: Points
    """(2, 2): centres of the eye on the left of the picture, then of the one on the right."""
    mesh: Points | None = None
    """(468, 3) landmarks in MediaPipe's order."""
    points: Points | None = None
    """(5, 2): left eye, right eye, nose, left and right corner of the mouth, as seen in the picture."""
    track_id: int = 0
    """Stays with a person from frame to frame, counts up from 1; 0 before tracking."""
    embedding: NDArray[np.float32] | None = None
    """(D,) float32, L2-normalised; comparable only within one embedding space."""


class Search(enum.Enum):
    """How well the faces of a packet are known; what fails closed decides by it."""

    NONE = "nobody has looked at this frame"
    FAILED = "a model failed on this frame"
    TRACKED = "known faces were followed, the rest of the frame was not looked at"
    WHOLE = "a detector has looked at the whole frame"


@dataclass(frozen=True, slots=True)
class Packet:
    """What stages pass on: a frame, the operating point that it was captured under, and what is known of its faces."""

    frame: Frame
    point: OperatingPoint
    faces: tuple[Face, ...] = ()
    search: Search = Search.NONE
    passed_over: int = 0
    """Faces that the effect should have changed and left as they are, for want of knowledge that it can trust."""


@dataclass(slots=True)
class Attention:
    """What the tracker asks of the detector; both live in the find thread."""

    is_search_due: bool = True
    """The detector should look at the whole of the next frame."""
    may_search_wait: bool = False
    """It only looks for newcomers, so that the frame need not wait for it; they come out with the frame after."""
    search_every: int | None = None
    """Most frames from one search to the next, whatever the operating point allows; an effect that must not miss
    newcomers sets it when it is made, before the first frame."""
