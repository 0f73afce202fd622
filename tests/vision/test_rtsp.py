"""The RTSP sink and the RTSP source against each other, over TCP on this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from edgefuse import clock
from edgefuse.errors import SinkError, SourceError, SourceGoneError
from edgefuse.vision.pool import Buffer
from edgefuse.vision.sink import make_sink
from edgefuse.vision.source import StreamFormat, make_source
from edgefuse.vision.sources import rtsp as rtsp_source
from tests.fakes.clips import make_frame, psnr_db, quarters
from tests.fakes.rtsp_server import RtspServer

STREAM = StreamFormat(96, 64, 25.0, is_live=True)


@pytest.fixture
def server() -> Iterator[RtspServer]:
    server = RtspServer()
    yield server
    server.close()


@contextmanager
def pushing(url: str) -> Iterator[None]:
    """Push the same picture 50 times a second, as long as the block lasts."""
    sink, is_over = make_sink(url), threading.Event()
    sink.open(STREAM)

    def push() -> None:
        index = 0
        try:
            while not is_over.wait(0.02):
                sink.write(make_frame(quarters(), index, index * 40_000_000))
                index += 1
        except SinkError:
            pass  # the server of the test went away

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        sink.close()


def test_what_is_pushed_can_be_played(server: RtspServer) -> None:
    with pushing(server.url):
        source = make_source(server.url)
        stream = source.open()
        capture = source.read(Buffer(96 * 64 * 3))
        assert capture is not None
        assert (stream.width_px, stream.height_px, stream.is_live) == (96, 64, True)
        assert psnr_db(capture.pixels, quarters()) > 28  # hard edges of colour at the quality of a live view
        assert 0 <= clock.now_ns() - capture.captured_ns < 5_000_000_000
        source.close()


def test_a_server_that_goes_away_is_told_and_can_be_opened_again(server: RtspServer) -> None:
    source, buffer = make_source(server.url), Buffer(96 * 64 * 3)
    with pushing(server.url):
        source.open()
        source.read(buffer)
        server.cut()
        with pytest.raises(SourceGoneError, match=r"^cannot read rtsp://127.0.0.1:\d+/live: "):
            for _ in range(1000):
                source.read(buffer)
    with pushing(server.url):
        source.open()
        assert source.read(buffer) is not None
    source.close()


def test_a_sink_whose_server_goes_away_tells_it(server: RtspServer) -> None:
    sink = make_sink(server.url)
    sink.open(STREAM)
    server.close()
    with pytest.raises(SinkError, match=r"^cannot push to rtsp://127.0.0.1:\d+/live: .*; the server is gone$"):
        for index in range(1000):
            sink.write(make_frame(np.roll(quarters(), index, 1), index, index * 40_000_000))
    sink.close()


def test_without_a_server_both_say_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"rtsp://127.0.0.1:{taken.getsockname()[1]}/live"
    with pytest.raises(SourceGoneError) as source_error:
        make_source(url).open()
    with pytest.raises(SinkError) as sink_error:
        make_sink(url).open(STREAM)
    assert str(source_error.value) == f"cannot open {url}: connection refused"
    assert str(sink_error.value) == f"cannot push to {url}: connection refused; is the server running?"


def test_a_server_that_never_answers_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtsp_source, "_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live"
        start = time.monotonic()
        with pytest.raises(SourceGoneError, match=r"no valid answer$"):
            make_source(url).open()
        assert time.monotonic() - start < 3


def test_a_stream_that_falls_silent_ends_in_time(server: RtspServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtsp_source, "_TIMEOUT_S", 1.0)
    source, buffer = make_source(server.url), Buffer(96 * 64 * 3)
    with pushing(server.url):
        source.open()
        source.read(buffer)
        server.mute()
        with pytest.raises(SourceGoneError, match=r"it does not answer$"):
            for _ in range(1000):
                source.read(buffer)
    source.close()


def test_an_unknown_stream_is_final(server: RtspServer) -> None:
    with pytest.raises(SourceError) as caught:
        make_source(server.url.replace("live", "no")).open()
    assert not isinstance(caught.value, SourceGoneError)


def test_a_password_does_not_show_in_messages() -> None:
    with pytest.raises(SourceGoneError) as caught:
        make_source("rtsp://user:secret@127.0.0.1:1/live?password=secret").open()
    assert str(caught.value) == "cannot open rtsp://127.0.0.1:1/live: connection refused"
    with pytest.raises(SinkError) as refused:
        make_sink("rtsp://user:secret@127.0.0.1:1/live").open(STREAM)
    assert "secret" not in str(refused.value)


def test_an_address_without_a_server_is_told_with_the_right_form() -> None:
    with pytest.raises(SourceError, match=r"it has no server; write it as rtsp://camera:554/stream$"):
        make_source("rtsp:camera")
    with pytest.raises(SinkError, match=r"it has no server; write it as rtsp://server:8554/name$"):
        make_sink("rtsp://")
