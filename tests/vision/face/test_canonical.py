"""Tests of the canonical face and of how meshes are turned against it."""

import cv2
import numpy as np
import pytest

from edgefuse.vision.face.canonical import load_canonical_face, turn_of
from edgefuse.vision.face.landmarks import LEFT_EYE_OUTER, NOSE_TIP, RIGHT_EYE_OUTER


def test_the_canonical_face_looks_at_the_camera_and_stands_upright() -> None:
    face = load_canonical_face()
    left, right = face[LEFT_EYE_OUTER], face[RIGHT_EYE_OUTER]
    assert left[0] < right[0] and left[1] == right[1] < face[NOSE_TIP, 1]
    assert face[NOSE_TIP, 2] < left[2]


@pytest.mark.parametrize("turn", [(0, 0, 0), (0, 0.9, 0), (0.5, 0, 0), (0.2, -0.7, 0.4)])
def test_the_turn_of_a_mesh_is_found_whatever_its_place_and_size(turn: tuple[float, float, float]) -> None:
    rotation = cv2.Rodrigues(np.array(turn, np.float64))[0]
    mesh = (load_canonical_face() @ rotation.T * 11 + (300, 200, 5)).astype(np.float32)
    np.testing.assert_allclose(turn_of(mesh), rotation, atol=1e-4)


def test_a_turn_is_never_a_mirror_image() -> None:
    mirrored = np.asarray(load_canonical_face() * (-1, 1, 1), np.float32)
    assert np.linalg.det(turn_of(mirrored)) == pytest.approx(1)
