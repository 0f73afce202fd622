"""Tests of what faces are remembered by."""

import numpy as np
import pytest

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.identity import Sketch, deviation, sketch, unlikeness
from edgefuse.vision.face.patches import GRID

FRAME_NS = NS_PER_S // 25


def look(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (3, GRID, GRID)).astype(np.float32)


def box(x_px: float, size_px: float = 60) -> np.ndarray:
    return np.array((x_px - size_px / 2, 100 - size_px / 2, x_px + size_px / 2, 100 + size_px / 2), np.float32)


def watch(frames: int, speed_px: float, seed: int = 1) -> Sketch:
    known = None
    for index in range(frames):
        known = sketch(known, look(seed), box(100 + speed_px * index), index * FRAME_NS)
    assert known is not None
    return known


def test_a_face_is_more_like_itself_than_like_another() -> None:
    known = watch(20, 0)
    assert unlikeness(known, look(1)) == pytest.approx(0, abs=1e-3)
    assert unlikeness(known, look(2)) > 2


def test_a_hand_before_a_part_of_a_face_does_not_make_it_another() -> None:
    covered = look(1)
    covered[:, 11:, 4:12] = 5
    assert unlikeness(watch(20, 0), covered) < unlikeness(watch(20, 0), look(2)) / 2


def test_a_face_that_walks_on_is_where_it_was_heading() -> None:
    known = watch(40, speed_px=4)
    later_ns, there = 49 * FRAME_NS, 100 + 4 * 49
    assert deviation(known, box(there), later_ns) < 0.1
    assert deviation(known, box(100 + 4 * 39), later_ns) > 0.3


def test_a_face_does_not_change_its_size_at_once() -> None:
    known = watch(10, 0)
    assert deviation(known, box(100, 90), 10 * FRAME_NS) > deviation(known, box(100, 63), 10 * FRAME_NS) + 0.3


def test_after_a_gap_nothing_is_known_of_the_motion() -> None:
    known = sketch(watch(20, speed_px=4), look(1), box(500), 60 * NS_PER_S)
    np.testing.assert_array_equal(known.velocity, 0)
