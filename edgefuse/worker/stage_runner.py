"""Runs the stages of pipelines and notes what each takes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgefuse import clock
from edgefuse.errors import RuntimeRunError
from edgefuse.vision.pipeline import NamedStage, Pipeline, mark_failed
from edgefuse.vision.types import Packet
from edgefuse.worker.histogram import Histogram

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a pipeline took for a frame."""

    find_ns: int
    """With what was put off."""
    compose_ns: int

    @property
    def total_ns(self) -> int:
        """Give both together."""
        return self.find_ns + self.compose_ns


class StageRunner:
    """Its methods for find and for compose may be called at the same time."""

    def __init__(self) -> None:
        self.times: dict[str, Histogram] = {}
        """By stage."""
        self.failures = 0
        """Frames on which a model failed."""
        self._is_failing = False

    def add(self, names: Iterable[str]) -> None:
        """Get ready to note what further stages take."""
        new = {name: Histogram() for name in names if name not in self.times}
        self.times = {**self.times, **new}  # another dict: somebody may iterate over the old one

    def find(self, pipeline: Pipeline, packet: Packet) -> Packet:
        """Run the stages of find; a packet on which a model fails is marked."""
        try:
            found = self._run(pipeline.find, packet)
        except RuntimeRunError as e:
            self.failures += 1
            if not self._is_failing:  # one that fails on every frame would fill the journal
                logger.error("a model failed frame=%d reason=%s", packet.frame.index, e)
            self._is_failing = True
            return mark_failed(packet)
        self._is_failing = False
        return found

    def use_gap(self, pipeline: Pipeline) -> None:
        """Let the stages of find do what they put off."""
        for named in pipeline.find:
            for work in named.gap:
                start_ns = clock.now_ns()
                if work():
                    self.times[named.name].add(clock.now_ns() - start_ns)

    def compose(self, pipeline: Pipeline, packet: Packet) -> Packet:
        """Run the stages of compose.

        Raises:
            RuntimeRunError: A model failed.
        """
        return self._run(pipeline.compose, packet)

    def run_whole(self, pipeline: Pipeline, packet: Packet) -> tuple[Packet, Spent]:
        """Run all stages, and what they put off, one after the other.

        Raises:
            RuntimeRunError: A model failed in compose.
        """
        begun_ns = clock.now_ns()
        found = self.find(pipeline, packet)
        found_ns = clock.now_ns()
        done = self.compose(pipeline, found)
        composed_ns = clock.now_ns()
        self.use_gap(pipeline)
        return done, Spent(found_ns - begun_ns + clock.now_ns() - composed_ns, composed_ns - found_ns)

    def _run(self, stages: Sequence[NamedStage], packet: Packet) -> Packet:
        for named in stages:
            start_ns = clock.now_ns()
            packet = named.stage.run(packet)
            self.times[named.name].add(clock.now_ns() - start_ns)
        return packet
