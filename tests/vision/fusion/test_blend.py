"""Tests of alphas and of laying a picture over a frame."""

import numpy as np
import pytest
from fakes.discs import disc_mesh
from fakes.portraits import texture

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.blend import Alpha, Blender, Matte
from edgefuse.vision.fusion.facets import make_facets
from edgefuse.vision.fusion.texture import Cutout
from edgefuse.vision.fusion.warp import MeshWarp
from edgefuse.vision.types import Pixels, Points

SIZE_PX = 240


def alpha_of(mesh: Points, *, keeps_eyes_and_mouth: bool = True) -> Alpha:
    half = mesh / 2 - np.array((0.25, 0.25, 0))
    facets = make_facets(half.astype(np.float32))
    numbers = MeshWarp(SIZE_PX).draw(facets, SIZE_PX // 2, SIZE_PX // 2)
    return Matte(SIZE_PX, keeps_eyes_and_mouth=keeps_eyes_and_mouth).draw(facets, numbers, SIZE_PX, SIZE_PX)


def at(alpha: Alpha, mesh: Points, number: int) -> int:
    x, y = mesh[number, :2].astype(int)
    return int(alpha[y, x])


def cutout(picture: Pixels, alpha: int = 255) -> Cutout:
    return np.dstack((picture, np.full(picture.shape[:2], alpha, np.uint8)))


def test_cheeks_and_nose_are_the_donors_and_the_outline_is_the_targets() -> None:
    mesh = disc_mesh(120, 120, 105)
    alpha = alpha_of(mesh)
    assert all(at(alpha, mesh, number) == 255 for number in (1, 205, 425, 9))
    assert all(at(alpha, mesh, int(number)) < 16 for number in load_face_mesh().oval)


def test_a_small_face_keeps_its_outline_too() -> None:
    mesh = disc_mesh(120, 120, 60)
    alpha = alpha_of(mesh)
    assert max(at(alpha, mesh, int(number)) for number in load_face_mesh().oval) < 64


def test_eyes_are_the_targets() -> None:
    mesh = disc_mesh(120, 120, 105)
    centres = [mesh[ring].mean(axis=0)[:2] for ring in load_face_mesh().eyes]
    assert [int(alpha_of(mesh)[int(y), int(x)]) for x, y in centres] == [0, 0]


def test_an_open_mouth_shows_the_targets_teeth() -> None:
    mesh = disc_mesh(120, 120, 105)
    lower = [14, 17, 87, 178, 88, 95, 317, 402, 318, 324]
    mesh[lower, 1] += 25
    x, y = (mesh[13, :2] + mesh[14, :2]) / 2
    assert alpha_of(mesh)[int(y), int(x)] == 0


def test_eyes_and_mouth_are_the_donors_where_nothing_is_kept() -> None:
    mesh = disc_mesh(120, 120, 105)
    topology = load_face_mesh()
    centres = [mesh[ring].mean(axis=0)[:2] for ring in (*topology.eyes, topology.mouth)]
    alpha = alpha_of(mesh, keeps_eyes_and_mouth=False)
    assert [int(alpha[int(y), int(x)]) for x, y in centres] == [255, 255, 255]


def test_an_alpha_is_soft_everywhere() -> None:
    alpha = alpha_of(disc_mesh(120, 120, 105)).astype(int)
    assert max(np.abs(np.diff(alpha, axis=0)).max(), np.abs(np.diff(alpha, axis=1)).max()) < 90


def test_a_face_that_the_frame_cuts_off_does_not_fade_at_the_cut() -> None:
    mesh = disc_mesh(10, 120, 105)
    assert alpha_of(mesh)[int(mesh[280, 1] / 2), 0] == 255


def test_where_alpha_is_zero_the_frame_keeps_every_bit() -> None:
    frame, above = texture(90, 120, seed=1), texture(90, 120, seed=2)
    before = frame.copy()
    alpha = np.zeros((90, 120), np.uint8)
    alpha[30:60, 40:80] = 255
    Blender(120, 90, 120).lay(cutout(above), alpha.copy(), frame)
    inside = alpha == 255
    np.testing.assert_array_equal(frame[~inside], before[~inside])
    np.testing.assert_array_equal(frame[inside], above[inside])


def test_between_the_frame_and_the_picture_are_mixed() -> None:
    frame, above = np.full((10, 10, 3), 200, np.uint8), np.full((10, 10, 3), 100, np.uint8)
    Blender(10, 10, 10).lay(cutout(above), np.full((10, 10), 128, np.uint8), frame)
    assert np.abs(frame.astype(int) - 150).max() <= 1


@pytest.mark.parametrize(("own", "strength"), [(128, 1.0), (255, 0.5)])
def test_the_pictures_own_alpha_and_the_strength_count_too(own: int, strength: float) -> None:
    frame, above = np.full((10, 10, 3), 200, np.uint8), np.full((10, 10, 3), 100, np.uint8)
    Blender(10, 10, 10).lay(cutout(above, own), np.full((10, 10), 255, np.uint8), frame, strength)
    assert np.abs(frame.astype(int) - 150).max() <= 1


def test_a_small_picture_is_scaled_to_its_area() -> None:
    frame, above = np.full((40, 40, 3), 200, np.uint8), np.full((10, 10, 3), 100, np.uint8)
    Blender(10, 40, 40).lay(cutout(above), np.full((10, 10), 255, np.uint8), frame)
    np.testing.assert_array_equal(frame, 100)


def test_the_far_cheek_of_a_turned_head_fades() -> None:
    mesh = disc_mesh(120, 120, 105)
    angle = np.radians(45)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    turned = np.asarray((mesh - mesh.mean(axis=0)) @ turn.T + mesh.mean(axis=0), np.float32)
    alpha = alpha_of(turned)
    # Cheeks before the ears.
    assert max(at(alpha, turned, number) for number in (116, 123)) < 64
    assert min(at(alpha, turned, number) for number in (345, 352)) > 192
