"""Tests of following what changes slowly."""

import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.fusion.memory import SHARE, Memory


def test_what_is_seen_first_holds_at_once_and_what_follows_slowly() -> None:
    memory: Memory[float] = Memory()
    assert memory.follow(1, 10.0) == 10.0
    assert abs(memory.follow(1, 20.0) - (10 + 10 * SHARE)) < 1e-5


def test_faces_do_not_share_what_is_remembered() -> None:
    memory: Memory[float] = Memory()
    memory.follow(1, 10.0)
    assert memory.follow(2, 50.0) == 50.0


def test_a_face_that_was_forgotten_is_new() -> None:
    memory: Memory[float] = Memory()
    memory.follow(1, 10.0)
    memory.forget_all_but([2])
    assert memory.follow(1, 50.0) == 50.0


def test_track_zero_has_no_past() -> None:
    memory: Memory[NDArray[np.float32]] = Memory()
    memory.follow(0, np.zeros(3, np.float32))
    np.testing.assert_array_equal(memory.follow(0, np.ones(3, np.float32)), 1)
