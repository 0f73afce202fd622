"""Frames that take longer than they did."""

from __future__ import annotations

from edgefuse.thermal.slowness import Slowness, name_situation, watch

HERE = name_situation(2, 1.0)


def play(state: Slowness, frames_ms: list[float], situation: str = HERE, begin_s: float = 0.0) -> Slowness:
    """Show a frame time every two seconds."""
    for index, frame_ms in enumerate(frames_ms):
        state = watch(state, begin_s + 2.0 * index, 2.0, situation, frame_ms)
    return state


LEARNED = play(Slowness(), [30.0] * 60)


def test_frames_that_have_become_slow_for_good_are_noticed() -> None:
    slow = play(LEARNED, [50.0] * 16, begin_s=120.0)
    assert not slow.has_lasted(149.0)
    assert slow.has_lasted(150.0)


def test_a_burst_is_not() -> None:
    burst = play(LEARNED, [50.0] * 10 + [30.0], begin_s=120.0)
    assert not burst.has_lasted(160.0)


def test_frames_a_little_slower_are_learned() -> None:
    drifted = play(LEARNED, [36.0] * 2000, begin_s=120.0)
    assert not drifted.has_lasted(1e9)
    assert 35.0 < drifted.usual[HERE].usual_ms <= 36.0


def test_slow_frames_are_never_taken_for_usual() -> None:
    assert play(LEARNED, [90.0] * 5000, begin_s=120.0).usual == LEARNED.usual


def test_more_faces_are_a_reason_to_be_slower() -> None:
    crowded = play(LEARNED, [60.0] * 60, name_situation(2, 3.2), begin_s=120.0)
    assert not crowded.has_lasted(1e9)


def test_nothing_is_usual_in_the_first_minute() -> None:
    assert not play(Slowness(), [30.0] * 20 + [90.0] * 9).has_lasted(1e9)
