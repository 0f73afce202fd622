"""Tests of the rectangle that an effect works in."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefuse.vision.fusion.area import Area, area_around

FRAME = (720, 1280, 3)


def area(*box: float, longest_px: int = 256) -> Area | None:
    return area_around(np.array(box, np.float32), FRAME, longest_px)


@given(
    st.floats(-3000, 3000), st.floats(-3000, 3000), st.floats(1, 3000), st.floats(1, 3000), st.sampled_from([96, 256])
)
def test_the_area_lies_in_the_frame_and_its_work_picture_within_the_limit(
    x: float, y: float, width: float, height: float, longest_px: int
) -> None:
    found = area(x, y, x + width, y + height, longest_px=longest_px)
    if found is not None:
        assert found.left_px >= 0 and found.left_px + found.width_px <= FRAME[1]
        assert found.top_px >= 0 and found.top_px + found.height_px <= FRAME[0]
        assert min(found.work_width_px, found.work_height_px) >= 1
        assert max(found.work_width_px, found.work_height_px) <= longest_px


@pytest.mark.parametrize("box", [(-90, 0, -10, 80), (1300, 0, 1400, 80), (0, 800, 80, 900)])
def test_a_box_beside_the_frame_has_no_area(box: tuple[float, ...]) -> None:
    assert area(*box) is None


def test_a_small_face_is_not_scaled_up() -> None:
    found = area(100, 100, 180, 180)
    assert found is not None
    assert (found.work_width_px, found.work_height_px) == (found.width_px, found.height_px)


def test_fewer_pixels_are_worked_on_at_a_smaller_size() -> None:
    sizes = [area(100, 100, 600, 700, longest_px=px) for px in (360, 256, 192, 128)]
    pixels = [found.work_width_px * found.work_height_px for found in sizes if found is not None]
    assert len(pixels) == 4 and all(small < 0.6 * large for large, small in itertools.pairwise(pixels))


def test_corners_of_the_area_become_corners_of_the_work_picture() -> None:
    found = Area(left_px=10, top_px=20, width_px=40, height_px=80, work_width_px=20, work_height_px=40)
    outer = np.array([[9.5, 19.5, 8.0], [49.5, 99.5, 8.0]], np.float32)
    np.testing.assert_allclose(found.to_work(outer), [[-0.5, -0.5, 4], [19.5, 39.5, 4]])
