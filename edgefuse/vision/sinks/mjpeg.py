"""A live view in any browser: ``mjpeg:8080`` on this machine, ``mjpeg:0.0.0.0:8080`` for the network around it.

``/`` is a page that shows the stream, ``/stream`` is the stream. Frames are compressed only while somebody watches;
each viewer gets the newest one when it is ready for it, so that a slow viewer holds up nobody.

A browser names in ``Host`` whom it means to ask. Only the names of this server are answered: a page of the web whose
own name was made to point here (DNS rebinding) could read the stream otherwise.
"""

from __future__ import annotations

import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any  # the signature of the standard library's log_message

import cv2

from edgefuse.errors import SinkError
from edgefuse.vision.sink import SinkType
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame

logger = logging.getLogger(__name__)

_JPEG_OPTIONS = [cv2.IMWRITE_JPEG_QUALITY, 85]
_BOUNDARY = "edgefuse-frame"
_PAGE = (
    b'<!doctype html><meta charset="utf-8"><title>edgefuse</title>'
    b'<body style="margin:0;background:#111;display:grid;place-items:center;height:100vh">'
    b'<img src="/stream" alt="live view" style="max-width:100%;max-height:100vh">'
)
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
# A viewer that takes nothing for so long is gone.
_SEND_TIMEOUT_S = 10.0
# How often a waiting viewer looks whether the sink was closed or its connection died.
_WAIT_S = 1.0


class NewestPicture:
    """Hands the newest picture to any number of viewers; whoever is late misses the ones between."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jpeg = memoryview(b"")
        self._number = 0
        self._viewers = 0
        self._is_open = True

    @property
    def has_viewers(self) -> bool:
        """Somebody waits for pictures."""
        return self._viewers > 0

    @property
    def is_open(self) -> bool:
        """More pictures may come."""
        return self._is_open

    def put(self, jpeg: memoryview) -> None:
        """Replace the picture."""
        with self._changed:
            self._jpeg, self._number = jpeg, self._number + 1
            self._changed.notify_all()

    def wait_after(self, number: int) -> tuple[int, memoryview]:
        """Give number and bytes of a picture newer than ``number``, or the same number if none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number or not self._is_open, _WAIT_S)
            return self._number, self._jpeg

    def join(self, *, is_watching: bool) -> None:
        """Count a viewer in or out."""
        with self._changed:
            self._viewers += 1 if is_watching else -1

    def close(self) -> None:
        """Let every viewer go."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Viewers notice the end by themselves; close() must not wait for one that hangs in send().
    block_on_close = False

    def __init__(self, place: tuple[str, int], newest: NewestPicture) -> None:
        self.newest = newest
        self.host = place[0].lower()
        super().__init__(place, _Viewer)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: viewers come and go."""


class _Viewer(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SEND_TIMEOUT_S

    def do_GET(self) -> None:
        """Answer one request."""
        if not self._is_meant():
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, explain=f"Ask for http://{self._reached}/")
        elif self.path == "/":
            self._send_page()
        elif self.path == "/stream":
            self._send_stream()
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: one line a request would fill the journal."""

    def _is_meant(self) -> bool:
        """Tell whether the viewer asked for this server by one of its own names."""
        port = self.server.server_port
        names = {f"{host}:{port}" for host in (self.server.host, *_LOCAL_HOSTS)} | {self._reached}
        return self.headers.get("Host", "").lower() in names

    @property
    def _reached(self) -> str:
        """The address of this machine that the viewer has reached; one that serves all of them is bound to none."""
        host, port = self.connection.getsockname()
        return f"{host}:{port}"

    def _send_page(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(_PAGE)))
        self.end_headers()
        self.wfile.write(_PAGE)

    def _send_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        newest, number = self.server.newest, 0
        newest.join(is_watching=True)
        try:
            while newest.is_open:
                seen, (number, jpeg) = number, newest.wait_after(number)
                if number != seen:
                    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    for part in (head.encode(), jpeg, b"\r\n"):
                        self.wfile.write(part)
        finally:
            newest.join(is_watching=False)


class MjpegSink:
    """Serves the newest frame over HTTP."""

    is_live = True

    def __init__(self, rest: str) -> None:
        host, _, port = rest.rpartition(":")
        if not port.isdecimal() or int(port) > 65535:
            raise SinkError(
                f"cannot open mjpeg:{rest}: the port must be a number; write it as mjpeg:8080 or mjpeg:0.0.0.0:8080"
            )
        self._place = (host or "127.0.0.1", int(port))
        self._newest = NewestPicture()
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """The port that is served; port 0 of the address takes a free one."""
        return self._place[1]

    def open(self, stream: StreamFormat) -> None:  # noqa: ARG002 -- every size and rate can be served
        """Start to serve.

        Raises:
            SinkError: The port is taken, or the address is not of this machine.
        """
        self._newest = NewestPicture()
        try:
            self._server = _Server(self._place, self._newest)
        except OSError as e:
            host, port = self._place
            raise SinkError(
                f"cannot serve http://{host}:{port}: {(e.strerror or str(e)).lower()}; try another port"
            ) from e
        self._place = (self._place[0], self._server.server_port)
        logger.info("live view url=http://%s:%d/", *self._place)
        threading.Thread(target=self._server.serve_forever, name="mjpeg", args=(0.1,), daemon=True).start()

    def write(self, frame: Frame) -> None:
        """Compress a frame if somebody watches."""
        if self._newest.has_viewers:
            _, encoded = cv2.imencode(".jpg", frame.pixels, _JPEG_OPTIONS)
            self._newest.put(encoded.data)

    def close(self) -> None:
        """Let the viewers go and free the port."""
        server, self._server = self._server, None
        if server is not None:
            self._newest.close()
            server.shutdown()
            server.server_close()


PLUGIN: SinkType = MjpegSink
