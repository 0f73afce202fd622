"""Reading a live stream through libav: what cameras on USB and on the network have in common."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edgefuse.clock import NS_PER_S, now_ns
from edgefuse.errors import SourceError, SourceGoneError
from edgefuse.vision.media.decoded import FrameCopier, upright_size
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, StreamFormat

# No use in trying again: somebody must change the address, the rights or the password.
_FINAL = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTTY, errno.EPROTONOSUPPORT})
_FINAL_ERRORS = (av.HTTPClientError, av.ProtocolNotFoundError, av.DecoderNotFoundError)
# A driver's time stamp is believed if it lies so little before now; other clocks are far off.
_PLAUSIBLE_NS = NS_PER_S
_UNKNOWN_RATE_HZ = 30.0


class LiveStream:
    """Opens a container, decodes it without delay, and stamps each frame with the monotonic time."""

    def __init__(self, name: str, opener: Callable[[], InputContainer]) -> None:
        self._name = name
        self._opener = opener
        self._container: InputContainer | None = None
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._first: av.VideoFrame | None = None
        self._copier = FrameCopier()

    def open(self) -> StreamFormat:
        """Open the stream and wait for its first frame, which knows the size.

        Raises:
            SourceError: It cannot be opened, and trying again is no use.
            SourceGoneError: It is not there now.
        """
        self.close()
        try:
            self._container = self._opener()
        except (av.FFmpegError, OSError) as e:
            raise self._error(e) from e
        if not self._container.streams.video:
            self.close()
            raise SourceError(f"cannot open {self._name}: it gives no pictures")
        stream = self._container.streams.video[0]
        # One frame a thread would hold each frame back until as many others have come.
        stream.thread_type = "SLICE"
        self._frames = _decode(self._container, stream)
        self._first = self._next()
        width_px, height_px = upright_size(self._first)
        rate_hz = float(stream.average_rate or stream.guessed_rate or _UNKNOWN_RATE_HZ)
        return StreamFormat(width_px, height_px, rate_hz, is_live=True)

    def read(self, buffer: Buffer) -> Capture:
        """Give the next frame, waiting for it.

        Raises:
            SourceError: The pictures became larger.
            SourceGoneError: The stream ended or broke.
        """
        frame, self._first = self._first or self._next(), None
        try:
            pixels = self._copier.copy(frame, buffer)
        except ValueError as e:
            raise SourceError(f"cannot read {self._name}: its pictures became larger; start again") from e
        return Capture(pixels, _captured_ns(frame))

    def close(self) -> None:
        """Release the stream."""
        self._first, self._frames = None, iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _next(self) -> av.VideoFrame:
        try:
            frame = next(self._frames, None)
        except (av.FFmpegError, OSError) as e:
            self.close()
            raise SourceGoneError(f"cannot read {self._name}: {_reason(e)}") from e
        if frame is None:
            self.close()
            raise SourceGoneError(f"cannot read {self._name}: the stream ended")
        return frame

    def _error(self, error: av.FFmpegError | OSError) -> SourceError:
        """Tell what trying again can mend from what it cannot."""
        is_final = error.errno in _FINAL or isinstance(error, _FINAL_ERRORS)
        kind = SourceError if is_final else SourceGoneError
        return kind(f"cannot open {self._name}: {_reason(error)}")


def _decode(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Give frames as they come; a damaged packet is passed over, the next key frame mends the picture."""
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        yield from frames


def _captured_ns(frame: av.VideoFrame) -> int:
    """Give the driver's time stamp where it is of the monotonic clock, else the time of now."""
    now = now_ns()
    if frame.pts is not None and frame.time_base is not None:
        stamped = frame.pts * frame.time_base.numerator * NS_PER_S // frame.time_base.denominator
        if now - _PLAUSIBLE_NS < stamped <= now:
            return stamped
    return now


def _reason(error: av.FFmpegError | OSError) -> str:
    if isinstance(error, av.ExitError) or error.errno == errno.ETIMEDOUT:
        return "it does not answer"
    if isinstance(error, av.InvalidDataError):
        return "no valid answer"
    return (error.strerror or str(error)).lower()
