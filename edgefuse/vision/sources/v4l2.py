"""USB cameras: ``/dev/video0``, ``v4l2:/dev/video0,1280x720@30``.

Motion JPEG is asked for first, because USB 2 carries 720p only compressed; a camera without it gives what it has,
usually YUYV. The driver takes the nearest size and rate that the camera knows.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping

import av
from av.container import InputContainer

from edgefuse.errors import SourceError
from edgefuse.vision.media.address import Mode, parse_address
from edgefuse.vision.media.live_stream import LiveStream
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, SourceType, StreamFormat

Opener = Callable[[str, Mapping[str, str]], InputContainer]
"""Takes a device and the options of libav's v4l2 input."""

_DEFAULT = Mode(1280, 720, 30.0)
_FORMS = "write it as /dev/video0 or v4l2:/dev/video0,1280x720@30"


def open_device(device: str, options: Mapping[str, str]) -> InputContainer:
    """Open a device through libav.

    Raises:
        av.FFmpegError: It is missing, busy, not allowed, or does not know the format.
    """
    return av.open(device, format="v4l2", options=dict(options))


class V4l2Source:
    """Reads a camera; ``opener`` is the seam where tests put another one."""

    def __init__(self, rest: str, opener: Opener = open_device) -> None:
        try:
            address = parse_address(rest, _DEFAULT)
        except ValueError as e:
            raise SourceError(f"cannot open v4l2:{rest}: {e}; {_FORMS}") from e
        if not address.place.startswith("/"):
            raise SourceError(f"cannot open v4l2:{rest}: it is not a device; {_FORMS}")
        self._device, self._mode, self._opener = address.place, address.mode, opener
        self._stream = LiveStream(f"camera {self._device}", self._open_best)

    def open(self) -> StreamFormat:
        """Open the camera and wait for its first picture.

        Raises:
            SourceError: It is not allowed, or is not a camera.
            SourceGoneError: It is unplugged, or another program has it.
        """
        return self._stream.open()

    def read(self, buffer: Buffer) -> Capture | None:
        """Give the next picture.

        Raises:
            SourceGoneError: It was unplugged.
        """
        return self._stream.read(buffer)

    def close(self) -> None:
        """Release the camera."""
        self._stream.close()

    def _open_best(self) -> InputContainer:
        mode = self._mode
        wanted = {"video_size": f"{mode.width_px}x{mode.height_px}", "framerate": f"{mode.rate_hz:g}"}
        try:
            return self._opener(self._device, {**wanted, "input_format": "mjpeg"})
        except av.FFmpegError as e:
            # The driver's word for a format that the camera does not have.
            if e.errno != errno.EINVAL:
                raise
        return self._opener(self._device, wanted)


PLUGIN: SourceType = V4l2Source
