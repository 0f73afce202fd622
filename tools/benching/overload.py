"""Play a clip like a camera to a pipeline that is half as fast: what is dropped, and how old is what comes out?

A step is held back so that it takes two frame periods of the clip; the rest is the real pipeline. Passes when p99
latency is at most three periods of the frames delivered, every frame is accounted for, and order is kept (else exit
code 1).
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from dataclasses import dataclass, field
from typing import Literal, get_args

import msgspec

from benching.opening import open_pipeline
from edgefuse import clock
from edgefuse.cli._plan import probe_board
from edgefuse.cli._source import resolve_source
from edgefuse.cli._unit import format_table
from edgefuse.errors import EdgefuseError
from edgefuse.planning.board import Board
from edgefuse.vision.pipeline import NamedStage
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.stage import Stage
from edgefuse.vision.types import Frame, Packet
from edgefuse.worker.request import RunRequest

OVERLOAD = 2
FRAMES = 500
MAX_PERIODS = 3.0
Slow = Literal["find", "compose", "both"]


class Overload(msgspec.Struct, frozen=True):
    """One run."""

    slow: Slow
    frames_in: int
    frames_out: int
    dropped: int
    skipped: int
    period_ms: float
    """Of the frames delivered."""
    p99_ms: float
    is_ordered: bool

    @property
    def p99_periods(self) -> float:
        """Latency in units of the period."""
        return self.p99_ms / self.period_ms

    @property
    def is_accounted(self) -> bool:
        """No frame went missing uncounted."""
        return self.frames_in == self.frames_out + self.dropped + self.skipped

    @property
    def has_passed(self) -> bool:
        """All that is asked of a pipeline under overload."""
        return self.is_accounted and self.is_ordered and self.p99_periods <= MAX_PERIODS


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A stage that takes a fixed time, and longer only where the stage inside does."""

    inside: Stage
    takes_ns: int

    def run(self, packet: Packet) -> Packet:
        """Run the stage inside and wait for the rest of the time."""
        end_ns = clock.now_ns() + self.takes_ns
        done = self.inside.run(packet)
        time.sleep(max(0, end_ns - clock.now_ns()) / clock.NS_PER_S)
        return done

    def close(self) -> None:
        """Close the stage inside."""
        self.inside.close()


@dataclass
class Indices:
    """A sink that notes which frames came."""

    is_live: bool = True
    seen: list[int] = field(default_factory=list)

    def open(self, stream: StreamFormat) -> None:
        """Nothing has to be acquired."""

    def write(self, frame: Frame) -> None:
        """Note the frame."""
        self.seen.append(frame.index)

    def close(self) -> None:
        """Nothing has to be released."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/overload", description=__doc__)
    parser.add_argument("--source", default="default", help="a video; `default` is a clip of a real face")
    parser.add_argument("--json", action="store_true", help="print one JSON object a run")
    options = parser.parse_args()
    try:
        board, source = probe_board(None), resolve_source(options.source)
        runs = [measure(board, source, slow, FRAMES) for slow in get_args(Slow)]
    except EdgefuseError as e:
        print(f"overload: {e}", file=sys.stderr)
        return 2
    print("\n".join(msgspec.json.encode(run).decode() for run in runs) if options.json else describe(runs))
    return 0 if all(run.has_passed for run in runs) else 1


def measure(board: Board, source: str, slow: Slow, frames: int) -> Overload:
    """Run ``fuse_mesh`` on so many frames with slow steps.

    Raises:
        EdgefuseError: The pipeline cannot be opened, or the run failed.
    """
    request = RunRequest(source=source, sink="null", effect="fuse_mesh", settings={}, is_paced=True, frames=frames)
    with open_pipeline(board, request) as run:
        takes_ns = round(OVERLOAD * clock.NS_PER_S / run.stream.rate_hz)
        pipeline = run.loop.pipeline
        if slow in ("find", "both"):
            pipeline = dataclasses.replace(pipeline, find=_hold_back(pipeline.find, takes_ns))
        if slow in ("compose", "both"):
            pipeline = dataclasses.replace(pipeline, compose=_hold_back(pipeline.compose, takes_ns))
        run.loop.pipeline = pipeline
        run.loop.sink = sink = Indices()
        report = run.run(lambda _: None)
    return Overload(
        slow=slow,
        frames_in=report.frames_in,
        frames_out=report.frames_out,
        dropped=report.dropped,
        skipped=report.skipped,
        period_ms=1000 * report.duration_s / report.frames_out,
        p99_ms=report.latency_ms.p99,
        is_ordered=sink.seen == sorted(set(sink.seen)),
    )


def _hold_back(stages: tuple[NamedStage, ...], takes_ns: int) -> tuple[NamedStage, ...]:
    """Make the last stage, and with it the step, take a fixed time."""
    *others, last = stages
    return (*others, NamedStage(last.name, HeldBack(last.stage, takes_ns)))


def describe(runs: list[Overload]) -> str:
    """Give the runs for a person."""
    rows = [("slow step", "in", "out", "dropped", "skipped", "period", "p99", "p99 ÷ period", "order", "verdict")]
    rows += [
        (
            run.slow, str(run.frames_in), str(run.frames_out), str(run.dropped), str(run.skipped),
            f"{run.period_ms:.1f} ms", f"{run.p99_ms:.1f} ms", f"{run.p99_periods:.2f}",
            "kept" if run.is_ordered else "LOST", "passed" if run.has_passed else "FAILED",
        )
        for run in runs
    ]  # fmt: skip
    return format_table(rows)


if __name__ == "__main__":
    sys.exit(main())
