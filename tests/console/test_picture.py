"""The live picture of this machine, from a real live page through a real console."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from console.conftest import Place
from fakes.clips import make_frame, quarters
from fakes.console import Client
from fakes.control import FakeSupervisor, make_status

from edgefuse.config.site import site_path
from edgefuse.console.component import Console
from edgefuse.console.tokens import revoke_token
from edgefuse.supervisor.control import Setting
from edgefuse.vision.sinks.mjpeg import MjpegSink
from edgefuse.vision.source import StreamFormat

PICTURE = "/api/devices/door-3/picture"


@pytest.fixture(autouse=True)
def short_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root with a short path: a socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="ef") as folder:
        monkeypatch.setenv("EDGEFUSE_ROOT", folder)
        yield Path(folder)


@contextmanager
def living(sink: str, device: str = "door-3") -> Iterator[None]:
    """Have the supervisor of a device run here, whose pictures go to a sink."""
    site_path().parent.mkdir(parents=True)
    link = f"link: {{broker: 'mqtts://localhost', device_id: {device}}}"
    site_path().write_text(f"source: /dev/video0\nsink: {sink}\n{link}\n")
    status = make_status()
    settings = {**status.settings, "sink": Setting(sink, "site")}
    with FakeSupervisor(msgspec.structs.replace(status, settings=settings)).listen():
        yield


def test_pictures_of_this_machine_are_passed_on(viewer: Client) -> None:
    sink = MjpegSink("0")
    sink.open(StreamFormat(96, 64, 25.0, is_live=True))
    with living(f"mjpeg:{sink.port}"), viewer.follow(PICTURE) as stream:
        assert viewer.ask("/api/devices/door-3").json["is_here"] is True
        assert stream.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=edgefuse-frame"
        stream.fp.raw._sock.settimeout(0.02)
        got = b""
        for index in range(1000):
            sink.write(make_frame(quarters(), index))
            with suppress(TimeoutError):
                got += stream.read1(100_000)
            if b"\xff\xd9" in got:
                break
        assert got.index(b"\xff\xd8") < got.index(b"\xff\xd9")
    sink.close()


def test_who_may_see_pictures_no_longer_is_shown_no_more(place: Place, viewer: Client) -> None:
    sink = MjpegSink("0")
    sink.open(StreamFormat(96, 64, 25.0, is_live=True))
    with living(f"mjpeg:{sink.port}"), viewer.follow(PICTURE) as stream:
        revoke_token(place.folder, "screen")
        stream.read()  # comes back when the console has ended the stream
    sink.close()


def test_a_device_elsewhere_has_no_picture_here(viewer: Client) -> None:
    assert "does not run on this machine" in viewer.ask(PICTURE).json["error"]
    with living("mjpeg:8080", device="door-4"):
        answer = viewer.ask(PICTURE)
        assert (answer.status, "does not run on this machine" in answer.json["error"]) == (404, True)
        assert viewer.ask("/api/devices/door-3").json["is_here"] is False


@pytest.mark.parametrize(("sink", "reason"), [("file:a.mp4", "not to a live page"), ("mjpeg:1", "does not answer")])
def test_why_there_is_no_picture_is_told(sink: str, reason: str, viewer: Client) -> None:
    with living(sink):
        answer = viewer.ask(PICTURE)
    assert (answer.status, reason in answer.json["error"]) == (404, True)


@pytest.mark.parametrize("address", ["10.1.2.3", "unknown"])
def test_pictures_stay_on_this_machine(address: str, place: Place, console: Console, viewer: Client) -> None:
    viewer.headers["X-Forwarded-For"] = address  # as a proxy on this machine tells who asks
    with living("mjpeg:1"):
        assert "through a tunnel" in viewer.ask(PICTURE).json["error"]
