"""Tests of fading out, waiting, and fading in."""

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from edgefuse.clock import NS_PER_S
from edgefuse.vision.fusion.presence import (
    DWELL_S,
    FADE_IN_FRAMES,
    FADE_OUT_FRAMES,
    PAUSED,
    Phase,
    Presence,
    Trust,
    first,
    step,
)

FRAME_NS = NS_PER_S // 30
TRUST, UNDECIDED, DOUBT = Trust.TRUST, Trust.UNDECIDED, Trust.DOUBT
TRUSTS = st.lists(st.tuples(st.sampled_from(Trust), st.integers(1, 12)), max_size=30)


def play(presence: Presence, trusts: Sequence[Trust], frame_ns: int = FRAME_NS) -> list[Presence]:
    shown = []
    for index, trust in enumerate(trusts):
        presence = step(presence, trust, index * frame_ns)
        shown.append(presence)
    return shown


def unroll(runs: list[tuple[Trust, int]]) -> list[Trust]:
    return [trust for trust, length in runs for _ in range(length)]


def test_a_trusted_face_is_fused_from_its_first_frame_and_a_doubtful_one_is_not() -> None:
    assert first(TRUST).opacity == 1
    assert first(DOUBT) == first(UNDECIDED) == PAUSED


def test_doubt_fades_a_face_out_within_a_few_frames() -> None:
    shown = play(Presence(), [DOUBT] * 4)
    assert [p.phase for p in shown] == [Phase.FADING_OUT, Phase.FADING_OUT, Phase.PAUSED, Phase.PAUSED]
    assert shown[0].opacity > shown[1].opacity > 0 == shown[2].opacity


def test_a_paused_face_waits_and_fades_in() -> None:
    shown = play(PAUSED, [TRUST] * 30)
    first_seen = next(i for i, p in enumerate(shown) if p.opacity > 0)
    assert first_seen * FRAME_NS >= DWELL_S * NS_PER_S
    assert [p.opacity for p in shown[first_seen:][:FADE_IN_FRAMES]] == [
        (i + 1) / FADE_IN_FRAMES for i in range(FADE_IN_FRAMES)
    ]
    assert shown[-1].phase is Phase.VISIBLE


def test_one_frame_of_doubt_begins_the_wait_anew() -> None:
    shown = play(PAUSED, [*[TRUST] * 8, DOUBT, *[TRUST] * 8])
    assert all(p.opacity == 0 for p in shown)


def test_doubt_turns_a_fade_in_back() -> None:
    shown = play(Presence(Phase.FADING_IN, 0.5), [TRUST, DOUBT, TRUST, TRUST, TRUST])
    assert [p.phase for p in shown[:2]] == [Phase.FADING_IN, Phase.FADING_OUT]
    assert shown[-1].phase is Phase.PAUSED


def test_between_the_limits_nothing_changes() -> None:
    assert all(p == Presence() for p in play(Presence(), [UNDECIDED] * 50))
    assert all(p == PAUSED for p in play(PAUSED, [UNDECIDED] * 50))


def test_a_source_that_starts_again_does_not_keep_a_face_paused() -> None:
    waiting = step(PAUSED, TRUST, 10**15)
    assert play(waiting, [TRUST] * 30)[-1].phase is Phase.VISIBLE


@given(TRUSTS)
def test_the_opacity_never_jumps_and_stays_in_its_range(runs: list[tuple[Trust, int]]) -> None:
    opacities = [1.0, *(p.opacity for p in play(Presence(), unroll(runs)))]
    for before, after in itertools.pairwise(opacities):
        assert -1 / FADE_OUT_FRAMES - 1e-9 <= after - before <= 1 / FADE_IN_FRAMES + 1e-9
    assert all(0 <= opacity <= 1 for opacity in opacities)


@given(TRUSTS)
def test_a_doubtful_face_is_never_fused_for_longer_than_the_fade(runs: list[tuple[Trust, int]]) -> None:
    trusts = unroll(runs)
    shown = play(Presence(), trusts)
    for end in range(FADE_OUT_FRAMES, len(trusts) + 1):
        if all(trust is DOUBT for trust in trusts[end - FADE_OUT_FRAMES : end]):
            assert shown[end - 1].opacity == 0


@given(TRUSTS, st.integers(NS_PER_S // 120, NS_PER_S // 5))
def test_a_face_never_comes_back_sooner_than_the_dwell(runs: list[tuple[Trust, int]], frame_ns: int) -> None:
    last_fused_ns = 0
    for index, presence in enumerate(play(Presence(), unroll(runs), frame_ns)):
        is_back = presence.phase is Phase.FADING_IN and presence.opacity == 1 / FADE_IN_FRAMES
        if is_back:
            assert index * frame_ns - last_fused_ns >= DWELL_S * NS_PER_S
        if presence.opacity > 0:
            last_fused_ns = index * frame_ns


@given(TRUSTS)
def test_a_fade_out_always_ends_in_a_pause(runs: list[tuple[Trust, int]]) -> None:
    shown = play(Presence(), unroll(runs))
    for before, after in itertools.pairwise(shown):
        if before.phase is Phase.FADING_OUT:
            assert after.phase in (Phase.FADING_OUT, Phase.PAUSED)
