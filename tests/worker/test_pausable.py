"""A source that rests on demand."""

from __future__ import annotations

import threading
import time

import pytest
from fakes.streams import HEIGHT_PX, WIDTH_PX, FakeSource

from edgefuse import clock
from edgefuse.errors import SourceGoneError
from edgefuse.vision.pool import Buffer
from edgefuse.worker.pausable import PausableSource

REST_S = 0.1


@pytest.fixture
def buffer() -> Buffer:
    return Buffer(HEIGHT_PX * WIDTH_PX * 3)


def later(action: object) -> threading.Timer:
    """Do something when it has rested for a while."""
    timer = threading.Timer(REST_S, action)  # type: ignore[arg-type]
    timer.start()
    return timer


def test_a_live_source_is_closed_while_it_rests_and_opened_after(buffer: Buffer) -> None:
    inner = FakeSource(9, is_live=True)
    source = PausableSource(inner, on_waiting=pytest.fail)
    source.open()
    source.pause()
    assert source.state == "paused"
    seen: list[tuple[int, int]] = []
    timer = later(lambda: (seen.append((inner.opened, inner.closed)), source.resume()))
    assert source.read(buffer)
    timer.join()
    assert seen == [(1, 1)]
    assert (inner.opened, source.state) == (2, "flowing")


def test_a_film_goes_on_where_it_was(buffer: Buffer) -> None:
    inner = FakeSource(9)
    source = PausableSource(inner, on_waiting=pytest.fail)
    source.open()
    first = source.read(buffer)
    source.pause()
    later(source.resume)
    second = source.read(buffer)
    assert first is not None and second is not None
    assert second.captured_ns - first.captured_ns >= REST_S * clock.NS_PER_S
    assert (inner.opened, inner.closed) == (1, 0)


def test_it_can_be_let_go_while_it_rests(buffer: Buffer) -> None:
    source = PausableSource(FakeSource(9), on_waiting=pytest.fail, is_paused=True)
    source.open()
    later(source.let_go)
    assert source.read(buffer) is None


def test_it_is_waited_for_at_the_start_only(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("edgefuse.worker.pausable.RETRY_S", 0.01)
    gone = SourceGoneError("cannot open camera: unplugged")
    waited: list[float] = []
    inner = FakeSource(9, is_live=True, reopen_trouble=[gone] * 3)
    inner.opened = 1  # so that the first opening of all meets the trouble
    source = PausableSource(inner, on_waiting=lambda: waited.append(time.monotonic()))
    source.open()
    assert (len(waited), source.state, source.missing) == (3, "flowing", "")
    assert len(caplog.records) == 1  # a camera may be away for months
    inner.reopen_trouble.append(gone)
    with pytest.raises(SourceGoneError):
        source.open()
    assert (source.state, source.missing) == ("waiting", "cannot open camera: unplugged")
