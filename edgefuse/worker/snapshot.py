"""Pictures of what is delivered, taken while it runs."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2

from edgefuse import disk
from edgefuse.errors import SinkError
from edgefuse.vision.media.picture_writer import SUFFIXES
from edgefuse.vision.sink import Sink
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame, Pixels

WAIT_S = 5.0
"""Longest wait for a frame; the slowest shipped points give several a second."""


class WatchedSink:
    """Hands frames on to another sink, and copies of them to whoever asks."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._changed = threading.Condition()
        self._askers = 0
        self._copy: Pixels | None = None

    @property
    def is_live(self) -> bool:
        """Somebody watches."""
        return self._sink.is_live

    def open(self, stream: StreamFormat) -> None:
        """Open the sink.

        Raises:
            SinkError: It cannot be written.
        """
        self._sink.open(stream)

    def write(self, frame: Frame) -> None:
        """Deliver one frame.

        Raises:
            SinkError: The disk is full, the peer is gone for good.
        """
        self._sink.write(frame)
        if self._askers:
            with self._changed:
                self._copy = frame.pixels.copy()
                self._changed.notify_all()

    def close(self) -> None:
        """Finish.

        Raises:
            SinkError: The end could not be written.
        """
        self._sink.close()

    def next_frame(self) -> Pixels | None:
        """Wait for the next frame that is delivered and give a copy; nothing where none comes in time."""
        with self._changed:
            self._copy = None
            self._askers += 1
            self._changed.wait_for(lambda: self._copy is not None, WAIT_S)
            self._askers -= 1
            return self._copy


def take_snapshot(sink: WatchedSink, path: Path) -> None:
    """Write the next delivered frame as a picture, whole or not at all.

    Raises:
        SinkError: The name has no ending of a picture, or no frame was delivered.
        StoreError: The file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SinkError(f"cannot write {path}: it is no picture; end its name with one of {', '.join(SUFFIXES)}")
    pixels = sink.next_frame()
    if pixels is None:
        raise SinkError(f"cannot write {path}: no frame was delivered within {WAIT_S:g} s")
    _, encoded = cv2.imencode(suffix, pixels, SUFFIXES[suffix])
    disk.write_atomically(path, encoded.tobytes())
