import pytest
from benching import ladder
from benching.ladder import Cost, LadderCost, Recording, describe, group_by_ladder, load_shipped, measure, record

from edgefuse.cli._plan import probe_board
from edgefuse.config.profile import OperatingPoint, Profile
from edgefuse.planning.board import Board
from edgefuse.vision.pool import Buffer

ROUNDS, FRAMES = (3, 12), 50
"""Rounds at first, and where a step saves too little in so few: a neighbour of a shared machine may slow one."""
LEAST_SAVING = 0.08  # half of what the full measurement asks: so few rounds are right within 7 points at best


def cost(rate_hz: float, saving: float | None) -> Cost:
    return Cost(OperatingPoint(effect_px=256, detect_px=128, rate_hz=rate_hz, detect_every=3), 0.1, saving)


def test_step_that_saves_too_little_fails_the_ladder() -> None:
    assert LadderCost(("a",), (cost(30, None), cost(20, 0.2))).is_saving
    weak = LadderCost(("a", "b"), (cost(30, None), cost(20, 0.2), cost(19, 0.05)))
    assert not weak.is_saving
    assert describe(weak).startswith("a, b: a step saves less than 15%")


def test_recording_leaves_out_frames_above_the_rate_by_their_times() -> None:
    captures, stream = record("pattern:64x48@30,frames=30", 30)
    source, buffer = Recording(captures, stream, 10.0), Buffer(stream.width_px * stream.height_px * 3)
    times_ns = []
    while (capture := source.read(buffer)) is not None:
        times_ns.append(capture.captured_ns)
    assert times_ns == [captures[index].captured_ns for index in range(0, 30, 3)]


def test_recording_fills_720p_frames_from_any_size() -> None:
    captures, stream = record("pattern:64x64@30,frames=2", 5)
    assert len(captures) == 2
    assert captures[0].pixels.shape == (stream.height_px, stream.width_px, 3) == (720, 1280, 3)


def test_profiles_with_the_same_ladder_are_measured_once() -> None:
    groups = group_by_ladder(load_shipped())
    ladders = [group[0].ladder for group in groups]
    assert len(set(ladders)) == len(ladders)


@pytest.fixture(scope="module")
def board(store: object) -> Board:
    return probe_board(None)


@pytest.mark.slow
@pytest.mark.parametrize("group", group_by_ladder(load_shipped()), ids=lambda group: group[0].id)
def test_each_step_saves_work_over_the_real_pipeline(group: list[Profile], board: Board, default_clip: object) -> None:
    captures, stream = ladder.record(str(default_clip), FRAMES)
    seen = []
    for rounds in ROUNDS:
        costs = measure(board, group, captures, stream, rounds).costs
        seen.append([c.saving for c in costs if c.saving is not None])
        if min(seen[-1]) >= LEAST_SAVING:
            return
    pytest.fail(f"savings of each step, by number of rounds: {seen}")
