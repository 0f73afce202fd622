"""Asking the parsing model, now and then, whether something lies before a face.

Colours cannot tell what was there when the face was first seen, nor what stays (``edgefuse.vision.fusion.occlusion``).
A model that knows hands from faces can, but takes longer than a frame: it runs in a thread of its own, and its answer
counts a fixed number of frames later, not as soon as it is there, or a clip would come out differently on every run.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.errors import RuntimeRunError
from edgefuse.vision.face.canonical import turn_of
from edgefuse.vision.face.geometry import Matrix, box_around
from edgefuse.vision.face.patches import GRID, Grid, load_patches
from edgefuse.vision.fusion.occlusion import MIN_FACING, WINDOW
from edgefuse.vision.fusion.parsing import Parser
from edgefuse.vision.model import Model
from edgefuse.vision.types import Face, Pixels, Points

logger = logging.getLogger(__name__)

MARGIN = 4.0
"""Side of the square that the model looks at, in units of the face's longer side: it knows people down to the chest,
and tells hands and things from faces the better."""
FACE_CLASSES = (1, 3)
"""Hair and face. What hangs into a face is part of it; body, clothes, background and things are not."""
LATE_FRAMES = 4
"""From a look to its answer, 133 ms at 30 frames a second; a run that takes longer keeps a frame waiting."""
SETTLE_FRAMES = 3
"""From a change to the look at it: what leaves a face has left it by then. The answer comes before the pause ends."""


@dataclass(slots=True)
class Known:
    """What the model said of one track."""

    due: int
    """Frame from which on it is to be looked at."""
    share: float | None = None
    """Of the strangest window, 0..1; nothing as long as it is not known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A look that is under way."""

    known: Known
    frame: int
    share: Future[float]


class Covering:
    """The model in its thread, and what it said of each face."""

    def __init__(self, model: Model) -> None:
        self._parser = Parser(model)
        self._thread = ThreadPoolExecutor(1, "parse")
        self._known: dict[int, Known] = {}
        self._asked: Asked | None = None
        self._frame = 0
        self._failure = ""
        """Why the last look failed; it is told once, not at every look."""

    def begin(self, track_ids: Collection[int]) -> None:
        """Begin a frame with these faces; what is known of others is forgotten."""
        self._frame += 1
        self._known = {track_id: self._known.get(track_id) or Known(self._frame) for track_id in track_ids}
        if self._asked is not None and self._frame >= self._asked.frame + LATE_FRAMES:
            self._asked.known.share = self._answer(self._asked.share)
            self._asked = None

    def share(self, track_id: int) -> float | None:
        """Tell how much of the strangest window of a face is covered, 0..1; nothing as long as that is not known."""
        return self._known[track_id].share

    def forget(self, track_id: int) -> None:
        """Forget what was said of a face and look at it soon: something has changed."""
        self._known[track_id] = Known(self._frame + SETTLE_FRAMES)

    def look(self, faces: Sequence[Face], pixels: Pixels, every: int | None) -> None:
        """Begin a look at the face that has waited longest, if one is due.

        Args:
            faces: Of those that the frame was begun with, the ones to look at; each with a finite mesh.
            pixels: Of the frame, before anything was drawn over it.
            every: Frames between two looks at a face; nothing means that it never looks, and what it said is forgotten.
        """
        if every is None:
            self._known.clear()
            return
        face = min(faces, key=lambda face: self._known[face.track_id].due, default=None)
        if face is None or self._asked is not None or self._frame < self._known[face.track_id].due:
            return
        assert face.mesh is not None, "only faces with a mesh are watched"
        known = self._known[face.track_id]
        known.due = self._frame + every
        to_frame = self._parser.show(pixels, box_around(face.mesh), MARGIN)
        to_input = np.asarray(cv2.invertAffineTransform(to_frame), np.float64)
        places, is_seen = _places(face.mesh, to_input, pixels.shape)
        self._asked = Asked(known, self._frame, self._thread.submit(self._judge, places, is_seen))

    def close(self) -> None:
        """Wait for the look that is under way."""
        self._thread.shutdown()

    def _answer(self, share: Future[float]) -> float | None:
        """Give what the model said; if it failed, that is nothing."""
        try:
            said, failure = share.result(), ""
        except RuntimeRunError as e:
            said, failure = None, str(e)
        if failure and failure != self._failure:
            logger.warning("cannot tell whether something covers a face: %s", failure)
        self._failure = failure
        return said

    def _judge(self, places: NDArray[np.intp], is_seen: Grid) -> float:
        """Run the model, and tell how much of the strangest window is neither face nor hair."""
        scores = self._parser.look()
        x, y = np.clip(places, 0, [[scores.shape[1] - 1], [scores.shape[0] - 1]])
        is_strange = np.isin(scores[y, x].argmax(axis=1), FACE_CLASSES, invert=True).reshape(GRID, GRID) & is_seen
        return float(cv2.blur(is_strange.astype(np.float32), WINDOW, borderType=cv2.BORDER_CONSTANT).max())


def _places(mesh: Points, to_input: Matrix, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], Grid]:
    """Give the pixels of the input under the patches of a face, (2, GRID²) x and y, and which can be judged.

    Args:
        mesh: (468, 3).
        to_input: From the frame.
        shape: Of the frame: (height, width, …); patches beyond it are not judged.
    """
    patches = load_patches()
    x, y = middles = patches.middles(mesh)
    is_inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    is_seen = patches.is_face & is_inside & (patches.facing(turn_of(mesh)) >= MIN_FACING)
    return np.rint(to_input[:, :2] @ middles.reshape(2, -1) + to_input[:, 2:]).astype(np.intp), is_seen
