"""A video that stands in for a camera."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from fakes.clips import write_clip

from edgefuse import clock
from edgefuse.errors import SourceError, SourceGoneError
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, Source, make_source

FRAMES, RATE_HZ = 3, 25
PERIOD_NS = clock.NS_PER_S // RATE_HZ


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three frames, darker and darker."""
    path = tmp_path / "clip.mp4"
    write_clip(path, [np.full((48, 64, 3), grey, np.uint8) for grey in (200, 120, 40)])
    return path


def read(source: Source, frames: int) -> list[tuple[int, Capture]]:
    """Read frames; give their brightness and themselves."""
    buffer = Buffer(64 * 48 * 3)
    captures = (source.read(buffer) for _ in range(frames))
    return [(round(float(capture.pixels.mean()), -1), capture) for capture in captures if capture]


def test_it_begins_again_after_its_end(clip: Path) -> None:
    source = make_source(f"loop:{clip}")
    assert source.open().is_live
    assert [grey for grey, _ in read(source, 2 * FRAMES + 1)] == [200, 120, 40, 200, 120, 40, 200]


def test_frames_come_when_they_are_due_and_never_go_back(clip: Path) -> None:
    source = make_source(f"loop:{clip}")
    source.open()
    begun_ns = clock.now_ns()
    times_ns = [capture.captured_ns for _, capture in read(source, 3 * FRAMES)]
    assert clock.now_ns() - begun_ns >= (3 * FRAMES - 1) * PERIOD_NS
    assert np.diff(times_ns).min() >= PERIOD_NS * 0.99
    assert times_ns[-1] <= clock.now_ns()


def test_what_nobody_took_does_not_come_in_a_rush(clip: Path) -> None:
    source = make_source(f"loop:{clip}")
    source.open()
    ((_, first),) = read(source, 1)
    time.sleep(0.2)
    ((_, second),) = read(source, 1)
    assert second.captured_ns - first.captured_ns >= 0.2 * clock.NS_PER_S


def test_a_file_that_is_taken_away_is_a_camera_that_was_unplugged(clip: Path) -> None:
    source = make_source(f"loop:{clip}")
    source.open()
    clip.rename(clip.with_suffix(".away"))
    with pytest.raises(SourceGoneError, match="taken away"):
        read(source, FRAMES + 1)
    clip.with_suffix(".away").rename(clip)
    assert source.open().is_live


def test_a_file_that_was_never_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        make_source(f"loop:{tmp_path}/clip.mp4").open()
    assert not isinstance(caught.value, SourceGoneError)
