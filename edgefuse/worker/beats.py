"""Heartbeats: what a run did since the last one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from edgefuse import clock
from edgefuse.ipc import Heartbeat, Latency
from edgefuse.memory import resident_mb
from edgefuse.worker.histogram import Histogram
from edgefuse.worker.loop import Loop
from edgefuse.worker.pausable import PausableSource

BEAT_S = 0.5
"""Time between two heartbeats; the first frame that is delivered is told at once."""
LOOK_S = 0.05
"""Time between two looks whether one is due."""


class Beats:
    """Makes the heartbeats of one run."""

    def __init__(self, loop: Loop, source: PausableSource, read_temps_c: Callable[[], Mapping[str, float]]) -> None:
        """Begin to count.

        Args:
            read_temps_c: Reads the accelerators.
        """
        self._loop, self._source, self._read_temps_c = loop, source, read_temps_c
        self._note()

    @property
    def is_due(self) -> bool:
        """It is time for one."""
        has_begun = self._loop.counts.frames_out > 0 and self._counts.frames_out == 0
        return has_begun or clock.now_ns() - self._noted_ns >= BEAT_S * clock.NS_PER_S

    def make(self, effect: str) -> Heartbeat:
        """Give a heartbeat, with rates and times since the one before."""
        loop, now, before = self._loop, self._loop.counts, self._counts
        elapsed_s = max(clock.now_ns() - self._noted_ns, 1) / clock.NS_PER_S
        delivered = now.frames_out - before.frames_out
        latency = loop.latency.since(self._latency)
        stages_ms = {name: h.since(self._times[name]).percentile_ms(50) for name, h in self._known_stages().items()}
        beat = Heartbeat(
            frames_in=now.frames_in,
            frames_out=now.frames_out,
            dropped=now.dropped,
            skipped=now.skipped,
            failures=now.failures,
            source_losses=now.source_losses,
            source=self._source.state,
            missing=self._source.missing,
            fps_in=round((now.frames_in - before.frames_in) / elapsed_s, 2),
            fps=round(delivered / elapsed_s, 2),
            faces=round((now.faces - before.faces) / delivered, 2) if delivered else 0.0,
            latency_ms=Latency(*(round(latency.percentile_ms(p), 3) for p in (50, 95, 99))),
            frame_ms=round(self._slowest_thread_ms(stages_ms), 3),
            stages_ms={name: round(ms, 3) for name, ms in stages_ms.items()},
            point=loop.point,
            effect=effect,
            rss_mb=round(resident_mb(), 1),
            temps_c=self._read_temps_c(),
        )
        self._note()
        return beat

    def _note(self) -> None:
        """Remember how things stand."""
        self._noted_ns = clock.now_ns()
        self._counts = replace(self._loop.counts)
        self._latency = self._loop.latency.copy()
        self._times = {name: histogram.copy() for name, histogram in self._loop.stage_times.items()}

    def _known_stages(self) -> dict[str, Histogram]:
        """Give the stages of now that were there at the last heartbeat already."""
        times, names = self._loop.stage_times, ("capture", *self._loop.pipeline.stage_names, "deliver")
        return {name: times[name] for name in names if name in self._times}

    def _slowest_thread_ms(self, stages_ms: Mapping[str, float]) -> float:
        pipeline = self._loop.pipeline
        find, compose = ([named.name for named in stages] for stages in (pipeline.find, pipeline.compose))
        threads = (["capture"], find, compose, ["deliver"])
        return max(sum(stages_ms.get(name, 0.0) for name in names) for names in threads)


def waiting_beat(point: int, effect: str, missing: str) -> Heartbeat:
    """Give the heartbeat of a worker whose live source was not there yet."""
    return Heartbeat(
        frames_in=0,
        frames_out=0,
        dropped=0,
        skipped=0,
        failures=0,
        source_losses=0,
        source="waiting",
        missing=missing,
        fps_in=0.0,
        fps=0.0,
        faces=0.0,
        latency_ms=Latency(0.0, 0.0, 0.0),
        frame_ms=0.0,
        stages_ms={},
        point=point,
        effect=effect,
        rss_mb=round(resident_mb(), 1),
    )
