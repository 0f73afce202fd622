"""What the governor decides, state and observation in, state and decision out."""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefuse.config.profile import Trip, find_profile
from edgefuse.thermal.governor import (
    CHANGES_AN_HOUR,
    DWELL_S,
    GO_S,
    UP_DWELL_S,
    Decision,
    GovernorState,
    resume,
    step,
)
from edgefuse.thermal.observation import Nearest, Observation, find_band, find_nearest

LADDER = find_profile("raspberry-pi-5").ladder
LAST = len(LADDER) - 1
TRIP_C, EXIT_C = 75.0, 68.0
FLOOR = ("trip", "blind")


def look(now_s: float, temp_c: float | None, **more: object) -> Observation:
    nearest = None if temp_c is None else Nearest("cpu-thermal", temp_c, TRIP_C, EXIT_C)
    return msgspec.structs.replace(Observation(now_s=now_s, nearest=nearest, running=0), **more)


def follow(
    temps_c: list[float], state: GovernorState | None = None, begin_s: float = 0.0, **more: object
) -> tuple[GovernorState, list[Decision]]:
    """Show a temperature a second; the worker runs what was decided."""
    state, decisions = state or GovernorState(), []
    for index, temp_c in enumerate(temps_c):
        running = None if state is None else state.point
        state, decision = step(state, look(begin_s + index, temp_c, running=running, **more), LADDER)
        decisions.append(decision)
    return state, decisions


def test_a_cool_board_stays_at_the_best_point() -> None:
    _, decisions = follow([45.0] * 600)
    assert {d.point for d in decisions} == {0}
    assert (decisions[-1].reason, decisions[-1].band) == ("holds", "cool")


def test_a_board_that_warms_up_steps_down_before_its_trip() -> None:
    temps_c = [74.9 - 40 * math.exp(-t / 100) + 5 for t in range(400)]  # towards 79.9 C
    _, decisions = follow(temps_c)
    first = next(index for index, d in enumerate(decisions) if d.point > 0)
    assert temps_c[first] < TRIP_C
    assert decisions[first].reason in ("holds", "hot")


def test_at_the_trip_the_coolest_point_is_taken_whatever_was_just_done() -> None:
    state, _ = follow([70.0])
    state = msgspec.structs.replace(state, point=1, changes_s=(0.0,))
    _, decisions = follow([80.0] * 10, state, begin_s=1.0)
    assert (decisions[-1].point, decisions[-1].reason, decisions[-1].band) == (LAST, "trip", "critical")


def test_after_the_trip_it_waits_until_the_board_has_cooled_down() -> None:
    state, _ = follow([76.0] * 5)
    state, warm = follow([EXIT_C + 0.5] * 600, state, begin_s=5.0)
    _, cool = follow([EXIT_C - 5.0] * 300, state, begin_s=605.0)
    assert {d.point for d in warm} == {LAST}
    assert cool[-1].point < LAST


def test_a_blind_governor_takes_the_coolest_point() -> None:
    state, _ = follow([45.0] * 60)
    _, decision = step(state, look(60.0, None, is_blind=True), LADDER)
    assert (decision.point, decision.reason, decision.band) == (LAST, "blind", "critical")


def test_a_board_without_trips_runs_at_its_best() -> None:
    _, decision = step(GovernorState(point=2), look(0.0, None), LADDER)
    assert (decision.point, decision.reason, decision.predicted_c) == (0, "no_trip", None)


def test_a_pin_is_followed_at_once() -> None:
    state, _ = follow([45.0] * 10)
    _, decision = step(state, look(10.0, 45.0, pin=3), LADDER)
    assert (decision.point, decision.reason) == (3, "pinned")


def test_a_pin_is_not_followed_above_the_trip() -> None:
    _, decisions = follow([80.0] * 3, pin=0)
    assert (decisions[-1].point, decisions[-1].reason) == (LAST, "trip")


def test_a_pin_beyond_a_shorter_ladder_is_the_coolest_point() -> None:
    _, decision = step(GovernorState(), look(0.0, 45.0, pin=9), LADDER)
    assert decision.point == LAST


def test_a_throttled_board_goes_down_a_point_a_dwell() -> None:
    _, decisions = follow([60.0] * 100, is_throttled=True)
    changes = [i for i, (a, b) in enumerate(pairwise(decisions)) if a.point != b.point]
    assert [d.point for d in decisions[:: int(DWELL_S)]] == [1, 2, 3, 4]
    assert all(later - earlier >= DWELL_S for earlier, later in pairwise(changes))
    assert decisions[0].reason == "throttled"


def test_a_throttled_board_does_not_go_up_soon() -> None:
    state, _ = follow([45.0] * 5, is_throttled=True)
    _, calm = follow([45.0] * 900, state, begin_s=5.0)
    first_up = next(index for index, d in enumerate(calm) if d.point == 0)
    assert first_up >= GO_S - 5


def test_frames_that_take_longer_without_cause_cost_a_point() -> None:
    state, _ = follow([60.0] * 120, frame_ms=30.0, faces=1.0)
    _, decisions = follow([60.0] * 40, state, begin_s=120.0, frame_ms=60.0, faces=1.0)
    assert (decisions[-1].point, "slow" in {d.reason for d in decisions}) == (1, True)


def test_frames_that_take_longer_with_more_faces_do_not() -> None:
    state, _ = follow([60.0] * 120, frame_ms=30.0, faces=1.0)
    _, decisions = follow([60.0] * 90, state, begin_s=120.0, frame_ms=60.0, faces=3.0)
    assert {d.point for d in decisions} == {0}


def test_what_was_learned_survives_a_restart() -> None:
    state, _ = follow([70.0 - 30 * math.exp(-t / 100) for t in range(900)])
    kept = msgspec.json.decode(msgspec.json.encode(state), type=GovernorState)
    resumed = resume(kept, LADDER)
    assert kept == state
    assert (resumed.model, resumed.point, resumed.changes_s) == (state.model, 0, ())
    _, decisions = follow([30.0] * 5, resumed, begin_s=3.0)  # the clock begins anew
    assert decisions[-1].point == 0


def test_another_ladder_is_learned_anew() -> None:
    state, _ = follow([70.0] * 60)
    assert resume(state, LADDER[:-1]) == GovernorState()


def test_the_reason_says_what_a_better_point_would_come_to() -> None:
    _, decisions = follow([74.9 - 40 * math.exp(-t / 100) + 5 for t in range(150)])
    down = next(d for d in decisions if d.point > 0)
    assert f"at point {down.point - 1}" in down.text
    assert "trip 75 C" in down.text


@pytest.mark.parametrize(("over_k", "band"), [(-15.1, "cool"), (-15, "warm"), (-5, "hot"), (0, "critical")])
def test_bands_go_by_the_distance_to_the_trip(over_k: float, band: str) -> None:
    assert find_band(over_k) == band


def test_the_zone_nearest_to_its_trip_counts() -> None:
    trips = (Trip(zone="cpu*", enter_c=66, exit_c=60), Trip(zone="soc*", enter_c=90, exit_c=80))
    found = find_nearest({"cpu-thermal": 50.0, "soc-thermal": 80.0, "gpu-thermal": 99.0}, trips)
    assert found == Nearest("soc-thermal", 80.0, 90, 80)
    assert find_nearest({"gpu-thermal": 99.0}, trips) is None


TEMPS_C = st.one_of(st.none(), st.floats(-40, 125), st.floats(68, 76), st.floats(40, 75))
LOOKS = st.tuples(TEMPS_C, st.sampled_from([0.5, 1.0, 2.0, 2.0, 90.0]), st.integers(0, 20), st.floats(5, 200))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(LOOKS, st.integers(1, 40)), max_size=12))
def test_no_series_of_temperatures_makes_it_hasty_or_mad(series: list[tuple[tuple[float, ...], int]]) -> None:
    state, now_s, changes = GovernorState(), 0.0, []
    for (temp_c, passed_s, chance, frame_ms), repeats in series:
        for _ in range(repeats):
            now_s += passed_s
            more = {"is_throttled": chance == 0, "is_blind": chance == 1, "frame_ms": frame_ms}
            before = state.point
            seen = look(now_s, temp_c, running=None if chance == 2 else before, **more)
            state, decision = step(state, seen, LADDER)
            assert 0 <= decision.point == state.point <= LAST
            assert decision.predicted_c is None or math.isfinite(decision.predicted_c)
            if decision.point != before:
                changes.append((now_s, decision.point < before, decision.reason in FLOOR))
    for (before_s, _, _), (now_s, is_up, is_floor) in pairwise(changes):
        assert is_floor or now_s - before_s >= (UP_DWELL_S if is_up else DWELL_S)
    ups = [now_s for now_s, is_up, _ in changes if is_up]
    for begin_s in ups:
        earlier = [now_s for now_s, _, _ in changes if begin_s - 3600 < now_s <= begin_s]
        assert len(earlier) < CHANGES_AN_HOUR
    if state.model is not None:
        assert all(map(math.isfinite, state.model.numbers))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-40, 125), min_size=1, max_size=30))
def test_above_the_trip_for_half_a_minute_is_always_at_the_coolest_point(temps_c: list[float]) -> None:
    state, _ = follow([temp_c for temp_c in temps_c for _ in range(15)])
    _, decisions = follow([TRIP_C + 1.0] * 30, state, begin_s=15.0 * len(temps_c))
    assert decisions[-1].point == LAST
