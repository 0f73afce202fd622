"""From what a worker tells to figures."""

from __future__ import annotations

import msgspec
import pytest
from fakes.control import make_status

from edgefuse import ipc
from edgefuse.ota.gates import Band
from edgefuse.supervisor.trial_figures import KEPT_BLOCKS, KEPT_CIRCUMSTANCES, LEAST_FACES, SURE_FACES, Meter, Pairs


def beat(**changes: object) -> ipc.Heartbeat:
    """Give a heartbeat of a worker that delivers."""
    given = make_status().heartbeat
    assert given is not None
    return msgspec.structs.replace(
        given, stages_ms={"capture": 30.0, "find": 5.0, "mark": 3.0, "deliver": 9.0}, **changes
    )


def measure(meter: Meter, seconds: float, band: Band = "cool", start_s: float = 0.0, **changes: object) -> float:
    """Let two heartbeats a second come; give when the last one came."""
    for half in range(int(2 * seconds) + 1):
        meter.add(beat(**changes), band, start_s + half / 2)
    return start_s + int(2 * seconds) / 2


def test_waiting_for_a_camera_or_a_viewer_is_no_time_of_a_frame() -> None:
    meter = Meter(block_s=4.0)
    measure(meter, 12.0, rss_mb=200.0)
    figures = meter.newest()
    assert figures is not None
    assert (figures.frame_ms, figures.block_s, figures.memory_mb) == ((8.0,) * 3, 4.0, (200.0,) * 3)


def test_bands_points_and_effects_are_measured_apart() -> None:
    meter = Meter(block_s=2.0)
    at_s = measure(meter, 4.0)
    at_s = measure(meter, 4.0, "warm", at_s)
    at_s = measure(meter, 4.0, "warm", at_s, point=3)
    measure(meter, 4.0, "warm", at_s, point=3, effect="none")
    assert [figures.circumstances for figures in meter.all()] == [
        ("cool", 2, "anonymise"), ("warm", 2, "anonymise"), ("warm", 3, "anonymise"), ("warm", 3, "none"),
    ]  # fmt: skip


@pytest.mark.parametrize("source", ["waiting", "paused"])
def test_a_pause_ends_a_block(source: str) -> None:
    meter = Meter(block_s=4.0)
    at_s = measure(meter, 3.0)
    meter.add(beat(source=source), "cool", at_s + 0.5)
    assert meter.newest() is None and list(meter.all()) == []
    measure(meter, 4.0, start_s=at_s + 1.0)
    assert meter.newest() is not None


def test_what_is_kept_is_bounded() -> None:
    meter, at_s = Meter(block_s=1.0), 0.0
    for point in range(KEPT_CIRCUMSTANCES + 3):
        at_s = measure(meter, 2.0, start_s=at_s, point=point)
    assert len(list(meter.all())) == KEPT_CIRCUMSTANCES
    measure(meter, 2.0 * KEPT_BLOCKS, start_s=at_s)
    figures = meter.newest()
    assert figures is not None and len(figures.frame_ms) == KEPT_BLOCKS


def compared(**changes: object) -> ipc.Compared:
    """Give a block of frames that both had."""
    block = ipc.Compared(
        point=0, block_s=2.0, old=ipc.Times(8.0, 10.0), new=ipc.Times(9.0, 11.0), old_faces=30, both_faces=27,
        fps_in=30.0, fps=29.0, rss_mb=300.0,
    )  # fmt: skip
    return msgspec.structs.replace(block, **changes)


def test_blocks_of_both_stay_side_by_side() -> None:
    pairs = Pairs()
    for _ in range(3):
        pairs.add(compared(), "cool", "anonymise")
    new, old = pairs.figures(None)
    assert (new.frame_ms, old.frame_ms, new.p95_ms, old.p95_ms) == ((9.0,) * 3, (8.0,) * 3, (11.0,) * 3, (10.0,) * 3)
    assert (new.rate_hz, new.source_hz, pairs.measured_s, pairs.parity) == (29.0, 30.0, 6.0, 0.9)
    assert pairs.is_parity_sure


def test_growth_before_is_that_of_the_old_one_alone() -> None:
    meter, pairs = Meter(block_s=2.0), Pairs()
    measure(meter, 8.0, rss_mb=150.0)
    pairs.add(compared(point=2), "cool", "anonymise")
    new, old = pairs.figures(meter.newest())
    assert (new.memory_mb, old.memory_mb) == ((300.0,), (150.0,) * 4)
    assert pairs.figures(None)[1].memory_mb == ()


def test_another_point_begins_the_blocks_anew_but_faces_count_on() -> None:
    pairs = Pairs()
    pairs.add(compared(), "cool", "anonymise")
    pairs.add(compared(point=1), "cool", "anonymise")
    assert (pairs.measured_s, pairs.parity) == (2.0, 0.9)


def test_few_faces_tell_nothing() -> None:
    pairs = Pairs()
    pairs.add(compared(old_faces=LEAST_FACES - 1, both_faces=0), "cool", "anonymise")
    assert pairs.parity is None


def test_some_faces_make_people_wait_for_more() -> None:
    pairs = Pairs()
    pairs.add(compared(old_faces=SURE_FACES - 1, both_faces=0), "cool", "anonymise")
    assert (pairs.parity, pairs.is_parity_sure) == (0.0, False)
    pairs.add(compared(old_faces=1, both_faces=0), "cool", "anonymise")
    assert pairs.is_parity_sure
