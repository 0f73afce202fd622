"""Hides every face so that nothing of it survives, and hides more whenever less is known.

It fails closed: ``edgefuse.vision.veil`` says when a lost face stays hidden and when the whole frame is.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from edgefuse.vision.conceal import Concealer, Method
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Packet, Search
from edgefuse.vision.veil import Cover, make_veil, step


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How faces are hidden, and how careful it is."""

    method: Method = "blur"
    hold_s: Annotated[float, msgspec.Meta(ge=0.5)] = 2.0
    """How long a lost face stays hidden where it was, and how long the last search of the whole frame counts."""
    search_every: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Most frames between two searches of the whole frame: for so many at most a newcomer is seen clear."""


class Anonymise:
    """What is hidden now, and the buffers to hide it."""

    def __init__(self, options: Options, context: StageContext) -> None:
        context.attention.search_every = options.search_every
        self._hold_s = options.hold_s
        self._cover = Cover()
        noise = np.random.default_rng()  # seeded by the system: whoever knew the noise could take it off
        self._concealer = Concealer(options.method, context.height_px, context.width_px, noise)

    def run(self, packet: Packet) -> Packet:
        """Hide faces, or the whole frame, in the frame's pixels."""
        now_ns = packet.frame.captured_ns
        veils = [make_veil(face, now_ns) for face in packet.faces]
        sightings = [veil for veil in veils if veil is not None]
        # A face whose place is not a number is a failure, however sure the search was.
        search = packet.search if len(sightings) == len(veils) else Search.FAILED
        self._cover = step(self._cover, sightings, search, now_ns, self._hold_s)
        if self._cover.is_whole:
            self._concealer.hide_all(packet.frame.pixels)
        else:
            for veil in self._cover.veils:
                self._concealer.hide(packet.frame.pixels, veil.outline_at(now_ns))
        return packet

    def close(self) -> None:
        """Nothing is open."""


PLUGIN: StageType = StageType(Options, Anonymise, thread="compose")
