"""A video that plays again and again as if it were a camera: ``loop:clip.mp4``, for tests that take hours.

Once it has been open, a file that is taken away is a camera that was unplugged.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from edgefuse.clock import NS_PER_S, now_ns
from edgefuse.errors import SourceGoneError
from edgefuse.vision.media.video_file import VideoFile
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, SourceType, StreamFormat


class LoopSource:
    """Gives the frames of a video when their time has come, from its start again after its end."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._file = VideoFile(self._path)
        self._has_been_open = False
        self._period_ns = 0
        self._start_ns: int | None = None
        """When the first frame of this round was due; nothing before it was read."""
        self._due_ns = 0

    def open(self) -> StreamFormat:
        """Open the video.

        Raises:
            SourceError: It is no video, or was never there.
            SourceGoneError: It was taken away.
        """
        if self._has_been_open and not self._path.exists():
            raise SourceGoneError(f"cannot read {self._path}: it was taken away")
        stream = self._file.open()
        self._has_been_open, self._start_ns = True, None
        self._period_ns = round(NS_PER_S / stream.rate_hz)
        return replace(stream, frames=None, is_live=True)

    def read(self, buffer: Buffer) -> Capture | None:
        """Wait until the next frame is due and give it.

        Raises:
            SourceError: The video is damaged.
            SourceGoneError: It was taken away.
        """
        capture = self._file.read(buffer)
        if capture is None:
            next_start_ns = self._due_ns + self._period_ns
            self.open()
            self._start_ns = next_start_ns
            capture = self._file.read(buffer)
            assert capture is not None, "a video that opens has a frame"
        return replace(capture, captured_ns=self._wait_until_due(capture.captured_ns))

    def close(self) -> None:
        """Close the video."""
        self._file.close()

    def _wait_until_due(self, presented_ns: int) -> int:
        """Wait for a frame's time in this round, and give when it counts as captured."""
        if self._start_ns is None:
            self._start_ns = now_ns() - presented_ns
        late_ns = now_ns() - (self._start_ns + presented_ns)
        if late_ns > self._period_ns:
            self._start_ns += late_ns  # nobody took frames for a while: a camera does not make up for them
        self._due_ns = self._start_ns + presented_ns
        time.sleep(max(0, self._due_ns - now_ns()) / NS_PER_S)
        return self._due_ns


PLUGIN: SourceType = LoopSource
