"""Tests of taking a photo's light and expression out of a donor's skin."""

import cv2
import numpy as np
from fakes.discs import disc_mesh

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.contrast import soften
from edgefuse.vision.fusion.features import BROW, draw_part, mirror_points, on_both_sides
from edgefuse.vision.fusion.texture import Cutout

SIZE_PX = 200
MESH = disc_mesh(100, 100, 90)
SHADE = (50, 280)
"""Points of both cheeks."""


def plain(*colour: int) -> Cutout:
    picture: Cutout = np.full((SIZE_PX, SIZE_PX, 4), 255, np.uint8)
    picture[:, :, :3] = colour or (120, 140, 190)
    return picture


def dimmed(cutout: Cutout, point: int, factor: float, radius_px: int = 9) -> Cutout:
    """Change the brightness around a point of the mesh."""
    spot = np.zeros(cutout.shape[:2], np.float32)
    x, y = np.rint(MESH[point, :2]).astype(int).tolist()
    cv2.circle(spot, (x, y), radius_px, 1.0, cv2.FILLED)
    gain = 1 + (factor - 1) * cv2.GaussianBlur(spot, (0, 0), 2)
    changed: Cutout = cutout.copy()
    changed[:, :, :3] = np.clip(cutout[:, :, :3] * gain[:, :, np.newaxis], 0, 255)
    return changed


def level(cutout: Cutout, point: int) -> int:
    x, y = np.rint(MESH[point, :2]).astype(int).tolist()
    return int(cutout[y, x, 2])


def test_even_skin_stays_as_it_is() -> None:
    noise = np.random.default_rng(0).integers(-6, 6, (SIZE_PX, SIZE_PX, 1))
    given = plain()
    given[:, :, :3] = given[:, :, :3] + noise
    assert np.abs(soften(given, MESH, 1.0).astype(int) - given).max() <= 2


def test_a_shadow_on_one_side_is_lifted() -> None:
    given = dimmed(plain(), SHADE[0], 0.4)
    assert level(given, SHADE[0]) < 90
    assert level(soften(given, MESH, 0.0), SHADE[0]) > 150


def test_what_both_sides_have_is_no_shadow() -> None:
    given = dimmed(dimmed(plain(), SHADE[0], 0.75), SHADE[1], 0.75)
    softened = soften(given, MESH, 0.0)
    assert all(abs(level(softened, point) - level(given, point)) < 10 for point in SHADE)


def test_gloss_gets_duller() -> None:
    given = dimmed(plain(60, 70, 110), 151, 1.8)
    assert level(given, 151) > 190
    assert level(soften(given, MESH, 0.0), 151) < 160


def test_folds_are_flattened_as_far_as_the_mouth_smiles() -> None:
    beside_mouth = 206
    given = dimmed(dimmed(plain(), beside_mouth, 0.7, 5), int(mirror_points()[beside_mouth]), 0.7, 5)
    levels = [level(soften(given, MESH, smile), beside_mouth) for smile in (0.0, 0.5, 1.0)]
    assert levels[0] + 5 < levels[1] < levels[2] - 5


def test_features_stay_as_they_are() -> None:
    given, topology = plain(), load_face_mesh()
    dark = draw_part(given.shape, MESH, *on_both_sides(BROW), *topology.eyes, topology.lips) > 0
    given[dark, :3] = (20, 25, 60)
    inner = cv2.erode(dark.astype(np.uint8), np.ones((5, 5))) > 0
    assert np.abs(soften(given, MESH, 1.0)[inner].astype(int) - given[inner]).max() <= 2


def test_brows_on_brown_skin_get_its_tint_and_on_pale_skin_keep_their_own() -> None:
    x, y = np.rint(MESH[105, :2]).astype(int).tolist()
    for skin, is_changed in (((40, 70, 140), True), ((150, 170, 210), False)):
        given = plain(*skin)
        given[draw_part(given.shape, MESH, *on_both_sides(BROW)) > 0, :3] = 30
        blue, _, red = soften(given, MESH, 0.0)[y + 2, x, :3].tolist()
        assert (blue < 0.6 * red) == is_changed


def test_alpha_stays_as_it_is() -> None:
    given = dimmed(plain(), SHADE[0], 0.4)
    given[:50, :, 3] = 0
    np.testing.assert_array_equal(soften(given, MESH, 1.0)[:, :, 3], given[:, :, 3])


def test_mirroring_twice_gives_every_point_itself() -> None:
    np.testing.assert_array_equal(mirror_points()[mirror_points()], np.arange(468))
