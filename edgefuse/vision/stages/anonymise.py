"""Hides every face so that nothing of it survives, and hides more whenever less is known.

It fails closed: ``edgefuse.vision.cover.veil`` says when a lost face stays hidden and when the whole frame is. With the
method ``mesh`` a stranger's face is laid over what was hidden, never over what was not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

import msgspec

from edgefuse.vision.cover.conceal import Cells, Concealer
from edgefuse.vision.cover.veil import Cover, Outline, make_veil, step
from edgefuse.vision.fusion import person
from edgefuse.vision.fusion.strangers import Strangers, Wearer, load_strangers, missing_seeds
from edgefuse.vision.model import Models
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Packet, Pixels, Search

Method = Literal["solid", "pixelate", "blur", "mesh"]
"""``mesh`` is ``pixelate`` with a synthetic face over it where the person's can be followed well."""

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
    """What is hidden now, in which colours, who wears a stranger's face, and the buffers to hide it."""

    def __init__(self, options: Options, context: StageContext) -> None:
        context.attention.search_every = options.search_every
        self._hold_s = options.hold_s
        self._cover = Cover()
        self._cells: dict[int, Cells] = {}
        concealing = "pixelate" if options.method == "mesh" else options.method
        self._concealer = Concealer(concealing, context.height_px, context.width_px)
        self._strangers = Strangers(context) if options.method == "mesh" else None

    def run(self, packet: Packet) -> Packet:
        """Hide faces, or the whole frame, in the frame's pixels."""
        now_ns = packet.frame.captured_ns
        veils = [make_veil(face, now_ns) for face in packet.faces]
        sightings = [veil for veil in veils if veil is not None]
        # A face whose place is not a number is a failure, however sure the search was.
        search = packet.search if len(sightings) == len(veils) else Search.FAILED
        self._cover = step(self._cover, sightings, search, now_ns, self._hold_s)
        wearers = self._choose_wearers(packet)
        if self._cover.is_whole:
            self._hide(packet.frame.pixels, [(WHOLE_FRAME, None)], soft=())
            return packet
        regions = [(veil.track_id, veil.outline_at(now_ns)) for veil in self._cover.veils]
        self._hide(packet.frame.pixels, regions, soft={wearer.face.track_id for wearer in wearers})
        # Only now, when all are hidden: a stranger's light must not be taken from a face.
        for wearer in wearers:
            assert self._strangers is not None, "there are no wearers without strangers"
            self._strangers.lay(packet, wearer)
        return packet

    def _choose_wearers(self, packet: Packet) -> Sequence[Wearer]:
        """Give the faces that a stranger's shall be laid over; a face that nobody follows is not one."""
        if self._strangers is None:
            return ()
        return self._strangers.choose(packet, {veil.track_id for veil in self._cover.veils if veil.track_id})

    def _hide(self, pixels: Pixels, regions: Sequence[tuple[int, Outline | None]], soft: Collection[int]) -> None:
        """Hide regions in the colours that they were first hidden in; faces that nobody follows share theirs."""
        known, self._cells = self._cells, {}
        for key, outline in regions:
            if key not in self._cells:
                self._cells[key] = known[key] if key in known else self._concealer.sample(pixels, outline)
            self._concealer.hide(pixels, outline, self._cells[key], is_soft=key in soft)

    def close(self) -> None:
        """Nothing is open."""


def _preparing_tasks(options: Options) -> tuple[str, ...]:
    """Ask for the models that draw strangers where they are needed and not there."""
    return (person.TASK,) if options.method == "mesh" and missing_seeds() else ()


def _prepare(options: Options, models: Models) -> None:
    """Draw the strangers where they are needed and not there."""
    if options.method == "mesh":
        load_strangers(models)


def _wanted_stages(options: Options) -> tuple[str, ...]:
    """Ask for what tells which stranger is least like a face."""
    return ("embed_faces",) if options.method == "mesh" else ()


PLUGIN: StageType = StageType(
    Options,
    Anonymise,
    thread="compose",
    preparing_tasks=_preparing_tasks,
    prepare=_prepare,
    wanted_stages=_wanted_stages,
    is_synthetic=lambda options: options.method == "mesh",
)
