"""The contract of a source; implementations live in ``edgefuse/vision/sources/``, one file each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edgefuse import registry
from edgefuse.vision.pool import Buffer
from edgefuse.vision.types import Pixels

PACKAGE = "edgefuse.vision.sources"


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a source gives and a sink gets."""

    width_px: int
    height_px: int
    """The largest frame of the stream."""
    rate_hz: float
    """Nominal frames a second."""
    frames: int | None = None
    """How many there are, where that is known."""
    is_live: bool = False
    """Frames come at their own pace and are lost when nobody takes them."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One frame as a source read it."""

    pixels: Pixels
    """A view into the buffer that was passed to ``read``."""
    captured_ns: int
    """Monotonic for live sources, time of presentation for files."""


class Source(Protocol):
    """Where frames come from; always called from one and the same thread."""

    def open(self) -> StreamFormat:
        """Acquire the source; also called again after it went away.

        Raises:
            SourceError: It cannot be opened, and trying again is no use.
            SourceGoneError: A live source is not there now.
        """
        ...

    def read(self, buffer: Buffer) -> Capture | None:
        """Write the next frame into a buffer, waiting for it if need be; nothing at the end.

        Raises:
            SourceError: The file is damaged.
            SourceGoneError: A live source went away.
        """
        ...

    def close(self) -> None:
        """Release the source; a second call does nothing."""
        ...


SourceType = Callable[[str], Source]
"""The ``PLUGIN`` of a source's file: makes a source for the part of the address after ``<file name>:``."""


def make_source(address: str) -> Source:
    """Make a source from an address such as ``/dev/video0``, ``csi:0``, ``rtsp://…``, ``pattern`` or a path.

    The grammar stands in ``edgefuse/vision/media/address.py`` and, for people, in ``docs/sources-and-sinks.md``.

    Raises:
        SourceError: The address cannot be understood.
    """
    scheme, rest = split_address(address, PACKAGE)
    make: SourceType = registry.load(PACKAGE, scheme)
    return make(rest)


def split_address(address: str, package: str) -> tuple[str, str]:
    """Split an address into the plug-in's name and what is left for it; anything without a known name is a file."""
    if address.startswith("/dev/video"):
        return ("v4l2" if package == PACKAGE else "v4l2loopback"), address
    scheme, _, rest = address.partition(":")
    return (scheme, rest) if scheme in registry.names(package) else ("file", address)
