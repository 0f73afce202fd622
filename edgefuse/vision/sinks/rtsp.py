"""Pushing to an RTSP server, such as one that other programs watch: ``rtsp://server:8554/name``.

A server that goes away ends the run: whoever runs the pipeline starts it again after a pause, and nobody has to
guess here whether a connection that hangs will come back.
"""

from __future__ import annotations

import contextlib

import av
from av.container import OutputContainer

from edgefuse.config.address import without_secrets
from edgefuse.errors import SinkError
from edgefuse.vision.media.encoded import H264Stream
from edgefuse.vision.media.recording import reason
from edgefuse.vision.sink import SinkType
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame

_TIMEOUT_S = 5.0
# TCP, because UDP loses whole key frames in home networks; the socket's own limit is in microseconds.
_TRANSPORT = {"rtsp_transport": "tcp", "timeout": str(round(_TIMEOUT_S * 1e6))}


class RtspSink:
    """Encodes with the least delay and pushes over TCP."""

    is_live = True

    def __init__(self, rest: str) -> None:
        if not rest.startswith("//") or len(rest) == 2:
            raise SinkError(f"cannot open rtsp:{rest}: it has no server; write it as rtsp://server:8554/name")
        self._url = f"rtsp:{rest}"
        self._name = without_secrets(self._url)
        self._container: OutputContainer | None = None
        self._stream: H264Stream | None = None

    def open(self, stream: StreamFormat) -> None:
        """Announce the stream to the server.

        Raises:
            SinkError: The server cannot be reached or refuses.
        """
        # A viewer that joins sees a picture after a second, when the next key frame comes.
        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "g": str(max(1, round(stream.rate_hz)))}
        try:
            self._container = av.open(self._url, "w", format="rtsp", options=_TRANSPORT, timeout=_TIMEOUT_S)
            self._stream = H264Stream(self._container, stream, options)
            self._container.start_encoding()
        except (av.FFmpegError, OSError) as e:
            self.close()
            raise SinkError(f"cannot push to {self._name}: {reason(e)}; is the server running?") from e

    def write(self, frame: Frame) -> None:
        """Push one frame.

        Raises:
            SinkError: The server is gone.
        """
        assert self._stream is not None, "writing follows opening"
        try:
            self._stream.write(frame.pixels, frame.captured_ns)
        except (av.FFmpegError, OSError) as e:
            raise SinkError(f"cannot push to {self._name}: {reason(e)}; the server is gone") from e

    def close(self) -> None:
        """Say good-bye to the server, if it is still there."""
        container, self._container, self._stream = self._container, None, None
        if container is not None:
            # A server that is gone cannot be told.
            with contextlib.suppress(av.FFmpegError, OSError):
                container.close()


PLUGIN: SinkType = RtspSink
