"""The matrices against the equations of their standards, and both directions against each other."""

from __future__ import annotations

import numpy as np
import pytest

from edgefuse.vision.media.yuv import BT601, BT709, BT2020, BgrToYuv420, YuvMatrix, YuvToBgr, usual_matrix


@pytest.mark.parametrize("matrix", [BT601, BT709, BT2020])
def test_white_black_and_grey_have_no_colour(matrix: YuvMatrix) -> None:
    for level, luma in ((255, 235), (0, 16), (128, 16 + 128 * 219 / 255)):
        assert np.allclose(matrix.from_bgr() @ [level, level, level, 1], [luma, 128, 128], atol=1e-3)


def test_red_has_the_values_of_the_standards() -> None:
    # ITU-R BT.601-7 and BT.709-6, 100 % red in 8-bit limited range.
    assert np.allclose(BT601.from_bgr() @ [0, 0, 255, 1], [81.48, 90.20, 240.0], atol=0.01)
    assert np.allclose(BT709.from_bgr() @ [0, 0, 255, 1], [62.56, 102.34, 240.0], atol=0.01)


def test_full_range_of_601_is_what_jpeg_uses() -> None:
    # JFIF 1.02, page 3.
    jpeg = YuvMatrix(BT601.red, BT601.blue, is_full_range=True)
    assert np.allclose(jpeg.from_bgr() @ [0, 0, 255, 1], [76.245, 84.97, 255.5], atol=0.01)


@pytest.mark.parametrize("is_full_range", [False, True])
@pytest.mark.parametrize("matrix", [BT601, BT709])
def test_there_and_back_changes_no_pixel_by_more_than_rounding(matrix: YuvMatrix, is_full_range: bool) -> None:
    matrix = YuvMatrix(matrix.red, matrix.blue, is_full_range)
    # Every 2x2 block has one colour, so that averaging chroma loses nothing; no channel is at its limit.
    blocks = np.random.default_rng(3).integers(30, 220, (24, 32, 3), np.uint8)
    picture = blocks.repeat(2, axis=0).repeat(2, axis=1)
    planes = [np.zeros((48, 64), np.uint8), np.zeros((24, 32), np.uint8), np.zeros((24, 32), np.uint8)]
    BgrToYuv420(64, 48, matrix).convert(picture, planes)
    back = np.zeros_like(picture)
    YuvToBgr(64, 48, matrix).convert(planes, back)
    # Half a level of luma and of chroma, times at most 2.1.
    assert np.abs(back.astype(int) - picture).max() <= 2


def test_high_definition_is_taken_as_709_and_smaller_pictures_as_601() -> None:
    assert [usual_matrix(height_px) for height_px in (300, 576, 720, 1080)] == [BT601, BT601, BT709, BT709]
