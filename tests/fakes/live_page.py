"""A viewer of the live page who knows the one picture that it shows, and whether its face is hidden."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from fakes.clips import write_clip

from edgefuse.vision.types import Pixels

PATIENCE_S = 120.0
FACE = np.s_[60:190, 170:280]
"""Rows and columns of the face in the picture of 512x512, an astronaut."""
HIDDEN = 8.0
"""Mean difference from the picture, in steps of 255; a clear face is at less than half of it."""


def write_still(picture: Path, film: Path) -> Path:
    """Write a second of a picture that does not move."""
    return write_clip(film, [np.asarray(cv2.imread(str(picture)), np.uint8)] * 25)


class Viewer:
    """Looks at frame after frame."""

    def __init__(self, picture: Path, stream: Iterator[Pixels]) -> None:
        self._picture = np.asarray(cv2.imread(str(picture)), np.float64)
        self._stream = stream

    def wait(self, *, is_hidden: bool) -> None:
        """Look until the face is hidden in a frame, or to be seen."""
        end_s = time.monotonic() + PATIENCE_S
        for pixels in self._stream:
            difference = np.abs(pixels[FACE] - self._picture[FACE]).mean()
            if (difference > HIDDEN) if is_hidden else (difference < HIDDEN / 2):
                return
            assert time.monotonic() < end_s, difference
        raise AssertionError("the page ended")


@contextmanager
def watching(page: str, picture: Path) -> Iterator[Viewer]:
    """Connect to the live page."""
    port = int(page.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as viewer, viewer.makefile("rb") as stream:
        viewer.sendall(f"GET /stream HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n".encode())

        def frames() -> Iterator[Pixels]:
            for line in stream:
                if line.startswith(b"Content-Length: "):
                    stream.readline()
                    jpeg = stream.read(int(line.split()[1]))
                    yield np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)

        yield Viewer(picture, frames())
