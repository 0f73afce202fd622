"""Gives every face with landmarks the five points that aligned crops are cut by (``edgefuse.vision.face.align``)."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from edgefuse.vision.face.landmarks import five_points
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Packet


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to choose: the points follow from the landmarks."""


class AlignFaces:
    """Keeps nothing."""

    def __init__(self, _options: Options, _context: StageContext) -> None: ...

    def run(self, packet: Packet) -> Packet:
        """Fill in ``points``; faces without landmarks keep what their detector gave."""
        faces = (f if f.mesh is None else replace(f, points=five_points(f.mesh)) for f in packet.faces)
        return replace(packet, faces=tuple(faces))

    def close(self) -> None:
        """Nothing is open."""


PLUGIN: StageType = StageType(Options, AlignFaces, thread="find")
