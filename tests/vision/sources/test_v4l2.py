"""USB cameras. There is none here: the opener is a fake that gives libav's own test picture. Not run on hardware."""

from __future__ import annotations

import errno
from collections.abc import Mapping

import av
import numpy as np
import pytest
from av.container import InputContainer

from edgefuse import clock
from edgefuse.errors import SourceError, SourceGoneError
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import make_source
from edgefuse.vision.sources.v4l2 import V4l2Source

BUFFER = Buffer(640 * 480 * 3)


class FakeCamera:
    """Opens as libav's v4l2 input does; plays ``frames`` pictures of plain red and is then unplugged."""

    def __init__(self, *formats: str, frames: int = 3) -> None:
        self.formats = formats
        self.frames = frames
        self.opened: list[tuple[str, dict[str, str]]] = []
        self.is_plugged = True

    def __call__(self, device: str, options: Mapping[str, str]) -> InputContainer:
        self.opened.append((device, dict(options)))
        if not self.is_plugged:
            raise av.FileNotFoundError(errno.ENOENT, "No such file or directory", device)
        wanted = options.get("input_format", self.formats[0])
        if wanted not in self.formats:
            raise av.ArgumentError(errno.EINVAL, "Invalid argument", device)
        size, rate = options["video_size"], options["framerate"]
        layout = {"mjpeg": "yuvj422p", "yuyv422": "yuyv422"}[wanted]
        graph = f"color=red:size={size}:rate={rate},trim=end_frame={self.frames},format={layout}"
        return av.open(graph, format="lavfi")


def test_size_and_rate_of_the_address_reach_the_camera_and_jpeg_is_asked_for_first() -> None:
    camera = FakeCamera("mjpeg", "yuyv422")
    source = V4l2Source("/dev/video2,640x480@15", camera)
    stream = source.open()
    assert camera.opened == [("/dev/video2", {"video_size": "640x480", "framerate": "15", "input_format": "mjpeg"})]
    assert (stream.width_px, stream.height_px, stream.rate_hz, stream.is_live) == (640, 480, 15.0, True)


def test_a_camera_without_jpeg_gives_what_it_has() -> None:
    camera = FakeCamera("yuyv422")
    V4l2Source("/dev/video0", camera).open()
    assert [options.get("input_format") for _, options in camera.opened] == ["mjpeg", None]


@pytest.mark.parametrize("layout", ["mjpeg", "yuyv422"])
def test_pictures_have_the_right_colour(layout: str) -> None:
    source = V4l2Source("/dev/video0,640x480", FakeCamera(layout))
    source.open()
    capture = source.read(BUFFER)
    assert capture is not None
    assert np.abs(capture.pixels.astype(int) - (0, 0, 255)).max() <= 3  # rounding of two conversions
    source.close()


def test_a_frame_without_a_plausible_stamp_is_stamped_when_it_comes() -> None:
    source = V4l2Source("/dev/video0,640x480", FakeCamera("mjpeg"))
    source.open()
    before_ns = clock.now_ns()
    capture = source.read(BUFFER)
    assert capture is not None
    assert before_ns <= capture.captured_ns <= clock.now_ns()


def test_an_unplugged_camera_is_gone_and_comes_back_when_it_is_plugged_in() -> None:
    camera = FakeCamera("mjpeg", frames=2)
    source = V4l2Source("/dev/video0,640x480", camera)
    source.open()
    assert source.read(BUFFER)
    assert source.read(BUFFER)
    with pytest.raises(SourceGoneError, match=r"^cannot read camera /dev/video0: "):
        source.read(BUFFER)
    camera.is_plugged = False
    with pytest.raises(SourceGoneError, match=r"^cannot open camera /dev/video0: no such file or directory$"):
        source.open()
    camera.is_plugged = True
    source.open()
    assert source.read(BUFFER)
    source.close()
    source.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (av.PermissionError(errno.EACCES, "Permission denied"), SourceError),
        (av.OSError(errno.EBUSY, "Device or resource busy"), SourceGoneError),
        (av.OSError(errno.ENODEV, "No such device"), SourceGoneError),
    ],
)
def test_only_what_can_mend_itself_is_worth_waiting_for(error: av.FFmpegError, kind: type[SourceError]) -> None:
    def refuse(device: str, options: Mapping[str, str]) -> InputContainer:
        raise error

    with pytest.raises(SourceError) as caught:
        V4l2Source("/dev/video0", refuse).open()
    assert type(caught.value) is kind


def test_a_device_that_is_not_there_is_told_by_libav_itself() -> None:
    with pytest.raises(SourceGoneError, match=r"no such file or directory$"):
        make_source("/dev/video-none").open()


def test_what_is_not_a_camera_is_final() -> None:
    with pytest.raises(SourceError) as caught:
        make_source("v4l2:/dev/null").open()
    assert not isinstance(caught.value, SourceGoneError)


@pytest.mark.parametrize("rest", ["video0", "/dev/video0,720p", ""])
def test_a_bad_address_is_told_with_the_right_form(rest: str) -> None:
    with pytest.raises(SourceError, match=r"write it as /dev/video0 or v4l2:/dev/video0,1280x720@30$"):
        make_source(f"v4l2:{rest}")
