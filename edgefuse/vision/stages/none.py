"""The effect that does nothing: frames leave as they came."""

from __future__ import annotations

import msgspec

from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Packet


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """There is nothing to set."""


class PassOn:
    """Keeps nothing."""

    def __init__(self, _options: Options, _context: StageContext) -> None: ...

    def run(self, packet: Packet) -> Packet:
        """Give the packet as it is."""
        return packet

    def close(self) -> None:
        """Nothing is open."""


PLUGIN: StageType = StageType(Options, PassOn, thread="compose")
