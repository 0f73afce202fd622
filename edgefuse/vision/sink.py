"""The contract of a sink; implementations live in ``edgefuse/vision/sinks/``, one file each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edgefuse import registry
from edgefuse.vision.source import StreamFormat, split_address
from edgefuse.vision.types import Frame

PACKAGE = "edgefuse.vision.sinks"


class Sink(Protocol):
    """Where frames go; always called from one and the same thread."""

    @property
    def is_live(self) -> bool:
        """Somebody watches: frames must leave at the pace of the source."""
        ...

    def open(self, stream: StreamFormat) -> None:
        """Acquire the sink.

        Raises:
            SinkError: It cannot be written; told before the first frame is captured.
        """
        ...

    def write(self, frame: Frame) -> None:
        """Deliver one frame; its pixels are only valid during the call.

        Raises:
            SinkError: The disk is full, the peer is gone for good; what was written until now stays usable.
        """
        ...

    def close(self) -> None:
        """Finish: a file is playable afterwards; a second call does nothing.

        Raises:
            SinkError: The end could not be written.
        """
        ...


SinkType = Callable[[str], Sink]
"""The ``PLUGIN`` of a sink's file: makes a sink for the part of the address after ``<file name>:``."""


def make_sink(address: str) -> Sink:
    """Make a sink from an address such as ``null``, ``mjpeg:8080``, ``rtsp://…``, ``/dev/video9`` or a path.

    The grammar stands in ``edgefuse/vision/media/address.py`` and, for people, in ``docs/sources-and-sinks.md``.

    Raises:
        SinkError: The address cannot be understood.
    """
    scheme, rest = split_address(address, PACKAGE)
    make: SinkType = registry.load(PACKAGE, scheme)
    return make(rest)
