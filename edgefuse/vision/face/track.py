"""One face that is followed from frame to frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.geometry import Region, box_around, region_around
from edgefuse.vision.face.identity import Sketch
from edgefuse.vision.face.landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER, five_points
from edgefuse.vision.face.smooth import OneEuro, gap_s
from edgefuse.vision.types import Face, Points

REGION_MARGIN = 1.5  # as MediaPipe's face_landmark_landmarks_to_roi; FaceMesh was trained on such crops


class Track:
    """Where the face of one person is, and where to look for it next."""

    face: Face
    """As last told; there is none before the first ``observe``."""
    _mesh: Points

    def __init__(self, track_id: int, region: Region, *, is_smoothed: bool) -> None:
        self.track_id = track_id
        self.region = region
        """Where the landmark model should look next."""
        self.frames_since_mesh = 0
        self.sketch: Sketch | None = None
        """What is remembered of the face, if other faces are in the picture that it could be taken for."""
        self._filter = OneEuro() if is_smoothed else None
        self._captured_ns: int | None = None

    def observe(self, mesh: Points, box: NDArray[np.float32], score: float, captured_ns: int) -> None:
        """Take the landmarks that the model found in a frame.

        Args:
            mesh: (468, 3) in pixels of the frame; kept.
            box: (4,) around them, not empty.
            score: How sure the model is, 0..1.
            captured_ns: When the frame was captured.
        """
        seen = mesh
        if self._filter is not None:
            x1, y1, x2, y2 = box.tolist()
            mesh = self._filter.smooth(seen, captured_ns, size_px=(x2 - x1 + y2 - y1) / 2)
        elapsed_s = gap_s(self._captured_ns, captured_ns)
        self._velocity = None if elapsed_s is None else (mesh - self._mesh) / np.float32(elapsed_s)
        self._mesh, self._score, self._captured_ns = mesh, score, captured_ns
        self.frames_since_mesh = 0
        # Aim by what was seen, not by its smoothed shadow, which lags.
        self._aim(seen, box)
        self._tell(mesh, box)

    def rename(self, track_id: int) -> None:
        """Give the track another id, before the first packet that it goes into."""
        self.track_id = track_id
        self.face = replace(self.face, track_id=track_id)

    def predict(self, captured_ns: int) -> None:
        """Let the landmarks move on as they moved between the last two looks of the model."""
        self.frames_since_mesh += 1
        elapsed_s = gap_s(self._captured_ns, captured_ns)
        mesh = self._mesh
        if self._velocity is not None and elapsed_s is not None:
            mesh = mesh + self._velocity * np.float32(elapsed_s)
        box = box_around(mesh)
        self._aim(mesh, box)
        self._tell(mesh, box)

    def _aim(self, mesh: Points, box: NDArray[np.float32]) -> None:
        self.region = region_around(box, mesh[[LEFT_EYE_OUTER, RIGHT_EYE_OUTER], :2], REGION_MARGIN)

    def _tell(self, mesh: Points, box: NDArray[np.float32]) -> None:
        self.face = Face(box=box, score=self._score, eyes=five_points(mesh)[:2], mesh=mesh, track_id=self.track_id)
