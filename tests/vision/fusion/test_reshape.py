"""Tests of giving a mesh another one's shape."""

import numpy as np
import pytest
from fakes.discs import disc_mesh

from edgefuse.vision.fusion.reshape import reshape

MESH = disc_mesh(100, 80, 50)


def turned(mesh: np.ndarray, angle_rad: float) -> np.ndarray:
    """Turn a mesh about the vertical axis."""
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.asarray(mesh @ np.array(((cosine, 0, sine), (0, 1, 0), (-sine, 0, cosine))), np.float32)


@pytest.mark.parametrize("angle_rad", [0.0, 0.7, -0.7])
def test_a_shape_is_held_where_the_face_is(angle_rad: float) -> None:
    held = reshape(turned(MESH, angle_rad), 3 * MESH + 40, 1.0)
    np.testing.assert_allclose(held, turned(MESH, angle_rad), atol=1e-3)


def test_what_is_special_about_a_face_fades_by_the_share() -> None:
    special = MESH.copy()
    special[1] += (0, 0, -12)
    left = [np.abs(reshape(special, MESH, share) - MESH).max() for share in (0.0, 0.5, 1.0)]
    assert left[0] == pytest.approx(12, abs=0.01)
    assert left[1] == pytest.approx(6, rel=0.1) and left[2] < 0.1


def test_a_flat_mesh_is_not_mirrored() -> None:
    flat = MESH * np.array((1, 1, 0), np.float32)
    np.testing.assert_allclose(reshape(flat, flat, 1.0), flat, atol=1e-3)
