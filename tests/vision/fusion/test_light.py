"""Tests of measuring light on a face and giving it to a donor."""

import numpy as np
import pytest
from fakes.discs import disc_mesh
from fakes.portraits import texture

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.features import plain_skin
from edgefuse.vision.fusion.light import LightMeter, Relighter, Shine, point_homes
from edgefuse.vision.fusion.texture import Texture
from edgefuse.vision.types import Pixels

SIZE_PX = 200
MESH = disc_mesh(100, 100, 90)
ALL = np.ones(len(plain_skin()), np.float32)
MIDDLE = (slice(60, 140), slice(60, 140))


def shine_of(picture: Pixels) -> Shine:
    return LightMeter().measure(picture, MESH, ALL)


def lit_as(donor: Pixels, target: Shine) -> np.ndarray:
    given = Texture(np.dstack((donor, np.full(donor.shape[:2], 255, np.uint8))), MESH)
    relighter = Relighter(given, shine_of(donor))
    return relighter.light(given, relighter.gains(target)).pixels.astype(float)


def plain(*colour: int) -> Pixels:
    picture = np.empty((SIZE_PX, SIZE_PX, 3), np.uint8)
    picture[:] = colour
    return picture


def test_a_face_in_its_own_light_stays_as_it_is() -> None:
    picture = texture(SIZE_PX, SIZE_PX, seed=1)
    assert np.abs(lit_as(picture, shine_of(picture))[:, :, :3] - picture).max() <= 1


def test_a_donor_takes_the_colour_of_the_target() -> None:
    lit = lit_as(plain(60, 90, 140), shine_of(plain(120, 140, 200)))
    np.testing.assert_allclose(lit[MIDDLE][:, :, :3].mean(axis=(0, 1)), (120, 140, 200), atol=1.5)


def test_light_from_the_side_is_taken_over_and_detail_is_kept() -> None:
    slope = np.linspace(0.5, 1.5, SIZE_PX)[np.newaxis, :, np.newaxis]
    detail = np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8)
    detail[::8] = 40
    lit = lit_as(plain(100, 100, 100) + detail, shine_of((plain(100, 100, 100) * slope).astype(np.uint8)))
    left, right = lit[50:150, 40:60, :3].mean(), lit[50:150, 140:160, :3].mean()
    assert right / left > 1.5
    assert lit[96, 100, 0] - lit[92, 100, 0] > 25


def test_the_donors_own_light_is_taken_out() -> None:
    slope = np.linspace(0.6, 1.4, SIZE_PX)[np.newaxis, :, np.newaxis]
    lit = lit_as((plain(110, 110, 110) * slope).astype(np.uint8), shine_of(plain(110, 110, 110)))
    before, after = 1.4 / 0.6, lit[100, 160, 0] / lit[100, 40, 0]
    assert after < 1 + 0.35 * (before - 1)  # what is left lies beyond the width of the blur


@pytest.mark.parametrize("level", [30, 110, 240])
def test_alpha_stays_as_it_is(level: int) -> None:
    assert lit_as(plain(100, 100, 100), shine_of(plain(level, level, level)))[:, :, 3].min() >= 250


def test_what_is_not_seen_does_not_count() -> None:
    picture = plain(100, 100, 100)
    picture[:, :100] = 255
    is_right = MESH[plain_skin(), 0] > 110
    lit = lit_as(plain(100, 100, 100), LightMeter().measure(picture, MESH, is_right.astype(np.float32)))
    np.testing.assert_allclose(lit[MIDDLE][:, :, :3], 100, atol=2)


def test_a_face_of_which_nothing_is_seen_leaves_the_donor_as_it_is() -> None:
    outside = LightMeter().measure(texture(50, 50, seed=1), disc_mesh(900, 100, 90), ALL)
    assert not outside.any()
    np.testing.assert_allclose(lit_as(plain(100, 100, 100), outside)[:, :, :3], 100, atol=1)


def test_every_skin_point_has_a_triangle_near_by() -> None:
    topology = load_face_mesh()
    centres = MESH[topology.thin_triangles[point_homes(MESH)]].mean(axis=1)
    assert np.linalg.norm(centres - MESH[plain_skin()], axis=1)[:, np.newaxis].max() < 30
