"""Tests of bending a donor onto a mesh."""

import numpy as np
import pytest
from fakes.discs import disc_mesh
from fakes.portraits import psnr_db, texture

from edgefuse.vision.fusion.donor import Texture
from edgefuse.vision.fusion.warp import OUTSIDE, MeshWarp, TriangleMap
from edgefuse.vision.types import Points

SIZE_PX = 240
MESH = disc_mesh(120, 120, 110)


def turned(mesh: Points, degrees: float) -> Points:
    """Turn a head to the side."""
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    centre = mesh.mean(axis=0)
    return np.asarray((mesh - centre) @ rotation.T + centre, np.float32)


def bend(donor: Points, mesh: Points) -> tuple[np.ndarray, np.ndarray, TriangleMap]:
    """Give the donor's picture, what it becomes on a mesh, and where that is seen."""
    warp = MeshWarp(SIZE_PX)
    pixels = texture(SIZE_PX, SIZE_PX, seed=1)
    numbers = warp.draw(mesh, SIZE_PX, SIZE_PX)
    return pixels, warp.bend(Texture(pixels, donor), mesh, numbers), numbers


def test_a_face_bent_onto_itself_stays_as_it_is() -> None:
    pixels, bent, numbers = bend(MESH, MESH)
    assert psnr_db(bent[numbers < OUTSIDE], pixels[numbers < OUTSIDE]) > 50


def test_a_face_bent_onto_a_moved_mesh_moves_with_it() -> None:
    pixels, bent, numbers = bend(MESH, MESH + np.array((6, -4, 0), np.float32))
    inside = (numbers < OUTSIDE)[10:-10, 10:-10]
    expected = np.roll(pixels, (-4, 6), axis=(0, 1))[10:-10, 10:-10]
    assert psnr_db(bent[10:-10, 10:-10][inside], expected[inside]) > 50


def test_landmarks_take_the_colours_of_the_donors_landmarks() -> None:
    rng = np.random.default_rng(3)
    warped = MESH + rng.normal(0, 1.5, MESH.shape).astype(np.float32)
    warped[:, 2] = MESH[:, 2]
    pixels, bent, numbers = bend(MESH, warped)
    at, to = np.rint(MESH[:, :2]).astype(int), np.rint(warped[:, :2]).astype(int)
    seen = numbers[to[:, 1], to[:, 0]] < OUTSIDE
    difference = np.abs(bent[to[:, 1], to[:, 0]].astype(int) - pixels[at[:, 1], at[:, 0]])[seen]
    assert seen.sum() > 400
    assert np.median(difference) < 8  # half a pixel of a texture that changes by about 12 a pixel


@pytest.mark.parametrize("degrees", [0, 20, 40, -40])
def test_the_seen_surface_has_no_holes(degrees: float) -> None:
    numbers = MeshWarp(SIZE_PX).draw(turned(MESH, degrees), SIZE_PX, SIZE_PX)
    for row in numbers:
        seen = np.flatnonzero(row < OUTSIDE)
        assert seen.size == 0 or (row[seen[0] : seen[-1] + 1] < OUTSIDE).mean() > 0.97


def test_the_far_cheek_of_a_turned_head_is_hidden() -> None:
    front = MeshWarp(SIZE_PX).draw(MESH, SIZE_PX, SIZE_PX)
    side = MeshWarp(SIZE_PX).draw(turned(MESH, 60), SIZE_PX, SIZE_PX)
    assert len(np.unique(side)) < 0.8 * len(np.unique(front))


def test_nearer_triangles_cover_farther_ones() -> None:
    warp = MeshWarp(SIZE_PX)
    near, far = MESH.copy(), MESH.copy()
    far[1] += (25, 0, 200)  # the tip of the nose pulled aside: behind the cheek, then before it
    near[1] += (25, 0, -200)
    behind = warp.draw(far, SIZE_PX, SIZE_PX).copy()
    before = warp.draw(near, SIZE_PX, SIZE_PX)
    assert (behind != before).any()
    x, y = np.rint(near[1, :2] - (6, 0)).astype(int)
    nose = {int(n) for n in np.flatnonzero((warp._triangles == 1).any(axis=1))}
    assert int(before[y, x]) in nose and int(behind[y, x]) not in nose


@pytest.mark.parametrize("mesh", [np.zeros_like(MESH), MESH * np.float32(1e-3), np.repeat(MESH[:1], 468, axis=0)])
def test_a_mesh_without_area_shows_nothing_and_breaks_nothing(mesh: Points) -> None:
    _, bent, numbers = bend(MESH, mesh)
    assert (numbers == OUTSIDE).all() and bent.shape == (SIZE_PX, SIZE_PX, 3)
