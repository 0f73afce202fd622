"""Tests of bending a donor onto a mesh."""

import numpy as np
import pytest
from fakes.discs import disc_mesh
from fakes.portraits import psnr_db, texture

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.facets import OUTSIDE, make_facets
from edgefuse.vision.fusion.texture import Texture
from edgefuse.vision.fusion.warp import MeshWarp, TriangleMap, draw_triangles
from edgefuse.vision.types import Points

SIZE_PX = 240
MESH = disc_mesh(120, 120, 110)
THIN_POINTS = np.unique(load_face_mesh().thin_triangles)
NOSE = int(THIN_POINTS[np.linalg.norm(MESH[THIN_POINTS] - MESH[1], axis=1).argmin()])
"""The point of the thin mesh that is nearest to the tip of the nose."""


def turned(mesh: Points, degrees: float) -> Points:
    """Turn a head to the side."""
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    centre = mesh.mean(axis=0)
    return np.asarray((mesh - centre) @ rotation.T + centre, np.float32)


def draw(mesh: Points) -> TriangleMap:
    """Give the triangles that are seen, at the size of the picture."""
    numbers = np.empty((SIZE_PX, SIZE_PX), np.int16)
    draw_triangles(make_facets(mesh), numbers)
    return numbers


def bend(donor: Points, mesh: Points) -> tuple[np.ndarray, np.ndarray]:
    """Give the donor's picture and what it becomes on a mesh."""
    warp, pixels = MeshWarp(SIZE_PX), np.dstack((texture(SIZE_PX, SIZE_PX, seed=1), np.full((SIZE_PX, SIZE_PX), 255)))
    half = mesh / 2 - np.array((0.25, 0.25, 0))
    facets = make_facets(half.astype(np.float32))
    numbers = warp.draw(facets, SIZE_PX // 2, SIZE_PX // 2)
    given = Texture(pixels.astype(np.uint8), donor)
    return given.pixels[:, :, :3], warp.bend(given, facets, numbers, SIZE_PX, SIZE_PX)[:, :, :3]


def test_a_face_bent_onto_itself_stays_as_it_is() -> None:
    pixels, bent = bend(MESH, MESH)
    inside = draw(MESH) < OUTSIDE
    assert psnr_db(bent[inside], pixels[inside]) > 50


def test_a_face_bent_onto_a_moved_mesh_moves_with_it() -> None:
    pixels, bent = bend(MESH, MESH + np.array((6, -4, 0), np.float32))
    inside = draw(MESH + np.array((6, -4, 0), np.float32))[10:-10, 10:-10] < OUTSIDE
    expected = np.roll(pixels, (-4, 6), axis=(0, 1))[10:-10, 10:-10]
    assert psnr_db(bent[10:-10, 10:-10][inside], expected[inside]) > 50


def test_landmarks_take_the_colours_of_the_donors_landmarks() -> None:
    rng = np.random.default_rng(3)
    warped = MESH + rng.normal(0, 1.5, MESH.shape).astype(np.float32)
    warped[:, 2] = MESH[:, 2]
    pixels, bent = bend(MESH, warped)
    numbers = draw(warped)
    at, to = np.rint(MESH[:, :2]).astype(int), np.rint(warped[:, :2]).astype(int)
    seen = numbers[to[:, 1], to[:, 0]] < OUTSIDE
    difference = np.abs(bent[to[:, 1], to[:, 0]].astype(int) - pixels[at[:, 1], at[:, 0]])[seen]
    assert seen.sum() > 400
    # Half a pixel of a texture that changes by about 12 a pixel, and points that the thin mesh has not moved at random.
    assert np.median(difference) < 12


@pytest.mark.parametrize("degrees", [0, 20, 40, -40])
def test_the_seen_surface_has_no_holes(degrees: float) -> None:
    numbers = draw(turned(MESH, degrees))
    for row in numbers:
        seen = np.flatnonzero(row < OUTSIDE)
        assert seen.size == 0 or (row[seen[0] : seen[-1] + 1] < OUTSIDE).mean() > 0.97


def test_the_far_cheek_of_a_turned_head_is_hidden() -> None:
    front = draw(MESH)
    side = draw(turned(MESH, 60))
    assert len(np.unique(side)) < 0.8 * len(np.unique(front))


def test_nearer_triangles_cover_farther_ones() -> None:
    near, far = MESH.copy(), MESH.copy()
    far[NOSE] += (25, 0, 200)  # the tip of the nose pulled aside: behind the cheek, then before it
    near[NOSE] += (25, 0, -200)
    behind = draw(far)
    before = draw(near)
    assert (behind != before).any()
    x, y = np.rint(near[NOSE, :2] - (6, 0)).astype(int)
    nose = {int(n) for n in np.flatnonzero((load_face_mesh().thin_triangles == NOSE).any(axis=1))}
    assert int(before[y, x]) in nose and int(behind[y, x]) not in nose


@pytest.mark.parametrize("mesh", [np.zeros_like(MESH), MESH * np.float32(1e-3), np.repeat(MESH[:1], 468, axis=0)])
def test_a_mesh_without_area_shows_nothing_and_breaks_nothing(mesh: Points) -> None:
    _, bent = bend(MESH, mesh)
    assert (draw(mesh) == OUTSIDE).all() and bent.shape == (SIZE_PX, SIZE_PX, 3)
