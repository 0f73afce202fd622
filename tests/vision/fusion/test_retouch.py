"""Tests of taking hair and background off a donor."""

import cv2
import numpy as np
from fakes.discs import disc_mesh
from fakes.portraits import face_at, hull_mask, psnr_db

from edgefuse.vision.fusion.retouch import fade_forehead, retouch
from edgefuse.vision.fusion.texture import Cutout
from edgefuse.vision.types import Pixels

SIZE_PX = 200
MESH = disc_mesh(100, 100, 90)
SKIN, HAIR, WALL = (120, 140, 200), (20, 20, 30), (60, 160, 40)
HULL = hull_mask(face_at(100, 100, 90), SIZE_PX, SIZE_PX)


def portrait() -> Pixels:
    picture = np.empty((SIZE_PX, SIZE_PX, 3), np.uint8)
    picture[:] = WALL
    picture[HULL] = SKIN
    noise = np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def skin_of(picture: Pixels) -> Pixels:
    return retouch(picture, MESH)[:, :, :3]


def test_the_background_becomes_skin() -> None:
    picture = skin_of(portrait())
    assert np.abs(picture[~HULL].astype(int) - SKIN).mean() < 8


def test_hair_at_the_temple_becomes_skin() -> None:
    picture = portrait()
    x, y = MESH[127, :2].astype(int)  # beside the eye on the left of the picture
    cv2.circle(picture, (int(x) + 4, int(y)), 8, HAIR, -1)
    assert np.abs(skin_of(picture)[y, x + 4].astype(int) - SKIN).max() < 25


def test_a_fringe_with_bright_strands_becomes_skin() -> None:
    picture = portrait()
    brow = int(MESH[[105, 334], 1].mean())
    picture[: brow - 12][HULL[: brow - 12]] = HAIR
    picture[: brow - 12, 80:120:10] = SKIN
    assert np.abs(skin_of(picture)[brow - 25, 60:140].astype(int) - SKIN).max() < 25


def test_a_shining_forehead_stays() -> None:
    picture = portrait()
    x, y = MESH[151, :2].astype(int)
    cv2.circle(picture, (int(x), int(y)), 8, (190, 205, 250), -1)
    assert np.abs(skin_of(picture)[y, x].astype(int) - (190, 205, 250)).max() < 3


def test_a_beard_stays() -> None:
    picture = portrait()
    x, y = MESH[152, :2].astype(int)
    cv2.circle(picture, (int(x), int(y) - 12), 8, HAIR, -1)
    assert np.abs(skin_of(picture)[y - 12, x].astype(int) - HAIR).max() < 25


def test_an_eye_near_the_outline_stays() -> None:
    picture = portrait()
    outer = MESH[33, :2].astype(int)
    cv2.circle(picture, (int(outer[0]) + 5, int(outer[1])), 4, HAIR, -1)
    assert skin_of(picture)[outer[1], outer[0] + 5].max() < 60


def test_the_middle_of_the_face_keeps_every_bit() -> None:
    before = portrait()
    middle = cv2.erode(HULL.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    np.testing.assert_array_equal(skin_of(before)[middle], before[middle])
    assert psnr_db(skin_of(before)[HULL], before[HULL]) > 25


def test_alpha_is_zero_on_hair_and_beside_it_and_full_on_skin() -> None:
    picture = portrait()
    x, y = MESH[127, :2].astype(int)
    cv2.circle(picture, (int(x) + 4, int(y)), 10, HAIR, -1)
    alpha = retouch(picture, MESH)[:, :, 3]
    assert alpha[y, x + 4] == 0 and alpha[y, x + 16] < 128
    nose_x, nose_y = MESH[1, :2].astype(int)
    assert alpha[nose_y, nose_x] == 255 and (alpha[HULL] == 255).mean() > 0.85


def test_a_mole_is_no_hair() -> None:
    picture = portrait()
    x, y = MESH[9, :2].astype(int)  # between the brows
    cv2.circle(picture, (int(x), int(y)), 2, HAIR, -1)
    assert retouch(picture, MESH)[y, x, 3] == 255


def test_what_a_model_takes_for_hair_is_hair_whatever_its_colour() -> None:
    hair = np.zeros((SIZE_PX, SIZE_PX), np.bool_)
    x, y = MESH[151, :2].astype(int)
    hair[y - 10 : y + 10, x - 10 : x + 10] = True
    alpha = retouch(portrait(), MESH, hair)[:, :, 3]
    assert alpha[y, x] == 0 and alpha[y + 40, x] == 255


def test_the_forehead_fades_at_its_upper_outline_only() -> None:
    cutout: Cutout = np.full((200, 200, 4), 255, np.uint8)
    fade_forehead(cutout, MESH)
    top, forehead, bridge, chin = MESH[[10, 151, 168, 152], 1::-1]
    places = (top, (top + forehead) / 2, bridge, chin)
    alphas = [int(cutout[tuple(np.rint(place).astype(int))][3]) for place in places]
    assert alphas[0] < 16
    assert 64 < alphas[1] < 240
    assert alphas[2:] == [255, 255]
