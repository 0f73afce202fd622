"""The test pattern."""

from __future__ import annotations

import numpy as np
import pytest

from edgefuse import clock
from edgefuse.errors import SourceError
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import make_source
from tests.fakes.clips import read_all


def test_the_same_number_gives_the_same_picture_and_another_one_another() -> None:
    first, second = (list(read_all(make_source("pattern:64x48@30,frames=3"))) for _ in range(2))
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(first, second, strict=True))
    assert not np.array_equal(first[0][0], first[1][0])


def test_times_follow_the_rate_and_the_end_comes_when_asked() -> None:
    times_ns = [time_ns for _, time_ns in read_all(make_source("pattern:64x48@50,frames=4"))]
    assert times_ns == [0, 20_000_000, 40_000_000, 60_000_000]


def test_without_a_number_of_frames_it_goes_on_for_ever() -> None:
    source = make_source("pattern")
    stream = source.open()
    assert (stream.width_px, stream.height_px, stream.rate_hz, stream.frames) == (1280, 720, 30.0, None)
    assert not stream.is_live


def test_a_live_pattern_waits_until_a_frame_is_due() -> None:
    source = make_source("pattern:64x48@200,live")
    assert source.open().is_live
    buffer = Buffer(64 * 48 * 3)
    captures = [source.read(buffer) for _ in range(5)]
    now_ns = clock.now_ns()
    times_ns = [capture.captured_ns for capture in captures if capture]
    assert np.diff(times_ns).tolist() == [5_000_000] * 4
    assert times_ns[-1] <= now_ns


def test_the_disc_stays_inside_for_thousands_of_frames() -> None:
    source = make_source("pattern:32x24@30")
    source.open()
    buffer = Buffer(32 * 24 * 3)
    for _ in range(2000):
        capture = source.read(buffer)
    assert capture is not None
    assert (capture.pixels == 255).all(axis=2).any()


def test_a_bad_option_is_told_with_the_right_form() -> None:
    with pytest.raises(SourceError) as caught:
        make_source("pattern:720p")
    assert str(caught.value) == (
        'cannot open pattern:720p: "720p" is not one of 1280x720@30, live, frames=N; '
        "write it as pattern:1280x720@30 or pattern:1280x720@30,live"
    )
