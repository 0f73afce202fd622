"""Tests of blurring a donor as much as the frame is blurred."""

import cv2
import numpy as np
import pytest
from fakes.discs import disc_mesh

from edgefuse.vision.fusion.focus import Focus, FocusMeter
from edgefuse.vision.fusion.texture import Texture
from edgefuse.vision.types import Pixels

SIZE_PX = 200
MESH = disc_mesh(100, 100, 90)


def picture(seed: int, blur_px: float = 0.0) -> Pixels:
    """Draw blocks with hard edges."""
    blocks = np.random.default_rng(seed).integers(60, 200, (SIZE_PX // 8, SIZE_PX // 8, 3), dtype=np.uint8)
    drawn = np.repeat(np.repeat(blocks, 8, axis=0), 8, axis=1)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), blur_px), np.uint8) if blur_px else drawn


def donor(blur_px: float = 0.0) -> Texture:
    return Texture(np.dstack((picture(1, blur_px), np.full((SIZE_PX, SIZE_PX), 255, np.uint8))), MESH)


def sharpness(pixels: Pixels) -> float:
    told = FocusMeter(SIZE_PX).measure(pixels, MESH)
    assert told is not None
    return told


@pytest.mark.parametrize("blur_px", [0.6, 0.8, 1.0])
def test_a_donor_gets_nearly_as_soft_as_the_frame(blur_px: float) -> None:
    wanted = sharpness(picture(2, blur_px))
    matched = Focus([donor()]).match(donor(), wanted, 1.0)
    assert 0 < sharpness(matched.pixels) - wanted < 0.6 * (sharpness(donor().pixels) - wanted)


def test_a_donor_that_is_softer_than_the_frame_stays_as_it_is() -> None:
    given = donor(1.5)
    assert Focus([given]).match(given, sharpness(picture(2)), 1.0) is given


def test_a_donor_that_will_be_scaled_up_is_blurred_less() -> None:
    wanted = sharpness(picture(2, 0.8))
    same, less, least = (sharpness(Focus([donor()]).match(donor(), wanted, s).pixels) for s in (1.0, 0.8, 0.4))
    assert same < less < least == sharpness(donor().pixels)


def test_alpha_stays_as_it_is() -> None:
    assert (Focus([donor()]).match(donor(), 0.1, 1.0).pixels[:, :, 3] == 255).all()


def test_nothing_is_told_of_a_face_without_eyes_in_the_frame() -> None:
    assert FocusMeter(SIZE_PX).measure(picture(1), disc_mesh(100, -60, 90)) is None
    assert FocusMeter(SIZE_PX).measure(picture(1), disc_mesh(100, 100, 6)) is None
