"""The virtual camera. No kernel module here: the ioctl is a fake, the device a file. Not run on hardware."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from edgefuse.errors import SinkError
from edgefuse.vision.sink import make_sink
from edgefuse.vision.sinks.v4l2loopback import VIDIOC_S_FMT, V4l2LoopbackSink
from edgefuse.vision.source import StreamFormat
from tests.fakes.clips import make_frame, quarters

STREAM = StreamFormat(96, 64, 25.0)


class FakeDriver:
    """Answers VIDIOC_S_FMT as v4l2loopback does: it takes what it is asked, or insists on ``size``."""

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self.size = size
        self.request = 0
        self.fields: tuple[int, ...] = ()
        self.queue = 0

    def __call__(self, descriptor: int, request: int, data: bytearray) -> int:
        assert descriptor > 2
        self.request = request
        (self.queue,) = struct.unpack_from("=I", data)
        self.fields = struct.unpack_from("=7I", data, 8)
        if self.size:
            struct.pack_into("=2I", data, 8, *self.size)
        return 0


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "video9"
    path.touch()
    return path


def test_the_format_is_set_as_the_kernel_defines_it(device: Path) -> None:
    driver = FakeDriver()
    sink = V4l2LoopbackSink(str(device), driver)
    sink.open(STREAM)
    sink.close()
    # linux/videodev2.h on a 64-bit kernel: VIDIOC_S_FMT, V4L2_BUF_TYPE_VIDEO_OUTPUT, V4L2_PIX_FMT_YUYV,
    # V4L2_FIELD_NONE, bytes a row, bytes a picture, V4L2_COLORSPACE_SMPTE170M
    assert driver.request == VIDIOC_S_FMT == 0xC0D05605
    assert driver.queue == 2
    assert driver.fields == (96, 64, 0x56595559, 1, 192, 12288, 1)


def test_each_write_is_one_yuyv_picture(device: Path) -> None:
    sink = V4l2LoopbackSink(str(device), FakeDriver())
    sink.open(STREAM)
    sink.write(make_frame(quarters()))
    sink.write(make_frame(np.full((64, 96, 3), 128, np.uint8)))
    sink.close()
    first, second = np.frombuffer(device.read_bytes(), np.uint8).reshape(2, 64, 96, 2)
    # Grey 128 in limited range is luma 126; the top left field of the first is blue, so U is high and V low.
    assert np.unique(second.reshape(-1, 2), axis=0).tolist() == [[126, 128]]
    blue_difference, red_difference = first[10, 10:12, 1]
    assert blue_difference > 160
    assert red_difference < 120


def test_an_odd_width_is_filled_up(device: Path) -> None:
    sink = V4l2LoopbackSink(str(device), FakeDriver())
    sink.open(StreamFormat(95, 63, 25.0))
    sink.write(make_frame(quarters(95, 63)))
    sink.close()
    assert device.stat().st_size == 96 * 63 * 2


def test_a_driver_that_insists_on_another_size_is_told(device: Path) -> None:
    sink = V4l2LoopbackSink(str(device), FakeDriver(size=(640, 480)))
    with pytest.raises(SinkError, match=r"video9: it does not take 96x64 YUYV pictures$"):
        sink.open(STREAM)


def test_a_missing_device_is_told_with_the_command_that_makes_it() -> None:
    with pytest.raises(SinkError) as caught:
        make_sink("/dev/video-none").open(STREAM)
    assert str(caught.value) == (
        "cannot open /dev/video-none: no such file or directory; a virtual camera is made by: "
        "modprobe v4l2loopback video_nr=9 exclusive_caps=1"
    )


def test_what_is_not_a_video_device_is_told(device: Path) -> None:
    with pytest.raises(SinkError, match=r"inappropriate ioctl for device"):
        make_sink(f"v4l2loopback:{device}").open(STREAM)


def test_a_bad_address_is_told_with_the_right_form() -> None:
    with pytest.raises(SinkError, match=r"it is not a device; write it as /dev/video9"):
        make_sink("v4l2loopback:9")
