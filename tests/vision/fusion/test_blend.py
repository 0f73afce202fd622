"""Tests of alphas and of laying a picture over a frame."""

import numpy as np
from fakes.discs import disc_mesh
from fakes.portraits import texture

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.blend import Alpha, Blender, Matte
from edgefuse.vision.fusion.warp import MeshWarp
from edgefuse.vision.types import Points

SIZE_PX = 240


def alpha_of(mesh: Points, height: int = SIZE_PX, width: int = SIZE_PX) -> Alpha:
    return Matte(SIZE_PX).draw(mesh, MeshWarp(SIZE_PX).draw(mesh, height, width)).copy()


def at(alpha: Alpha, mesh: Points, number: int) -> int:
    x, y = (mesh[number, :2] / 2).astype(int)
    return int(alpha[y, x])


def test_cheeks_and_nose_are_the_donors_and_the_outline_is_the_targets() -> None:
    mesh = disc_mesh(120, 120, 105)
    alpha = alpha_of(mesh)
    assert all(at(alpha, mesh, number) == 255 for number in (1, 205, 425, 9))
    assert all(at(alpha, mesh, int(number)) < 16 for number in load_face_mesh().oval)


def test_eyes_are_the_targets() -> None:
    mesh = disc_mesh(120, 120, 105)
    centres = [mesh[ring].mean(axis=0)[:2] for ring in load_face_mesh().eyes]
    assert [int(alpha_of(mesh)[int(y / 2), int(x / 2)]) for x, y in centres] == [0, 0]


def test_an_open_mouth_shows_the_targets_teeth() -> None:
    mesh = disc_mesh(120, 120, 105)
    lower = [14, 17, 87, 178, 88, 95, 317, 402, 318, 324]
    mesh[lower, 1] += 25
    x, y = (mesh[13, :2] + mesh[14, :2]) / 4
    assert alpha_of(mesh)[int(y), int(x)] == 0


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
    Blender(90, 120).lay(above, alpha, frame)
    inside = alpha == 255
    np.testing.assert_array_equal(frame[~inside], before[~inside])
    np.testing.assert_array_equal(frame[inside], above[inside])


def test_between_the_frame_and_the_picture_are_mixed() -> None:
    frame, above = np.full((10, 10, 3), 200, np.uint8), np.full((10, 10, 3), 100, np.uint8)
    Blender(10, 10).lay(above, np.full((5, 5), 128, np.uint8), frame)
    assert np.abs(frame.astype(int) - 150).max() <= 1
