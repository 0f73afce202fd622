"""From what a worker tells to figures that a trial is judged by: blocks of heartbeats, blocks of frames on trial."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from edgefuse import ipc
from edgefuse.ota.gates import Band, Circumstances, Figures

KEPT_BLOCKS = 60
KEPT_CIRCUMSTANCES = 12
LEAST_FACES = 10
"""Fewer may all be false alarms."""
SURE_FACES = 50
"""Of which one more or less is no matter of a tenth."""
_OUTSIDE = ("capture", "deliver")
"""Steps that wait, for a camera or a viewer, and say nothing about models."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of frames."""

    length_s: float
    frame_ms: float
    p95_ms: float
    memory_mb: float
    fps: float
    fps_in: float


class Meter:
    """Measures the release that runs by its heartbeats; each band, point and effect by itself."""

    def __init__(self, block_s: float) -> None:
        """Begin with blocks of that length."""
        self._block_s = block_s
        self._blocks: dict[Circumstances, deque[Block]] = {}
        self._beats: list[ipc.Heartbeat] = []
        self._circumstances: Circumstances | None = None
        self._since_s = 0.0

    def clear(self) -> None:
        """Forget all: another release runs, or another pipeline."""
        self._blocks.clear()
        self._circumstances = None

    def add(self, beat: ipc.Heartbeat, band: Band, now_s: float) -> bool:
        """Take a heartbeat in, and tell whether a block is complete."""
        circumstances = (band, beat.point, beat.effect)
        if circumstances != self._circumstances or beat.source != "flowing":
            self._begin(circumstances if beat.source == "flowing" else None, now_s)
            return False
        if beat.stages_ms and beat.fps > 0.0:
            self._beats.append(beat)
        if now_s - self._since_s < self._block_s or not self._beats:
            return False
        if circumstances not in self._blocks and len(self._blocks) >= KEPT_CIRCUMSTANCES:
            del self._blocks[next(iter(self._blocks))]
        blocks = self._blocks.setdefault(circumstances, deque(maxlen=KEPT_BLOCKS))
        blocks.append(_sum_up(self._beats, now_s - self._since_s))
        self._begin(circumstances, now_s)
        return True

    def newest(self) -> Figures | None:
        """Give the figures of now; nothing before a block is complete."""
        return self.find(self._circumstances) if self._circumstances else None

    def find(self, circumstances: Circumstances) -> Figures | None:
        """Give the figures of these circumstances, where there are some."""
        blocks = self._blocks.get(circumstances)
        return _make_figures(circumstances, blocks) if blocks else None

    def all(self) -> Iterator[Figures]:
        """Give all figures."""
        return (_make_figures(*item) for item in self._blocks.items())

    def _begin(self, circumstances: Circumstances | None, now_s: float) -> None:
        self._circumstances, self._since_s = circumstances, now_s
        self._beats.clear()


@dataclass(slots=True)
class Pairs:
    """Measures two releases by blocks of the same frames."""

    circumstances: Circumstances | None = None
    old: list[Block] = field(default_factory=list)
    new: list[Block] = field(default_factory=list)
    old_faces: int = 0
    both_faces: int = 0

    def add(self, compared: ipc.Compared, band: Band, effect: str) -> None:
        """Take a block in; under other circumstances than the last one it is the first."""
        circumstances = (band, compared.point, effect)
        if circumstances != self.circumstances:
            self.circumstances, self.old, self.new = circumstances, [], []
        for blocks, times in ((self.old, compared.old), (self.new, compared.new)):
            blocks.append(_make_block(compared, times))
        self.old_faces += compared.old_faces
        self.both_faces += compared.both_faces

    @property
    def measured_s(self) -> float:
        """Give how long was measured under these circumstances."""
        return sum(block.length_s for block in self.new)

    @property
    def parity(self) -> float | None:
        """Give the share of the faces of the release before that the new one found too; few tell nothing."""
        return self.both_faces / self.old_faces if self.old_faces >= LEAST_FACES else None

    @property
    def is_parity_sure(self) -> bool:
        """Tell whether it may fail a release; as long as not, more faces are waited for."""
        return self.old_faces >= SURE_FACES

    def figures(self, before: Figures | None) -> tuple[Figures, Figures]:
        """Give the figures of the new release and of the old one.

        Args:
            before: Of the old one alone: both grow in one process, and only that tells what was its growth.
        """
        assert self.circumstances is not None, "there is a block"
        new, old = (_make_figures(self.circumstances, blocks) for blocks in (self.new, self.old))
        growth = (before.memory_mb, before.block_s) if before is not None else ((), 1.0)
        return new, msgspec.structs.replace(old, memory_mb=growth[0], block_s=growth[1])


def _make_block(compared: ipc.Compared, times: ipc.Times) -> Block:
    return Block(
        length_s=compared.block_s,
        frame_ms=times.median_ms,
        p95_ms=times.p95_ms,
        memory_mb=compared.rss_mb,
        fps=compared.fps,
        fps_in=compared.fps_in,
    )


def _sum_up(beats: Sequence[ipc.Heartbeat], length_s: float) -> Block:
    """Give the block that heartbeats of the same circumstances make."""
    return Block(
        length_s=length_s,
        frame_ms=statistics.median(_time_stages(beat) for beat in beats),
        p95_ms=statistics.median(beat.latency_ms.p95 for beat in beats),
        memory_mb=beats[-1].rss_mb,
        fps=statistics.fmean(beat.fps for beat in beats),
        fps_in=statistics.fmean(beat.fps_in for beat in beats),
    )


def _time_stages(beat: ipc.Heartbeat) -> float:
    return math.fsum(ms for stage, ms in beat.stages_ms.items() if stage not in _OUTSIDE)


def _make_figures(circumstances: Circumstances, blocks: Sequence[Block]) -> Figures:
    band, point, effect = circumstances
    return Figures(
        band=band,
        point=point,
        effect=effect,
        frame_ms=tuple(block.frame_ms for block in blocks),
        p95_ms=tuple(block.p95_ms for block in blocks),
        memory_mb=tuple(block.memory_mb for block in blocks),
        block_s=statistics.fmean(block.length_s for block in blocks),
        rate_hz=statistics.fmean(block.fps for block in blocks),
        source_hz=statistics.fmean(block.fps_in for block in blocks),
    )
