"""Network cameras: ``rtsp://user:password@camera/stream``, over TCP."""

from __future__ import annotations

import av

from edgefuse.config.address import without_secrets
from edgefuse.errors import SourceError
from edgefuse.vision.media.live_stream import LiveStream
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, SourceType, StreamFormat

_TIMEOUT_S = 5.0
# TCP, because UDP loses whole key frames in home networks; without a buffer, because old frames are of no use.
_OPTIONS = {"rtsp_transport": "tcp", "fflags": "nobuffer", "max_delay": "0"}


class RtspSource:
    """Plays one stream of a camera or a server."""

    def __init__(self, rest: str) -> None:
        if not rest.startswith("//") or len(rest) == 2:
            raise SourceError(f"cannot open rtsp:{rest}: it has no server; write it as rtsp://camera:554/stream")
        url = f"rtsp:{rest}"
        self._stream = LiveStream(without_secrets(url), lambda: av.open(url, options=_OPTIONS, timeout=_TIMEOUT_S))

    def open(self) -> StreamFormat:
        """Connect and wait for the first picture.

        Raises:
            SourceError: The server refuses for good: the stream is unknown, or a password is needed.
            SourceGoneError: The server is not there, or sends nothing.
        """
        return self._stream.open()

    def read(self, buffer: Buffer) -> Capture | None:
        """Give the next picture.

        Raises:
            SourceGoneError: The connection broke, or nothing came for 5 s.
        """
        return self._stream.read(buffer)

    def close(self) -> None:
        """Disconnect."""
        self._stream.close()


PLUGIN: SourceType = RtspSource
