"""Hides every face so that nothing of it survives, and hides more whenever less is known.

It fails closed: ``edgefuse.vision.cover.veil`` says when a lost face stays hidden and when the whole frame is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from edgefuse.vision.cover.conceal import Cells, Concealer, Method
from edgefuse.vision.cover.veil import Cover, Outline, make_veil, step
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Packet, Pixels, Search

WHOLE_FRAME = -1
"""Stands for the whole frame where a track's id stands for a face."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How faces are hidden, and how careful it is."""

    method: Method = "pixelate"
    hold_s: Annotated[float, msgspec.Meta(ge=0.5)] = 2.0
    """How long a lost face stays hidden where it was, and how long the last search of the whole frame counts."""
    search_every: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Most frames between two searches of the whole frame: for so many at most a newcomer is seen clear."""


class Anonymise:
    """What is hidden now, in which colours, and the buffers to hide it."""

    def __init__(self, options: Options, context: StageContext) -> None:
        context.attention.search_every = options.search_every
        self._hold_s = options.hold_s
        self._cover = Cover()
        self._cells: dict[int, Cells] = {}
        self._concealer = Concealer(options.method, context.height_px, context.width_px)

    def run(self, packet: Packet) -> Packet:
        """Hide faces, or the whole frame, in the frame's pixels."""
        now_ns = packet.frame.captured_ns
        veils = [make_veil(face, now_ns) for face in packet.faces]
        sightings = [veil for veil in veils if veil is not None]
        # A face whose place is not a number is a failure, however sure the search was.
        search = packet.search if len(sightings) == len(veils) else Search.FAILED
        self._cover = step(self._cover, sightings, search, now_ns, self._hold_s)
        regions: list[tuple[int, Outline | None]] = [(v.track_id, v.outline_at(now_ns)) for v in self._cover.veils]
        self._hide(packet.frame.pixels, [(WHOLE_FRAME, None)] if self._cover.is_whole else regions)
        return packet

    def _hide(self, pixels: Pixels, regions: Sequence[tuple[int, Outline | None]]) -> None:
        """Hide regions in the colours that they were first hidden in; faces that nobody follows share theirs."""
        known, self._cells = self._cells, {}
        for key, outline in regions:
            if key not in self._cells:
                self._cells[key] = known[key] if key in known else self._concealer.sample(pixels, outline)
            self._concealer.hide(pixels, outline, self._cells[key])

    def close(self) -> None:
        """Nothing is open."""


PLUGIN: StageType = StageType(Options, Anonymise, thread="compose")
