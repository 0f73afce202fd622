"""Nowhere: ``null`` counts on the rest of the pipeline and throws the frames away."""

from __future__ import annotations

from edgefuse.errors import SinkError
from edgefuse.vision.sink import SinkType
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame


class NullSink:
    """Discards every frame."""

    is_live = False

    def __init__(self, rest: str) -> None:
        if rest:
            raise SinkError(f"cannot open null:{rest}: it has no options; write it as null")

    def open(self, stream: StreamFormat) -> None:
        """Do nothing."""

    def write(self, frame: Frame) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


PLUGIN: SinkType = NullSink
