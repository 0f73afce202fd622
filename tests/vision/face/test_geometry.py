"""Tests of boxes and regions."""

import math

import numpy as np
import pytest

from edgefuse.vision.face.geometry import Region, box_around, box_overlap, region_around


def test_the_middle_of_a_crop_is_the_middle_of_its_region() -> None:
    region = Region(x_px=300, y_px=200, side_px=90, angle_rad=0.7)
    matrix = region.crop_to_frame(192)
    np.testing.assert_allclose(matrix[:, :2] @ (96, 96) + matrix[:, 2], (300, 200))


def test_the_upper_edge_of_a_crop_runs_along_the_eyes() -> None:
    box = np.array((100, 100, 200, 220), np.float32)
    eyes = np.array(((120, 140), (180, 170)), np.float32)
    matrix = region_around(box, eyes, margin=1.5).crop_to_frame(100)
    edge = matrix[:, :2] @ (100, 0)
    assert math.atan2(edge[1], edge[0]) == pytest.approx(math.atan2(30, 60))
    assert np.hypot(*edge) == pytest.approx(1.5 * 120)


def test_a_box_reaches_from_the_first_to_the_last_point() -> None:
    points = np.array(((3, 9, 1), (7, 2, 5), (5, 5, -9)), np.float32)
    np.testing.assert_array_equal(box_around(points), (3, 2, 7, 9))


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ((0, 0, 10, 10), 1.0),
        ((2, 2, 4, 4), 1.0),
        ((5, 0, 15, 10), 0.5),
        ((10, 0, 20, 10), 0.0),
        ((30, 30, 40, 40), 0.0),
        ((5, 5, 5, 5), 0.0),
    ],
)
def test_overlap_is_the_share_of_the_smaller_box(other: tuple[int, ...], share: float) -> None:
    box = np.array((0, 0, 10, 10), np.float32)
    assert box_overlap(box, np.array(other, np.float32)) == pytest.approx(share)
