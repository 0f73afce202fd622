"""Tests of the places of the mesh that stand for something."""

import numpy as np
from fakes.discs import disc_mesh

from edgefuse.vision.face.landmarks import LEFT_EYE, MESH_POINTS, NOSE_TIP, RIGHT_EYE, five_points

MESH = disc_mesh(160, 120, 50) + np.random.default_rng(1).normal(0, 2, (MESH_POINTS, 3)).astype(np.float32)


def test_five_points_are_means_of_their_places() -> None:
    left, right, nose, *_ = five_points(MESH)
    for point, places in ((left, LEFT_EYE), (right, RIGHT_EYE), (nose, (NOSE_TIP,))):
        np.testing.assert_allclose(point, MESH[list(places), :2].mean(axis=0), rtol=1e-5)
