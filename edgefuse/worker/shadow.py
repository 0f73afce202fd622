"""A second pipeline that works on some of the frames of the one that runs, so that both can be compared.

    rest, rest, rest …  ─►  shared, not counted  ─►  shared, counted  ─►  rest …
    REST_FRAMES             WARM_FRAMES              COUNTED_FRAMES, then a ``Compared``

A shared frame goes through all stages of both, one pipeline after the other in one thread, first the one and next time
the other, so that neither is disturbed more. What is delivered is what the pipeline that runs has made; the newcomer
works on a copy. The newcomer has lost its faces while it rested, so that the first frames of a block do not count.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue

import numpy as np

from edgefuse import clock
from edgefuse.config.profile import OperatingPoint
from edgefuse.ipc import Compared
from edgefuse.memory import resident_mb
from edgefuse.vision.pipeline import Pipeline
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Face, Packet
from edgefuse.worker.block import Block, sum_up
from edgefuse.worker.stage_runner import Spent, StageRunner

logger = logging.getLogger(__name__)

REST_FRAMES, WARM_FRAMES, COUNTED_FRAMES = 92, 8, 20
"""A block every four seconds at 30 Hz; a quarter more work on average."""
TAKE_OVER_FRAMES = 20
"""Shared before the newcomer takes over: a face that fuse_mesh has left out comes back within 17 frames at 30 Hz."""
SLOW_S, SLOW_TIMES = 1.0, 10
"""A newcomer ends that takes longer for two frames in a row: seconds, and times what the pipeline that runs takes."""

RunOld = Callable[[Packet], tuple[Packet, Spent]]
"""Lets the pipeline that runs do everything, and tells what that took."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run has come."""

    due: int
    """Frames that were to be delivered so far."""
    delivered: int


@dataclass(frozen=True, slots=True)
class _Mark:
    """A moment, and how far the run had come."""

    at_ns: int
    progress: Progress


class Shadow:
    """The newcomer. ``wants`` and ``share`` belong to the find thread."""

    def __init__(
        self,
        pipeline: Pipeline,
        stream: StreamFormat,
        ladder: Sequence[OperatingPoint],
        read_progress: Callable[[], Progress],
    ) -> None:
        self.pipeline = pipeline
        self.blocks: SimpleQueue[Compared] = SimpleQueue()
        """Those that are complete and that nobody has fetched."""
        self.failure = ""
        """Why the newcomer cannot go on."""
        self.is_warm = threading.Event()
        """It may take over, or has failed."""
        self._ladder, self._read_progress = ladder, read_progress
        self._stages = StageRunner()
        self._stages.add(pipeline.stage_names)
        self._copy = Buffer(stream.height_px * stream.width_px * 3)
        self._working = threading.Lock()
        self._is_over = self._is_taking_over = False
        self._point: OperatingPoint | None = None
        self._frames = self._shared_last = self._slow_frames = 0
        self._rested = self._begun = self._mark()
        self._block = Block()

    def wants(self, packet: Packet) -> bool:
        """Take note of the next frame, and tell whether it is to be shared."""
        if packet.point != self._point:
            self._point = packet.point
            self._begin_rest()
        self._frames += 1
        if self._frames == REST_FRAMES:
            self._rested = self._mark()
        return not self._is_over and (self._is_taking_over or self._frames > REST_FRAMES)

    def share(self, packet: Packet, run_old: RunOld) -> Packet:
        """Let both pipelines work on a frame, and give what the one that runs has made of it."""
        with self._working:
            if self._is_over:
                return run_old(packet)[0]
            copy = self._copy_of(packet)
            is_new_first = self._frames % 2 == 0
            new = self._run_guarded(copy) if is_new_first else None
            done, old_spent = run_old(packet)
            new = new if is_new_first else self._run_guarded(copy)
            if new is not None and not self._is_holding_up(old_spent, new[1]):
                self._count(old_spent, done.faces, new[1], new[0].faces)
            return done

    def prepare_to_take_over(self) -> None:
        """Share every frame from now on; ``is_warm`` tells when that was done for long enough."""
        self._is_taking_over = True

    def end(self) -> None:
        """Work on no further frame; waits for the one that is being worked on."""
        self._is_over = True
        with self._working:
            pass

    def _copy_of(self, packet: Packet) -> Packet:
        pixels = packet.frame.pixels
        copy = self._copy.view(*pixels.shape[:2])
        np.copyto(copy, pixels)
        return replace(packet, frame=replace(packet.frame, pixels=copy, buffer=self._copy))

    def _run_guarded(self, packet: Packet) -> tuple[Packet, Spent] | None:
        """Let the newcomer do everything. What would end a run ends the trial: nothing is given, now and later."""
        try:
            return self._stages.run_whole(self.pipeline, packet)
        except Exception as e:
            logger.exception("the release on trial failed frame=%d", packet.frame.index)
            self._fail(f"{type(e).__name__}: {e}")
            return None

    def _is_holding_up(self, old: Spent, new: Spent) -> bool:
        """Tell whether the newcomer keeps viewers waiting, which ends the trial: no gate would decide soon enough."""
        is_slow = new.total_ns > max(SLOW_S * clock.NS_PER_S, SLOW_TIMES * old.total_ns)
        self._slow_frames = self._slow_frames + 1 if is_slow else 0
        if self._slow_frames < 2:  # once may be the machine, or memory that is first touched
            return False
        took_s, usual_s = (spent.total_ns / clock.NS_PER_S for spent in (new, old))
        self._fail(f"it took {took_s:.1f} s for a frame that took the release before {usual_s:.3f} s")
        return True

    def _fail(self, reason: str) -> None:
        self.failure = reason
        self._is_over = True
        self.is_warm.set()

    def _count(self, old: Spent, old_faces: Sequence[Face], new: Spent, new_faces: Sequence[Face]) -> None:
        if self._is_taking_over:
            self._shared_last += 1
            if self._shared_last == TAKE_OVER_FRAMES:
                self.is_warm.set()
        elif self._frames > REST_FRAMES + WARM_FRAMES:
            self._block.add(old, old_faces, new, new_faces)
            if self._frames == REST_FRAMES + WARM_FRAMES + COUNTED_FRAMES:
                self.blocks.put(self._compare())
                self._begin_rest()

    def _compare(self) -> Compared:
        assert self._point is not None, "a frame came before"
        block, rested, begun = self._block, self._rested, self._begun
        rest_s = (rested.at_ns - begun.at_ns) / clock.NS_PER_S
        fps_in = (rested.progress.due - begun.progress.due) / rest_s
        fps = (rested.progress.delivered - begun.progress.delivered) / rest_s
        return Compared(
            point=self._ladder.index(self._point),
            block_s=(clock.now_ns() - begun.at_ns) / clock.NS_PER_S,
            old=sum_up(block.old),
            new=sum_up(block.new),
            old_faces=block.old_faces,
            both_faces=block.both_faces,
            fps_in=fps_in,
            fps=min(fps, block.new_limit_hz),
            rss_mb=resident_mb(),
        )

    def _begin_rest(self) -> None:
        self._frames, self._block, self._begun = 0, Block(), self._mark()

    def _mark(self) -> _Mark:
        return _Mark(clock.now_ns(), self._read_progress())
