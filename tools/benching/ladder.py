"""Measure what each operating point of a profile costs: processor seconds for a second of captured video.

The real pipeline runs on this machine's runtimes with the ladder of each profile, on 720p frames of a face that were
decoded before. Frames above a point's rate are left out by their timestamps, as in live use; nothing sleeps. Points
take turns. Each point must save at least 15 % of the one above (else exit code 1).
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from benching.opening import open_pipeline
from edgefuse import paths
from edgefuse.cli._plan import probe_board
from edgefuse.cli._source import resolve_source
from edgefuse.cli._unit import format_table
from edgefuse.config import loader
from edgefuse.config.profile import OperatingPoint, Profile, find_profile
from edgefuse.errors import EdgefuseError
from edgefuse.planning.board import Board
from edgefuse.vision.pool import Buffer
from edgefuse.vision.sink import make_sink
from edgefuse.vision.source import Capture, StreamFormat, make_source
from edgefuse.vision.types import Pixels
from edgefuse.worker.loop import Loop
from edgefuse.worker.pace import RateLimiter
from edgefuse.worker.request import RunRequest

WIDTH_PX, HEIGHT_PX = 1280, 720
LEAST_SAVING = 0.15
FRAMES, ROUNDS = 100, 7


class Cost(msgspec.Struct, frozen=True):
    """One point of a ladder."""

    point: OperatingPoint
    cpu_s: float
    """Processor seconds of all threads for a second of captured video; median over the rounds."""
    saving: float | None
    """Share saved against the point above; median over the rounds."""


class LadderCost(msgspec.Struct, frozen=True):
    """One ladder and who has it."""

    profiles: tuple[str, ...]
    costs: tuple[Cost, ...]

    @property
    def is_saving(self) -> bool:
        """Every step saves enough."""
        return all(cost.saving is None or cost.saving >= LEAST_SAVING for cost in self.costs)


class Recording:
    """A source of frames that are decoded already, no more of them a second than a point wants."""

    def __init__(self, captures: Sequence[Capture], stream: StreamFormat, rate_hz: float) -> None:
        self._stream = stream
        limiter = RateLimiter()
        self._captures = iter([capture for capture in captures if limiter.admits(capture.captured_ns, rate_hz)])

    def open(self) -> StreamFormat:
        """Nothing has to be acquired."""
        return self._stream

    def read(self, buffer: Buffer) -> Capture | None:
        """Copy the next frame into a buffer."""
        capture = next(self._captures, None)
        if capture is None:
            return None
        pixels = buffer.view(*capture.pixels.shape[:2])
        np.copyto(pixels, capture.pixels)
        return dataclasses.replace(capture, pixels=pixels)

    def close(self) -> None:
        """Nothing has to be released."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/ladder", description=__doc__)
    parser.add_argument("--profile", metavar="ID", action="append", help="only this one; may be given several times")
    parser.add_argument("--source", default="default", help="a video; `default` is a clip of a real face")
    parser.add_argument("--json", action="store_true", help="print one JSON object a ladder")
    options = parser.parse_args()
    try:
        profiles = [find_profile(name) for name in options.profile or ()] or load_shipped()
        captures, stream = record(resolve_source(options.source), FRAMES)
        board = probe_board(None)
        measured = [measure(board, group, captures, stream, ROUNDS) for group in group_by_ladder(profiles)]
    except EdgefuseError as e:
        print(f"ladder: {e}", file=sys.stderr)
        return 2
    for ladder in measured:
        print(msgspec.json.encode(ladder).decode() if options.json else describe(ladder))
    return 0 if all(ladder.is_saving for ladder in measured) else 1


def load_shipped() -> list[Profile]:
    """Load the profiles that ship, whatever this user has."""
    return list(loader.load_folder(paths.profile_dirs()[1], Profile).values())


def group_by_ladder(profiles: Sequence[Profile]) -> list[list[Profile]]:
    """Put profiles together that have the same ladder."""
    groups: dict[tuple[OperatingPoint, ...], list[Profile]] = {}
    for profile in profiles:
        groups.setdefault(profile.ladder, []).append(profile)
    return list(groups.values())


def record(source: str, frames: int) -> tuple[list[Capture], StreamFormat]:
    """Decode the first frames of a source, scaled and cut to 720p."""
    opened = make_source(source)
    stream = opened.open()
    buffer = Buffer(stream.height_px * stream.width_px * 3)
    captures = []
    while len(captures) < frames and (capture := opened.read(buffer)) is not None:
        captures.append(dataclasses.replace(capture, pixels=_to_720p(capture.pixels)))
    opened.close()
    return captures, StreamFormat(WIDTH_PX, HEIGHT_PX, stream.rate_hz, len(captures))


def measure(
    board: Board, profiles: Sequence[Profile], captures: Sequence[Capture], stream: StreamFormat, rounds: int
) -> LadderCost:
    """Measure the ladder that some profiles share.

    Raises:
        EdgefuseError: Nothing can run here.
    """
    ladder, names = profiles[0].ladder, tuple(profile.id for profile in profiles)
    fitted = dataclasses.replace(board, profile=msgspec.structs.replace(board.profile, ladder=ladder))
    request = RunRequest(source=f"pattern:{WIDTH_PX}x{HEIGHT_PX}", sink="null", effect="fuse_mesh", settings={})
    cpu_s: list[list[float]] = [[] for _ in ladder]
    with open_pipeline(fitted, request) as run, tqdm(total=rounds * len(ladder), desc=names[0], disable=None) as bar:
        for point in _turns(len(ladder), rounds):
            source = Recording(captures, stream, ladder[point].rate_hz)
            loop = Loop(source, stream, make_sink("null"), run.loop.pipeline, ladder, point)
            start_s = time.process_time()
            loop.run(lambda _: None)
            cpu_s[point].append(time.process_time() - start_s)
            bar.update()
    captured_s = len(captures) / stream.rate_hz
    medians = [statistics.median(values) / captured_s for values in cpu_s]
    savings = (None, *(_saving(above, below) for above, below in pairwise(cpu_s)))
    return LadderCost(names, tuple(map(Cost, ladder, medians, savings)))


def _saving(above: Sequence[float], below: Sequence[float]) -> float:
    """Compare two points by rounds: whatever slowed one turn down mostly slowed down the turn beside it, too."""
    return 1 - statistics.median(b / a for a, b in zip(above, below, strict=True))


def _turns(points: int, rounds: int) -> Iterator[int]:
    """Give the points in the order that they run in: every second round upwards, so that drifts cancel out."""
    for index in range(rounds):
        yield from range(points) if index % 2 == 0 else range(points - 1, -1, -1)


def _to_720p(pixels: Pixels) -> Pixels:
    """Fill a 720p frame, cutting off what is too high or too wide."""
    height, width = pixels.shape[:2]
    scale = max(WIDTH_PX / width, HEIGHT_PX / height)
    scaled = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    top, left = (scaled.shape[0] - HEIGHT_PX) // 2, (scaled.shape[1] - WIDTH_PX) // 2
    return np.ascontiguousarray(scaled[top : top + HEIGHT_PX, left : left + WIDTH_PX], np.uint8)


def describe(ladder: LadderCost) -> str:
    """Give a ladder for a person."""
    rows = [("point", "effect", "detect", "every", "rate", "CPU s/s", "saves")]
    for index, cost in enumerate(ladder.costs):
        p = cost.point
        saving = "" if cost.saving is None else f"{cost.saving:.0%}"
        sizes = (f"{p.effect_px} px", f"{p.detect_px} px", str(p.detect_every), f"{p.rate_hz:g} Hz")
        rows.append((str(index), *sizes, f"{cost.cpu_s:.3f}", saving))
    verdict = "each step saves enough" if ladder.is_saving else f"a step saves less than {LEAST_SAVING:.0%}"
    return f"{', '.join(ladder.profiles)}: {verdict}\n{format_table(rows)}\n"


if __name__ == "__main__":
    sys.exit(main())
