"""Tests of buffers that are viewed in changing sizes."""

import numpy as np
import pytest

from edgefuse.vision.scratch import Scratch


def test_views_of_any_shape_share_the_same_memory() -> None:
    scratch = Scratch(12, np.uint8)
    scratch.view(3, 4)[:] = 7
    assert scratch.view(2, 2, 3).tolist() == np.full((2, 2, 3), 7).tolist()
    assert scratch.view(2, 5).flags.c_contiguous


def test_a_view_larger_than_the_buffer_is_refused() -> None:
    with pytest.raises(ValueError, match="holds 12 values"):
        Scratch(12, np.uint8).view(4, 4)
