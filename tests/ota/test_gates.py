"""What trials say: a slower, growing, blinder release fails, noise alone decides nothing."""

from __future__ import annotations

import random

import msgspec
import pytest
from fakes.updated_unit import figures
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefuse.ota.gates import Figures, Verdict, find_interval, find_verdict, judge
from edgefuse.store.terms import Gates

DEFAULTS = Gates()
TIMES_MS = st.floats(0.1, 1000)
BLOCKS = st.lists(TIMES_MS, max_size=40)


def changed(measured: Figures, **changes: object) -> Figures:
    return msgspec.structs.replace(measured, **changes)


def verdict_of(gate: str, new: Figures, old: Figures | None, *, gates: Gates = DEFAULTS, **more: object) -> Verdict:
    findings = judge(gates, new, old, **more)  # type: ignore[arg-type]
    return next(finding.verdict for finding in findings if finding.gate == gate)


def noisy(frame_ms: float, noise: float, seed: int, blocks: int = 40) -> Figures:
    """Give figures of a release whose blocks scatter by so many parts of their time."""
    draw = random.Random(seed)
    times = tuple(frame_ms * draw.lognormvariate(0.0, noise) for _ in range(blocks))
    return changed(figures(), frame_ms=times, p95_ms=times, memory_mb=(300.0,) * blocks)


def test_what_is_as_fast_as_before_passes() -> None:
    assert find_verdict(judge(Gates(), figures(), figures(), is_paired=True)) == "PASS"
    assert find_verdict(judge(Gates(), figures(), figures())) == "PASS"


@pytest.mark.parametrize("is_paired", [True, False])
def test_what_takes_30_percent_longer_fails_and_says_by_how_much(is_paired: bool) -> None:
    findings = judge(Gates(), figures(26.0), figures(20.0), is_paired=is_paired)
    assert find_verdict(findings) == "FAIL"
    assert findings[0].text.startswith("26.1 ms against 20.1 ms in band cool at point 0: 1.")
    assert findings[0].value == pytest.approx(1.3, abs=0.01)


@pytest.mark.parametrize("place", [{"band": "warm"}, {"point": 1}])
def test_figures_of_another_band_or_point_are_no_baseline(place: dict[str, object]) -> None:
    findings = judge(Gates(), figures(), changed(figures(), **place))
    assert find_verdict(findings) == "INCONCLUSIVE"
    assert "the release before was never measured in band cool at point 0" in findings[0].text


def test_too_few_frames_tell_nothing() -> None:
    short = changed(figures(), frame_ms=(20.0,) * 7)
    assert verdict_of("slowdown", short, figures()) == "INCONCLUSIVE"


def test_a_board_that_warms_up_is_no_slower_release_where_both_run_on_the_same_frames() -> None:
    drifting = tuple(20.0 * 1.05**i for i in range(20))
    both = changed(figures(), frame_ms=drifting, p95_ms=drifting)
    assert verdict_of("slowdown", both, both, is_paired=True) == "PASS"
    assert verdict_of("slowdown", both, both) == "INCONCLUSIVE"


@given(old=BLOCKS, new=BLOCKS, seed=st.integers(0, 99))
def test_the_same_times_in_another_order_never_fail(old: list[float], new: list[float], seed: int) -> None:
    shuffled = random.Random(seed).sample(old, len(old))
    before, after = changed(figures(), frame_ms=tuple(old)), changed(figures(), frame_ms=tuple(shuffled))
    assert verdict_of("slowdown", after, before) != "FAIL"
    assert verdict_of("slowdown", before, before, is_paired=True) != "FAIL"


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
def test_identical_releases_fail_by_noise_in_less_than_one_of_a_thousand_trials(noise: float) -> None:
    trials = [judge(Gates(), noisy(20.0, noise, i), noisy(20.0, noise, -i - 1), is_paired=True) for i in range(300)]
    assert sum(find_verdict(findings) == "FAIL" for findings in trials) == 0


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_a_release_that_is_30_percent_slower_never_passes(noise: float) -> None:
    trials = [judge(Gates(), noisy(26.0, noise, i), noisy(20.0, noise, -i - 1), is_paired=True) for i in range(100)]
    assert sum(find_verdict(findings) == "PASS" for findings in trials) == 0
    assert sum(find_verdict(findings) == "FAIL" for findings in trials) >= 90


@settings(max_examples=200)
@given(st.lists(TIMES_MS, min_size=8, max_size=60))
def test_the_interval_holds_the_median_of_what_was_measured(values: list[float]) -> None:
    interval = find_interval(values)
    assert interval is not None
    assert interval[0] <= sorted(values)[len(values) // 2] <= interval[1]


def test_memory_that_grows_fails_and_a_single_jump_does_not() -> None:
    growing = tuple(300.0 + i for i in range(20))  # 60 MB a minute
    jumped = (300.0,) * 3 + (340.0,) * 17
    assert verdict_of("memory", changed(figures(), memory_mb=growing), figures()) == "FAIL"
    assert verdict_of("memory", changed(figures(), memory_mb=jumped), figures()) == "PASS"
    assert verdict_of("memory", changed(figures(), memory_mb=growing), changed(figures(), memory_mb=growing)) == "PASS"


def test_the_ceiling_counts_whatever_the_release_before_took() -> None:
    gates = Gates(p95_ceiling_ms=15.0)
    assert verdict_of("p95", figures(20.0), figures(20.0), gates=gates) == "FAIL"
    assert verdict_of("p95", figures(10.0), None, gates=gates) == "PASS"


def test_the_floor_of_the_rate_asks_no_more_than_the_source_gives() -> None:
    gates = Gates(rate_floor_hz=25.0)
    slow_camera = changed(figures(), rate_hz=14.8, source_hz=15.0)
    assert verdict_of("rate", slow_camera, figures(), gates=gates) == "PASS"
    assert verdict_of("rate", changed(figures(), rate_hz=20.0), figures(), gates=gates) == "FAIL"


def test_faces_that_are_no_longer_found_fail_and_an_empty_room_tells_nothing() -> None:
    assert verdict_of("parity", figures(), figures(), parity=0.5) == "FAIL"
    assert verdict_of("parity", figures(), figures(), parity=0.95) == "PASS"
    assert verdict_of("parity", figures(), figures(), parity=0.5, is_parity_sure=False) == "INCONCLUSIVE"
    assert verdict_of("parity", figures(), figures(), parity=0.95, is_parity_sure=False) == "PASS"
    assert "parity" not in {finding.gate for finding in judge(Gates(), figures(), figures())}


def test_a_release_that_does_other_work_at_a_point_is_held_against_its_own_gates_there() -> None:
    slow = changed(figures(40.0), rate_hz=18.0)
    findings = judge(Gates(rate_floor_hz=20.0), slow, figures(20.0), is_same_point=False)
    assert [(finding.gate, finding.verdict) for finding in findings] == [("rate", "FAIL"), ("memory", "PASS")]


def test_figures_of_another_effect_are_not_compared() -> None:
    assert verdict_of("slowdown", figures(40.0), changed(figures(20.0), effect="none")) == "INCONCLUSIVE"
