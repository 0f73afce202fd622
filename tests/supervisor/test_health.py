"""Health is frames delivered."""

from __future__ import annotations

from fakes.beats import beat

from edgefuse.supervisor import health
from edgefuse.supervisor.health import Health

OPEN = health.on_opened(health.start(0.0), 0.0)


def illness_after(state: Health, now_s: float) -> str:
    """Judge every half second until then; give the last word."""
    word = ""
    while state.judged_s < now_s:
        state, word = health.judge(state, state.judged_s + 0.5)
    return word


def test_a_worker_that_delivers_is_well() -> None:
    state = OPEN
    for second in range(1, 100):
        state, word = health.judge(health.on_beat(state, beat(frames_out=second), second), second)
        assert word == ""


def test_no_heartbeat_is_a_hang() -> None:
    assert "no heartbeat" in illness_after(OPEN, health.BEAT_S + 1)


def test_beats_without_frames_are_no_health() -> None:
    state, word = OPEN, ""
    for second in range(1, 13):
        state, word = health.judge(health.on_beat(state, beat(frames_out=7), second), second)
    assert "delivers nothing" in word


def test_a_worker_that_says_nothing_while_it_should_plan_hangs() -> None:
    assert illness_after(health.start(0.0), health.SIGN_S) == ""
    assert "no sign of life" in illness_after(health.start(0.0), health.SIGN_S + 1)


def test_a_worker_that_fetches_models_for_minutes_is_well() -> None:
    state = health.start(0.0)
    for second in range(1, 600):
        state, word = health.judge(health.on_alive(state, second), second)
        assert word == ""


def test_a_worker_that_compiles_models_for_minutes_may_be_silent() -> None:
    assert illness_after(health.on_planned(health.start(0.0)), 170.0) == ""


def test_a_source_that_went_away_is_waited_for() -> None:
    state = OPEN
    for second in range(1, 100):
        state, word = health.judge(health.on_beat(state, beat(source="waiting"), second), second)
        assert word == ""


def test_a_paused_worker_is_well() -> None:
    state = OPEN
    for second in range(1, 100):
        state, word = health.judge(health.on_beat(state, beat(source="paused"), second), second)
        assert word == ""


def test_a_source_that_came_back_has_time_to_deliver() -> None:
    state = OPEN
    for second in range(1, 60):
        state, _ = health.judge(health.on_beat(state, beat(source="waiting"), second), second)
    state = health.on_beat(state, beat(), 60.0)
    assert health.judge(state, 60.5)[1] == ""


def test_a_supervisor_that_stood_still_blames_nobody() -> None:
    state, _ = health.judge(OPEN, 0.5)
    state, word = health.judge(state, 500.0)
    assert word == "" and illness_after(state, 504.0) == ""
