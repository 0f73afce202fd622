"""Tests of measuring and giving skin colour."""

import numpy as np
from fakes.discs import disc_mesh
from fakes.portraits import texture

from edgefuse.vision.fusion.colour import SkinMeter, recolour

MESH = disc_mesh(100, 100, 90)


def test_a_picture_is_recoloured_as_the_other_face() -> None:
    meter = SkinMeter()
    one, other = texture(200, 200, seed=1), texture(200, 200, seed=2) // 2 + 20
    skin, wanted = meter.measure(one, MESH), meter.measure(other, MESH)
    assert skin is not None and wanted is not None
    recolour(one, skin, wanted)
    after = meter.measure(one, MESH)
    assert after is not None
    np.testing.assert_allclose(after.mean, wanted.mean, atol=3)
    np.testing.assert_allclose(after.spread, wanted.spread, rtol=0.35)  # gains are limited


def test_a_face_in_its_own_colour_stays_as_it_is() -> None:
    picture = texture(200, 200, seed=1)
    skin = SkinMeter().measure(picture, MESH)
    assert skin is not None
    before = picture.copy()
    recolour(picture, skin, skin)
    np.testing.assert_array_equal(picture, before)


def test_background_does_not_count_as_skin() -> None:
    plain = np.full((200, 200, 3), 120, np.uint8)
    plain[:25] = 255
    mesh = disc_mesh(100, 120, 70)
    skin = SkinMeter().measure(plain, mesh)
    assert skin is not None
    np.testing.assert_allclose(skin.mean, 120)


def test_a_face_outside_of_the_picture_is_not_measured() -> None:
    assert SkinMeter().measure(texture(50, 50, seed=1), disc_mesh(900, 100, 90)) is None


def test_moving_toward_another_skin_goes_a_share_of_the_way() -> None:
    meter = SkinMeter()
    dark, light = (meter.measure(np.full((50, 50, 3), value, np.uint8), disc_mesh(25, 25, 20)) for value in (100, 200))
    assert dark is not None and light is not None
    np.testing.assert_allclose(dark.toward(light, 0.25).mean, 125)
