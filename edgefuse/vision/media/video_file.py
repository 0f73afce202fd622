"""Reading a video file frame by frame, with the timestamps that it holds."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edgefuse.clock import NS_PER_S
from edgefuse.errors import SourceError
from edgefuse.vision.media.decoded import FrameCopier, upright_size
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, StreamFormat

# For containers that know neither a rate nor timestamps, such as a raw H.264 stream.
UNKNOWN_RATE_HZ = 25.0


class VideoFile:
    """A source that reads a video file; damaged parts are passed over and told at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: InputContainer | None = None
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._first: av.VideoFrame | None = None
        self._copier = FrameCopier()
        self._rate_hz = UNKNOWN_RATE_HZ
        self._start_ns = self._last_ns = 0
        self._given = 0
        self._is_damaged = False

    def open(self) -> StreamFormat:
        """Open the file and decode its first frame, which knows size and rotation.

        Raises:
            SourceError: The file is missing, empty, not a video, or holds no frame that can be decoded.
        """
        self.close()
        self._check_file()
        try:
            # Without the prefix libav takes what stands before a colon for a protocol.
            self._container = av.open(f"file:{self._path}", metadata_errors="replace")
        except (av.FFmpegError, OSError) as e:
            raise SourceError(
                f"cannot read {self._path}: it is not a video, or its end is missing ({e.strerror})"
            ) from e
        if not self._container.streams.video:
            self.close()
            raise SourceError(f"cannot read {self._path}: it holds no pictures, only sound or text")
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        self._rate_hz = float(stream.average_rate or stream.guessed_rate or UNKNOWN_RATE_HZ)
        self._given, self._last_ns, self._is_damaged = 0, 0, False
        self._frames = self._decode(stream)
        self._first = next(self._frames, None)
        if self._first is None:
            self.close()
            raise SourceError(f"cannot read {self._path}: none of its frames can be decoded")
        self._start_ns = self._time_ns(self._first)
        width_px, height_px = upright_size(self._first)
        return StreamFormat(width_px, height_px, self._rate_hz, frames=stream.frames or None)

    def read(self, buffer: Buffer) -> Capture | None:
        """Decode the next frame into a buffer; nothing at the end of an undamaged file.

        Raises:
            SourceError: The file is damaged; told after the last frame that could be decoded.
        """
        frame, self._first = self._first or next(self._frames, None), None
        if frame is None:
            self._check_damage()
            return None
        captured_ns = self._time_ns(frame) - self._start_ns
        if captured_ns < self._last_ns:
            # Files that were joined end to end start their clocks again; the film goes on.
            back_ns = self._last_ns + round(NS_PER_S / self._rate_hz) - captured_ns
            self._start_ns, captured_ns = self._start_ns - back_ns, captured_ns + back_ns
        self._last_ns = captured_ns
        try:
            pixels = self._copier.copy(frame, buffer)
        except ValueError as e:
            raise SourceError(f"cannot read {self._path}: the picture grows at {captured_ns / NS_PER_S:.1f} s") from e
        self._given += 1
        return Capture(pixels, captured_ns)

    def close(self) -> None:
        """Close the file."""
        self._first, self._frames = None, iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _check_file(self) -> None:
        if not self._path.exists():
            hint = "; is it an address? see docs/sources-and-sinks.md" if ":" in str(self._path) else ""
            raise SourceError(f"cannot read {self._path}: no such file{hint}")
        if not os.access(self._path, os.R_OK):
            raise SourceError(f"cannot read {self._path}: permission denied")
        if self._path.is_file() and self._path.stat().st_size == 0:
            raise SourceError(f"cannot read {self._path}: the file is empty")

    def _decode(self, stream: VideoStream) -> Iterator[av.VideoFrame]:
        assert self._container is not None, "decoding follows opening"
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                # Half a packet is not tried: its error would take good frames of other threads with it.
                self._is_damaged |= packet.is_corrupt
                frames = [] if packet.is_corrupt else packet.decode()
            except (av.EOFError, av.InvalidDataError):
                self._is_damaged = True
                continue
            yield from frames
        # Where the file is cut, the demuxer ends without the empty packet that empties the decoder.
        with contextlib.suppress(av.EOFError):
            yield from stream.decode(None)

    def _time_ns(self, frame: av.VideoFrame) -> int:
        """Give when a frame is to be shown; counted where the container does not say."""
        if frame.pts is None or frame.time_base is None:
            return round(self._given * NS_PER_S / self._rate_hz)
        return frame.pts * frame.time_base.numerator * NS_PER_S // frame.time_base.denominator

    def _check_damage(self) -> None:
        if self._is_damaged:
            raise SourceError(
                f"cannot read all of {self._path}: it is cut short or damaged; {self._given} frames could be read"
            )
