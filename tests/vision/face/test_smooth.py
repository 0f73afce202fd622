"""Tests of One-Euro smoothing."""

import numpy as np
from numpy.typing import NDArray

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.smooth import OneEuro, gap_s

FRAME_NS = NS_PER_S // 30
FACE_PX = 200.0


def follow(points: list[NDArray[np.float32]], times_ns: list[int]) -> list[NDArray[np.float32]]:
    filter_ = OneEuro()
    return [filter_.smooth(p, t, FACE_PX) for p, t in zip(points, times_ns, strict=True)]


def noisy(frames: int, spread_px: float) -> list[NDArray[np.float32]]:
    draw = np.random.default_rng(0)
    return [draw.normal(100, spread_px, (468, 3)).astype(np.float32) for _ in range(frames)]


def test_a_resting_face_trembles_half_as_much() -> None:
    raw = noisy(90, spread_px=0.1)
    smooth = follow(raw, [i * FRAME_NS for i in range(90)])
    assert np.std(smooth[30:], axis=0).mean() < 0.5 * np.std(raw[30:], axis=0).mean()


def test_a_moving_face_is_followed_within_a_frame() -> None:
    raw = [np.full((468, 3), 20.0 * i, np.float32) for i in range(30)]  # 3 face widths a second
    smooth = follow(raw, [i * FRAME_NS for i in range(30)])
    assert np.abs(smooth[-1] - raw[-1]).max() < 20.0


def test_a_moving_mouth_does_not_free_a_resting_nose() -> None:
    raw = noisy(60, spread_px=0.1)
    alone = follow(raw, [i * FRAME_NS for i in range(60)])
    for i, points in enumerate(raw):
        points[100:] += 10 * i
    together = follow(raw, [i * FRAME_NS for i in range(60)])
    np.testing.assert_array_equal(np.array(alone)[:, :100], np.array(together)[:, :100])


def test_smoothing_depends_on_time_not_on_frames() -> None:
    """Half of the frames lost must not halve the smoothing: a step is answered alike at 60 and at 30 Hz."""
    step = [np.zeros((468, 3), np.float32)] + [np.ones((468, 3), np.float32)] * 60
    fast = follow(step, [i * FRAME_NS // 2 for i in range(61)])
    slow = follow(step[:31], [i * FRAME_NS for i in range(31)])
    np.testing.assert_allclose(fast[20][0, 0], slow[10][0, 0], atol=0.1)


def test_time_that_jumps_starts_anew() -> None:
    first, second = (np.full((468, 3), value, np.float32) for value in (0, 50))
    for jump_ns in (-FRAME_NS, 0, 2 * NS_PER_S):
        assert (follow([first, second], [NS_PER_S, NS_PER_S + jump_ns])[1] == second).all()


def test_a_gap_is_only_a_gap_forwards_and_short() -> None:
    assert gap_s(0, NS_PER_S // 2) == 0.5
    assert gap_s(None, 5) is None and gap_s(5, 5) is None and gap_s(5, 4) is None
    assert gap_s(0, NS_PER_S + 1) is None


def test_what_was_given_out_does_not_change_later() -> None:
    filter_ = OneEuro()
    given = filter_.smooth(np.zeros((468, 3), np.float32), 0, FACE_PX)
    filter_.smooth(np.ones((468, 3), np.float32), FRAME_NS, FACE_PX)
    assert not given.any()
