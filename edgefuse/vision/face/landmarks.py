"""Places of the 468-point face mesh that stand for something, in MediaPipe's order."""

from __future__ import annotations

import numpy as np

from edgefuse.vision.types import Points

MESH_POINTS = 468

# Left and right as in the picture, so the person's right eye comes first. Source: MediaPipe, face_mesh_connections.py.
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
LEFT_EYE_OUTER, RIGHT_EYE_OUTER = 33, 263
NOSE_TIP = 1
LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER = 61, 291


def five_points(mesh: Points) -> Points:
    """Give the (5, 2) points that crops are aligned by: eyes, nose, corners of the mouth.

    Args:
        mesh: (468, 3).
    """
    # No matrix product: it would make BLAS keep a second 32 MB for the find thread beside the compose thread's.
    sums = np.add.reduceat(mesh.T[:2].take(_PLACES, axis=1), _STARTS, axis=1)
    return np.asarray((sums / _COUNTS).T)


_GROUPS = (LEFT_EYE, RIGHT_EYE, (NOSE_TIP,), (LEFT_MOUTH_CORNER,), (RIGHT_MOUTH_CORNER,))
"""The mesh points whose mean is each of the five points."""
_PLACES = np.concatenate(_GROUPS)
_COUNTS = np.array([len(group) for group in _GROUPS], np.float32)
_STARTS = np.concatenate(([0], np.cumsum([len(group) for group in _GROUPS])[:-1]))
