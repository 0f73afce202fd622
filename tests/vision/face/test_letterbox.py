"""Tests of the fit of frames into square inputs."""

import numpy as np
import pytest

from edgefuse.vision.face.letterbox import Letterbox


@pytest.mark.parametrize("shape", [(720, 1280), (1280, 720), (128, 128), (1, 1), (3, 500), (50, 64)])
def test_points_of_the_picture_are_the_same_points_of_the_frame(shape: tuple[int, int]) -> None:
    box = Letterbox(128)
    box.write(np.full((*shape, 3), 255, np.uint8))
    rows, columns = np.nonzero(box.picture[:, :, 0])
    corners = np.array(((columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)), np.float32)
    np.testing.assert_allclose(box.to_frame(corners), ((0, 0), shape[::-1]), atol=1e-3)


def test_bars_are_black_again_after_a_frame_of_another_size() -> None:
    box = Letterbox(64)
    box.write(np.full((100, 100, 3), 255, np.uint8))
    box.write(np.full((50, 100, 3), 255, np.uint8))
    assert not box.picture[:16].any() and box.picture[16:48].all() and not box.picture[48:].any()
