"""Tests of carrying the map of a face's triangles from frame to frame."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from fakes.discs import disc_mesh

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion import carrying
from edgefuse.vision.fusion.carrying import TriangleMaps
from edgefuse.vision.fusion.facets import OUTSIDE, Facets, make_facets
from edgefuse.vision.fusion.warp import TriangleMap, draw_triangles
from edgefuse.vision.types import Points

SIZE_PX = 180
MESH = disc_mesh(90, 90, 80)
OPEN = MESH.copy()
OPEN[load_face_mesh().mouth, 1] += np.where(MESH[load_face_mesh().mouth, 1] > MESH[13, 1], 6, 0)


def moved(mesh: Points, degrees: float = 0.0, scale: float = 1.0, x_px: float = 0.0) -> Points:
    turn = cv2.getRotationMatrix2D((90, 90), degrees, scale)
    result = mesh.copy()
    result[:, :2] = mesh[:, :2] @ turn[:, :2].T + turn[:, 2] + (x_px, 0)
    result[:, 2] *= scale
    return np.asarray(result, np.float32)


def drawn(mesh: Points) -> TriangleMap:
    numbers = np.empty((SIZE_PX, SIZE_PX), np.int16)
    draw_triangles(make_facets(mesh), numbers)
    return numbers


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count the maps that were drawn anew."""
    counted: list[int] = []

    def draw(facets: Facets, numbers: TriangleMap) -> None:
        counted.append(1)
        draw_triangles(facets, numbers)

    monkeypatch.setattr(carrying, "draw_triangles", draw)
    yield counted


def carry(maps: TriangleMaps, *meshes: Points, track_id: int = 1) -> TriangleMap:
    for mesh in meshes:
        numbers = maps.draw(track_id, make_facets(mesh), SIZE_PX, SIZE_PX)
    return numbers.copy()


@pytest.mark.parametrize("now", [MESH, moved(MESH, x_px=5.3), moved(MESH, degrees=8), moved(MESH, scale=0.95)])
def test_the_map_of_a_face_that_only_moves_is_carried(now: Points, drawings: list[int]) -> None:
    numbers = carry(TriangleMaps(SIZE_PX), MESH, now)
    assert len(drawings) == 1
    assert (numbers != drawn(now)).mean() < 0.1  # along the seams
    assert ((numbers == OUTSIDE) != (drawn(now) == OUTSIDE)).mean() < 0.015


@pytest.mark.parametrize("now", [OPEN, moved(MESH, scale=0.7)], ids=["the mouth opens", "it goes far away"])
def test_the_map_of_a_face_of_another_shape_is_drawn_anew(now: Points, drawings: list[int]) -> None:
    numbers = carry(TriangleMaps(SIZE_PX), MESH, now)
    assert len(drawings) == 2
    np.testing.assert_array_equal(numbers, drawn(now))


def test_a_face_without_a_past_and_one_that_was_forgotten_are_drawn(drawings: list[int]) -> None:
    maps = TriangleMaps(SIZE_PX)
    carry(maps, MESH, MESH, track_id=0)
    carry(maps, MESH)
    maps.forget_all_but([2])
    carry(maps, MESH)
    assert len(drawings) == 4


def test_faces_do_not_share_a_map() -> None:
    maps, other = TriangleMaps(SIZE_PX), disc_mesh(60, 60, 50)
    carry(maps, MESH)
    carry(maps, other, track_id=2)
    np.testing.assert_array_equal(carry(maps, MESH), drawn(MESH))
