"""Recording an MP4 file that survives whatever happens while it is written.

While it records, the file is a fragmented MP4 under ``<name>.part.mp4``, playable up to its last second even after
a power cut. At the end the same packets are written again as an ordinary MP4 with its index in front, which every
browser and phone plays while it loads, and that file takes the final name in one step.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

import av
from av.container import OutputContainer

from edgefuse.errors import SinkError
from edgefuse.vision.media.encoded import H264Stream
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame

# Measured on the default clip: every frame at least 45 dB from its input, 3.8 ms a 720p frame (two threads).
_ENCODER = {"preset": "superfast", "crf": "18"}
# The index is held back until the first fragment, so that it can tell how far the encoder reorders.
_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+delay_moov+default_base_moof", "frag_duration": "1000000"}
# The room for the index that an ordinary MP4 keeps at its front: 45 bytes a frame at most (times, order, size, place
# and kind of each), and what it says about the stream.
_INDEX_BYTES_PER_FRAME, _INDEX_BYTES = 64, 4096


class Recording:
    """A sink that writes one H.264 MP4 file, with the times of the frames."""

    is_live = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.stem}.part{path.suffix}")
        self._file: BinaryIO | None = None
        self._container: OutputContainer | None = None
        self._stream: H264Stream | None = None
        self._frames = 0

    def open(self, stream: StreamFormat) -> None:
        """Create the file under its temporary name.

        Raises:
            SinkError: It cannot be created, or the encoder takes no pictures of that size.
        """
        try:
            self._file = self._part.open("wb")
        except OSError as e:
            raise SinkError(f"cannot write {self._path}: {reason(e)}") from e
        self._frames = 0
        try:
            # Through a file object, because libav keeps silent about a disk that is full at the end.
            self._container = av.open(self._file, "w", format="mp4", options=_FRAGMENTED)
            self._stream = H264Stream(self._container, stream, _ENCODER)
            self._container.start_encoding()
        except (av.FFmpegError, OSError) as e:
            self._abandon()
            self._part.unlink()
            size = f"{stream.width_px}x{stream.height_px}"
            raise SinkError(f"cannot write {self._path}: the encoder refuses {size} pixels ({reason(e)})") from e

    def write(self, frame: Frame) -> None:
        """Encode one frame.

        Raises:
            SinkError: The disk is full; what was recorded until then can be played under the temporary name.
        """
        assert self._stream is not None, "writing follows opening"
        try:
            self._stream.write(frame.pixels, frame.captured_ns)
        except (av.FFmpegError, OSError) as e:
            self._abandon()
            raise self._error(e) from e
        self._frames += 1

    def close(self) -> None:
        """Finish the file and give it its final name; without any frame there is no file.

        Raises:
            SinkError: The disk is full; the recording stays under its temporary name.
        """
        if self._file is None or self._container is None or self._stream is None:
            return
        try:
            if self._frames:
                self._stream.finish()
            self._container.close()
            self._file.close()
            if self._frames:
                self._publish()
        except (av.FFmpegError, OSError) as e:
            self._abandon()
            raise self._error(e) from e
        self._part.unlink()
        self._file = self._container = self._stream = None

    def _publish(self) -> None:
        """Write the packets again with the index in front, and rename."""
        final = self._path.with_name(f"{self._path.stem}.part2{self._path.suffix}")
        try:
            with final.open("wb") as file:
                _remux(self._part, file, _INDEX_BYTES + self._frames * _INDEX_BYTES_PER_FRAME)
                file.flush()
                os.fsync(file.fileno())
            final.replace(self._path)
        finally:
            final.unlink(missing_ok=True)

    def _abandon(self) -> None:
        """Let go of the file as it is."""
        file, container = self._file, self._container
        self._file = self._container = self._stream = None
        for opened in (container, file):
            # Both try to write what they still hold; the reason why that fails was told already.
            with contextlib.suppress(av.FFmpegError, OSError):
                if opened is not None:
                    opened.close()

    def _error(self, error: av.FFmpegError | OSError) -> SinkError:
        return SinkError(
            f"cannot write {self._path}: {reason(error)}; what was recorded until then plays as {self._part}"
        )


def reason(error: av.FFmpegError | OSError) -> str:
    """Say in a few words why a file cannot be written."""
    text = (error.strerror or str(error)).lower()
    return "no space left" if text.startswith("no space left") else text


def _remux(source: Path, target: BinaryIO, index_bytes: int) -> None:
    """Copy the packets of a fragmented MP4 into an ordinary one that has room for its index in front."""
    options = {"moov_size": str(index_bytes)}
    # Without the prefix libav takes what stands before a colon for a protocol.
    with av.open(f"file:{source}") as fragments, av.open(target, "w", format="mp4", options=options) as whole:
        stream = fragments.streams.video[0]
        copy = whole.add_stream_from_template(stream)
        for packet in fragments.demux(stream):
            # The last packet of a demuxer is empty and only says that this is the end.
            if packet.dts is not None:
                packet.stream = copy
                whole.mux(packet)
