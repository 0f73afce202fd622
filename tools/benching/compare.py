"""Compare with MediaPipe 0.10.14 FaceMesh in video mode: detect, track and mesh of one face, decoding left out.

All get the same decoded frames in blocks of 30 and take turns; who begins changes from block to block, and the first
block warms all up. Models have one thread each. "one face" follows one face and looks at the whole frame only when
there is none, as MediaPipe does; "newcomers" is the same as it comes, with room for more faces, which it looks for
every few frames. "fuse_mesh" is the whole pipeline in its threads, with a photo for a donor: from the first frame of a
block in to its last one out, with a copy of each frame in place of decoding. What edgefuse runs is what the plan of
this unit chose for the operating point, and it smooths its landmarks, which MediaPipe does not. MediaPipe's frames are
turned to RGB before the clock starts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benching import make_clip
from benching.comparing import Block, Sides, overhead
from benching.finding import fetch_clip, read_frames
from benching.peer import BLOCK
from edgefuse.cli._plan import probe_board
from edgefuse.cli._source import resolve_source
from edgefuse.cli._unit import format_table
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.planning.board import Board

CLIPS = Path(__file__).resolve().parents[2] / ".cache/clips"
SECONDS = 10
NOISE = 0.3


class Times(msgspec.Struct, frozen=True):
    """Milliseconds a frame of one side."""

    p50_ms: float
    p95_ms: float
    cpu_ms: float
    """Processor time of all its threads, median."""


class Spread(msgspec.Struct, frozen=True):
    """One value a block."""

    min: float
    quartiles: tuple[float, float]
    median: float
    max: float

    @property
    def is_noisy(self) -> bool:
        """The middle half of the blocks spans more than ``NOISE`` of the median: the machine had other work."""
        return self.quartiles[1] - self.quartiles[0] > NOISE * self.median


class Found(msgspec.Struct, frozen=True):
    """Detector and tracker beside MediaPipe."""

    times: Times
    ratio: Spread
    """MediaPipe's time ÷ edgefuse's; above 1, edgefuse is faster."""
    overhead: Spread
    """Edgefuse's time ÷ that of the same model runs alone; in each block, of the median frame."""
    overhead_in_all: float
    """The same of all frames together, in which those with a detection weigh more."""
    answered: float
    """Share of the frames in which MediaPipe finds a face that edgefuse finds one in."""


class Fused(msgspec.Struct, frozen=True):
    """The whole pipeline with fuse_mesh beside MediaPipe, which only finds."""

    frame_ms: float
    """Mean time of a frame in the median block."""
    cpu_ms: float
    """Processor time of all threads."""
    ratio: Spread
    """MediaPipe's time ÷ edgefuse's."""


class Comparison(msgspec.Struct, frozen=True):
    """One clip."""

    clip: str
    width_px: int
    height_px: int
    frames: int
    models: tuple[str, ...]
    """Of the side that follows one face."""
    mediapipe: Times
    one_face: Found
    newcomers: Found
    fuse_mesh: Fused


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(prog="edgefuse bench --compare mediapipe", description=__doc__)
    parser.add_argument("--source", help="a video; without it the default clip, and three clips of 720p")
    parser.add_argument("--frames", type=int, help="stop after so many frames")
    parser.add_argument("--point", type=int, default=0)
    parser.add_argument("--profile")
    parser.add_argument("--json", action="store_true", help="print one JSON object a clip")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    try:
        board = probe_board(options.profile)
        if not 0 <= options.point < len(board.profile.ladder):
            raise ConfigError(f"cannot compare at point {options.point}: '{board.profile.id}' has no such point")
        for clip in [Path(resolve_source(options.source))] if options.source else fetch_clips():
            comparison = measure(board, clip, options.point, options.frames)
            print(msgspec.json.encode(comparison).decode() if options.json else describe(comparison), flush=True)
    except EdgefuseError as e:
        print(f"edgefuse: {e}", file=sys.stderr)
        return 2
    return 0


def fetch_clips() -> list[Path]:
    """Give the clips that the bar is set for; those of 720p are made once."""
    paths = [CLIPS / f"{kind}-720p.mp4" for kind in make_clip.KINDS]
    CLIPS.mkdir(parents=True, exist_ok=True)
    for kind, path in zip(make_clip.KINDS, paths, strict=True):
        if not path.exists():
            make_clip.write(path, make_clip.make(kind, round(SECONDS * make_clip.RATE_HZ), 1, path))
    return [*paths, fetch_clip()]


def measure(board: Board, clip: Path, point: int = 0, frames: int | None = None) -> Comparison:
    """Run both over a clip.

    Raises:
        EdgefuseError: One of them cannot run, or the clip is too short to compare on.
    """
    height_px, width_px = next(read_frames(clip)).pixels.shape[:2]
    with Sides(board, point, height_px, width_px) as sides:
        compared = sides.compare(islice(read_frames(clip), frames))
        blocks = list(tqdm(compared, clip.name, unit="block", disable=None))
    if not blocks:
        raise EdgefuseError(f"cannot compare on {clip}: it has no more than the {BLOCK} frames that warm up")
    runs = sum(len(block.theirs) for block in blocks) + BLOCK
    models = tuple(f"{m.manifest.id} {m.variant.id}, {m.runs / runs:.2f} runs a frame" for m in sides.finder.models)
    return sum_up(blocks, clip.name, (width_px, height_px), models)


def sum_up(blocks: Sequence[Block], clip: str, size: tuple[int, int], models: tuple[str, ...]) -> Comparison:
    """Turn blocks into figures."""
    theirs = np.concatenate([block.theirs for block in blocks])
    return Comparison(
        clip=clip,
        width_px=size[0],
        height_px=size[1],
        frames=len(theirs),
        models=models,
        mediapipe=_times(theirs),
        one_face=_sum_up_found(blocks, [block.one_face for block in blocks], theirs["is_found"]),
        newcomers=_sum_up_found(blocks, [block.newcomers for block in blocks], theirs["is_found"]),
        fuse_mesh=Fused(
            frame_ms=round(1e3 * float(np.median([b.whole_s / len(b.theirs) for b in blocks])), 4),
            cpu_ms=round(1e3 * float(np.median([b.whole_cpu_s / len(b.theirs) for b in blocks])), 4),
            ratio=_spread([block.ratio(block.whole_s) for block in blocks]),
        ),
    )


def _sum_up_found(
    blocks: Sequence[Block], timings: Sequence[NDArray[np.void]], is_answered: NDArray[np.bool_]
) -> Found:
    ours = np.concatenate(timings)
    return Found(
        times=_times(ours),
        ratio=_spread([b.ratio(float(t["wall_s"].sum())) for b, t in zip(blocks, timings, strict=True)]),
        overhead=_spread([overhead(t) for t in timings]),
        overhead_in_all=round(float(ours["wall_s"].sum() / ours["alone_s"].sum()), 3),
        answered=float(ours["is_found"][is_answered].mean()) if is_answered.any() else 1.0,
    )


def _times(timings: NDArray[np.void]) -> Times:
    p50, p95 = np.percentile(timings["wall_s"] * 1e3, (50, 95)).round(4).tolist()
    return Times(p50, p95, round(float(np.median(timings["cpu_s"])) * 1e3, 4))


def _spread(values: Sequence[float]) -> Spread:
    low, q1, median, q3, high = np.percentile(values, (0, 25, 50, 75, 100)).round(3).tolist()
    return Spread(low, (q1, q3), median, high)


def describe(c: Comparison) -> str:
    """Give a comparison for a person."""
    rows: list[tuple[str, ...]] = [
        ("ms a frame", "p50", "p95", "processor", "times as fast", "blocks", "÷ models", "in all", "answered")
    ]
    rows += [("mediapipe", *_describe_times(c.mediapipe), "", "", "", "", "")]
    rows += [_row(name, found) for name, found in (("one face", c.one_face), ("newcomers", c.newcomers))]
    fused = c.fuse_mesh
    times = f"{fused.frame_ms:.2f}", "", f"{fused.cpu_ms:.2f}"
    rows += [("fuse_mesh", *times, *_describe_spread(fused.ratio), "", "", "")]
    is_noisy = any(side.ratio.is_noisy for side in (c.one_face, c.newcomers, fused))
    noise = "the blocks scatter: other work disturbs\n" if is_noisy else ""
    return (
        f"{c.clip}, {c.width_px}x{c.height_px}, {c.frames} frames; {'; '.join(c.models)}\n{format_table(rows)}\n{noise}"
    )


def _row(name: str, found: Found) -> tuple[str, ...]:
    overheads = f"{found.overhead.median:.2f}", f"{found.overhead_in_all:.2f}"
    return (
        name,
        *_describe_times(found.times),
        *_describe_spread(found.ratio),
        *overheads,
        f"{found.answered:.1%}",
    )


def _describe_times(times: Times) -> tuple[str, str, str]:
    return f"{times.p50_ms:.2f}", f"{times.p95_ms:.2f}", f"{times.cpu_ms:.2f}"


def _describe_spread(ratio: Spread) -> tuple[str, str]:
    return f"{ratio.median:.2f}", f"{ratio.min:.2f} to {ratio.max:.2f}"


if __name__ == "__main__":
    sys.exit(main())
