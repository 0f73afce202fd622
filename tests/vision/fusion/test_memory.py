"""Tests of following what changes slowly."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefuse.vision.fusion.memory import EVERY, SHARE, Memory


def always(value: float | None) -> Callable[[], float | None]:
    return lambda: value


def test_what_is_seen_first_holds_at_once_and_what_follows_slowly() -> None:
    memory: Memory[float] = Memory()
    assert memory.follow(1, always(10)) == 10
    values = [memory.follow(1, always(20)) for _ in range(EVERY + 60)]
    assert values[EVERY - 1] == pytest.approx(10 + 10 * SHARE) and values[-1] == pytest.approx(20, abs=0.1)


def test_a_face_is_looked_at_now_and_then_and_changes_in_every_frame() -> None:
    memory, looks = Memory[float](), []

    def look() -> float:
        looks.append(1)
        return float(len(looks))

    values = [memory.follow(1, look) for _ in range(4 * EVERY + 1)]
    assert len(looks) == 5
    assert (np.diff(values[EVERY:]) > 0).all()


def test_in_busy_frames_a_look_is_put_off_but_not_for_long() -> None:
    memory: Memory[float] = Memory()
    memory.follow(1, always(10))
    values = [memory.follow(1, always(20), is_busy=True) for _ in range(2 * EVERY)]
    assert values[-2] == 10 and values[-1] == pytest.approx(10 + 10 * SHARE)


def test_two_memories_need_not_look_in_the_same_frames() -> None:
    memory: Memory[float] = Memory(EVERY - 1)
    memory.follow(1, always(10))
    assert memory.follow(1, always(20)) == pytest.approx(10 + 10 * SHARE)


def test_what_was_known_goes_on_while_nothing_can_be_told() -> None:
    memory: Memory[float] = Memory()
    assert memory.follow(1, always(None)) is None
    memory.follow(1, always(10))
    assert [memory.follow(1, always(None)) for _ in range(2 * EVERY)] == [10] * 2 * EVERY


def test_faces_do_not_share_what_is_remembered() -> None:
    memory: Memory[float] = Memory()
    memory.follow(1, always(10))
    assert memory.follow(2, always(50)) == 50


def test_a_face_that_was_forgotten_is_new() -> None:
    memory: Memory[float] = Memory()
    memory.follow(1, always(10))
    memory.forget_all_but([2])
    assert memory.follow(1, always(50)) == 50


def test_track_zero_has_no_past() -> None:
    memory: Memory[NDArray[np.float32]] = Memory()
    memory.follow(0, lambda: np.zeros(3, np.float32))
    np.testing.assert_array_equal(memory.follow(0, lambda: np.ones(3, np.float32)), 1)
