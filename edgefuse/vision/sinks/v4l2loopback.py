"""A virtual camera that video-call programs can open: ``v4l2loopback:/dev/video9`` or just ``/dev/video9``.

Needs the kernel module: ``modprobe v4l2loopback video_nr=9 exclusive_caps=1``.
Interface: set the format of the output queue by one ioctl, then each ``write`` of a whole picture is a frame
(linux/videodev2.h; v4l2loopback's README). Frames are YUYV, the one layout that every reader of cameras knows.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable

import cv2
import numpy as np

from edgefuse.errors import SinkError
from edgefuse.vision.media.encoded import fit
from edgefuse.vision.sink import SinkType
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame, Pixels

Ioctl = Callable[[int, int, bytearray], int]
"""``fcntl.ioctl``: descriptor, request, the struct that is read and written."""

_IS_64_BIT = struct.calcsize("P") == 8
# struct v4l2_format: type, then a union of 200 bytes, which begins at a multiple of the pointer size.
_FORMAT_BYTES = 208 if _IS_64_BIT else 204
_PIXELS_AT = 8 if _IS_64_BIT else 4
# _IOWR('V', 5, struct v4l2_format)
VIDIOC_S_FMT = 3 << 30 | _FORMAT_BYTES << 16 | ord("V") << 8 | 5
_OUTPUT = 2  # V4L2_BUF_TYPE_VIDEO_OUTPUT
_PROGRESSIVE = 1  # V4L2_FIELD_NONE
_SMPTE170M = 1  # V4L2_COLORSPACE_SMPTE170M: the matrix that OpenCV converts with
_YUYV = int.from_bytes(b"YUYV", "little")


class V4l2LoopbackSink:
    """Writes YUYV pictures to a loopback device."""

    is_live = True

    def __init__(self, rest: str, ioctl: Ioctl = fcntl.ioctl) -> None:
        if not rest.startswith("/"):
            raise SinkError(
                f"cannot open v4l2loopback:{rest}: it is not a device; write it as /dev/video9, "
                "made by: modprobe v4l2loopback video_nr=9 exclusive_caps=1"
            )
        self._device = rest
        self._ioctl = ioctl
        self._descriptor: int | None = None
        self._canvas: Pixels = np.zeros((0, 0, 3), np.uint8)
        self._yuyv = np.zeros((0, 0, 2), np.uint8)

    def open(self, stream: StreamFormat) -> None:
        """Open the device and set its format.

        Raises:
            SinkError: It is missing, not allowed, or is not a loopback device.
        """
        # Two pixels share one pair of chroma values.
        width_px, height_px = stream.width_px + stream.width_px % 2, stream.height_px
        try:
            self._descriptor = os.open(self._device, os.O_WRONLY)
            accepted = self._set_format(self._descriptor, width_px, height_px)
        except OSError as e:
            self.close()
            raise SinkError(
                f"cannot open {self._device}: {(e.strerror or str(e)).lower()}; a virtual camera is made by: "
                "modprobe v4l2loopback video_nr=9 exclusive_caps=1"
            ) from e
        if accepted != (width_px, height_px, _YUYV):
            self.close()
            raise SinkError(f"cannot open {self._device}: it does not take {width_px}x{height_px} YUYV pictures")
        self._canvas = np.zeros((height_px, width_px, 3), np.uint8)
        self._yuyv = np.zeros((height_px, width_px, 2), np.uint8)

    def write(self, frame: Frame) -> None:
        """Write one picture.

        Raises:
            SinkError: The device is gone.
        """
        assert self._descriptor is not None, "writing follows opening"
        fit(frame.pixels, self._canvas)
        done = cv2.cvtColor(self._canvas, cv2.COLOR_BGR2YUV_YUY2, dst=self._yuyv)
        assert done is self._yuyv
        try:
            os.write(self._descriptor, self._yuyv.data)
        except OSError as e:
            raise SinkError(f"cannot write to {self._device}: {(e.strerror or str(e)).lower()}") from e

    def close(self) -> None:
        """Close the device."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _set_format(self, descriptor: int, width_px: int, height_px: int) -> tuple[int, int, int]:
        """Ask for YUYV of a size; give width, height and pixel format that the driver set."""
        request = bytearray(_FORMAT_BYTES)
        struct.pack_into("=I", request, 0, _OUTPUT)
        row_bytes = width_px * 2
        fields = (width_px, height_px, _YUYV, _PROGRESSIVE, row_bytes, row_bytes * height_px, _SMPTE170M)
        struct.pack_into("=7I", request, _PIXELS_AT, *fields)
        self._ioctl(descriptor, VIDIOC_S_FMT, request)
        width_px, height_px, pixel_format = struct.unpack_from("=3I", request, _PIXELS_AT)
        return width_px, height_px, pixel_format


PLUGIN: SinkType = V4l2LoopbackSink
