"""The live view, watched by real HTTP clients."""

from __future__ import annotations

import http.client
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from edgefuse.errors import SinkError
from edgefuse.vision.sink import make_sink
from edgefuse.vision.sinks.mjpeg import MjpegSink
from edgefuse.vision.source import StreamFormat
from tests.fakes.clips import make_frame, psnr_db, quarters

STREAM = StreamFormat(96, 64, 25.0, is_live=True)


@pytest.fixture
def sink() -> Iterator[MjpegSink]:
    sink = MjpegSink("0")
    sink.open(STREAM)
    yield sink
    sink.close()


def watch(sink: MjpegSink) -> socket.socket:
    """Ask for the stream and wait for the head of the answer."""
    viewer = socket.create_connection(("127.0.0.1", sink.port), timeout=5)
    viewer.sendall(f"GET /stream HTTP/1.0\r\nHost: localhost:{sink.port}\r\n\r\n".encode())
    assert viewer.recv(1000).startswith(b"HTTP/1.0 200")
    return viewer


def write_until_seen(sink: MjpegSink, viewer: socket.socket) -> bytes:
    """Write frames until the viewer has got a whole picture."""
    viewer.settimeout(0.02)
    got = b""
    for index in range(500):
        sink.write(make_frame(quarters(), index))
        try:
            got += viewer.recv(100_000)
        except TimeoutError:
            continue
        if b"\xff\xd9" in got:
            return got
    raise AssertionError("no picture came")


def test_a_viewer_sees_the_frames(sink: MjpegSink) -> None:
    with watch(sink) as viewer:
        got = write_until_seen(sink, viewer)
    jpeg = got[got.index(b"\xff\xd8") : got.index(b"\xff\xd9") + 2]
    picture = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
    assert psnr_db(picture, quarters()) > 25  # hard edges of colour in JPEG
    assert b"--edgefuse-frame\r\nContent-Type: image/jpeg\r\nContent-Length: " in got


def test_the_page_shows_the_stream(sink: MjpegSink) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{sink.port}/", timeout=5) as answer:
        assert answer.headers["Content-Type"] == "text/html"
        assert b'<img src="/stream"' in answer.read()


def status(host: str, address: str, port: int) -> int:
    """Ask an address for the page, meaning another host or the same."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    connection.request("GET", "/", headers={"Host": host})
    code = connection.getresponse().status
    connection.close()
    return code


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost", "[::1]"])
def test_a_viewer_that_means_this_server_is_answered(sink: MjpegSink, host: str) -> None:
    assert status(f"{host}:{sink.port}", "127.0.0.1", sink.port) == 200


@pytest.mark.parametrize("host", ["evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.2:{port}", ""])
def test_a_page_whose_name_was_made_to_point_here_gets_nothing(sink: MjpegSink, host: str) -> None:
    assert status(host.format(port=sink.port), "127.0.0.1", sink.port) == 421


def test_a_server_of_every_address_answers_to_the_one_that_was_reached() -> None:
    everywhere = MjpegSink("0.0.0.0:0")
    everywhere.open(STREAM)
    hosts = (f"{name}:{everywhere.port}" for name in ("127.0.0.2", "0.0.0.0", "evil.example"))
    assert [status(host, "127.0.0.2", everywhere.port) for host in hosts] == [200, 200, 421]
    everywhere.close()


def test_without_a_viewer_nothing_is_compressed(sink: MjpegSink) -> None:
    broken = make_frame(np.zeros((0, 0, 3), np.uint8))  # the encoder would refuse it
    sink.write(broken)
    with watch(sink) as viewer:
        write_until_seen(sink, viewer)
        with pytest.raises(cv2.error):
            sink.write(broken)


def test_a_viewer_that_takes_nothing_holds_up_nobody(sink: MjpegSink) -> None:
    large = make_frame(np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8))
    with watch(sink), watch(sink) as other:
        start = time.monotonic()
        for _ in range(30):  # 30 MB, far more than the sockets hold
            sink.write(large)
        assert time.monotonic() - start < 5
        assert b"image/jpeg" in write_until_seen(sink, other)


def test_close_lets_viewers_go_and_frees_the_port(sink: MjpegSink) -> None:
    with watch(sink) as viewer:
        write_until_seen(sink, viewer)
        viewer.settimeout(5)
        closing = threading.Thread(target=sink.close)
        closing.start()
        while viewer.recv(100_000):
            pass
        closing.join()
    again = MjpegSink(str(sink.port))
    again.open(STREAM)
    again.close()
    sink.close()


def test_it_serves_this_machine_only_unless_told_otherwise(sink: MjpegSink) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", sink.port), timeout=5)
    everywhere = MjpegSink("0.0.0.0:0")
    everywhere.open(STREAM)
    socket.create_connection(("127.0.0.2", everywhere.port), timeout=5).close()
    everywhere.close()


def test_a_taken_port_is_told(sink: MjpegSink) -> None:
    with pytest.raises(SinkError) as caught:
        MjpegSink(str(sink.port)).open(STREAM)
    assert str(caught.value) == f"cannot serve http://127.0.0.1:{sink.port}: address already in use; try another port"


@pytest.mark.parametrize("rest", ["", "http", "99999", "host:"])
def test_a_bad_port_is_told_with_the_right_form(rest: str) -> None:
    with pytest.raises(SinkError, match=r"the port must be a number; write it as mjpeg:8080 or mjpeg:0\.0\.0\.0:8080$"):
        make_sink(f"mjpeg:{rest}")
