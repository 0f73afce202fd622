"""Tests of the mesh's table against the canonical face."""

from collections import Counter

import cv2
import numpy as np
from fakes.discs import CANONICAL

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.face.landmarks import MESH_POINTS

MESH = load_face_mesh()


def edges() -> Counter[tuple[int, int]]:
    return Counter(
        tuple(sorted((int(a), int(b))))
        for triangle in MESH.triangles
        for a, b in zip(triangle, np.roll(triangle, 1), strict=True)
    )


def test_every_point_belongs_to_a_triangle() -> None:
    assert MESH.triangles.shape == (898, 3)
    assert set(MESH.triangles.ravel().tolist()) == set(range(MESH_POINTS))


def test_the_surface_has_one_border_and_it_is_the_oval() -> None:
    assert max(edges().values()) == 2
    border = {edge for edge, count in edges().items() if count == 1}
    ring = zip(MESH.oval.tolist(), np.roll(MESH.oval, 1).tolist(), strict=True)
    assert border == {tuple(sorted(edge)) for edge in ring}


def test_triangles_turn_one_way_on_a_face_that_looks_at_the_camera() -> None:
    corners = CANONICAL[MESH.triangles, :2]
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = one[:, 1] * two[:, 0] - one[:, 0] * two[:, 1]
    # Ten triangles of nostrils and closed lips look down or up, away from the camera.
    assert (areas < 0).sum() == 10
    assert np.abs(areas).min() > 1e-4


def test_outlines_are_simple_polygons_inside_the_oval() -> None:
    oval = CANONICAL[MESH.oval, :2]
    for ring in (*MESH.eyes, MESH.mouth):
        outline = CANONICAL[ring, :2]
        assert 0 < cv2.contourArea(outline) < 0.05 * cv2.contourArea(oval)
        assert all(cv2.pointPolygonTest(oval, point.tolist(), False) > 0 for point in outline)


def test_the_left_eye_is_left_in_the_picture() -> None:
    left, right = (CANONICAL[ring, 0].mean() for ring in MESH.eyes)
    assert left < 0 < right


def test_skin_has_no_point_of_outline_eyes_or_mouth() -> None:
    assert not set(MESH.skin.tolist()) & set(np.concatenate((MESH.oval, *MESH.eyes, MESH.mouth)).tolist())
