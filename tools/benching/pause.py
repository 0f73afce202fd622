"""Score when fuse_mesh pauses.

Against the frames of two clips that were marked by eye, tests/vision/fusion/*_occlusion.yaml: a clear frame should be
fused at full strength, an occluded one not at all; touching and uncertain frames do not count.

With --painted, also against things painted over clear frames of the second clip: how many of the frames in which the
thing rests on the face are not fused at all, from the fourth frame on; and, where it rests from the first frame on, how
many scenes are paused by their twentieth. They cover a tenth of the face and are blurred while they move. `skin` is
the person's own forehead, which on the forehead itself nobody could see.

With --parse-every N the parsing model looks at every Nth frame, too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benching.finding import VARIANTS, Finder, open_models, read_frames
from benching.looks import PARSER
from benching.occluders import COMING, PLACES, STAYING, Occluder, paint, plain, skin_of
from edgefuse.errors import EdgefuseError
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import DEFAULT_CLIP, SECOND_CLIP, fetch_media
from edgefuse.store.store import open_store
from edgefuse.vision.fusion.covering import Covering
from edgefuse.vision.fusion.parsing import TASK
from edgefuse.vision.fusion.presence import FADE_OUT_FRAMES
from edgefuse.vision.fusion.watch import Watch
from edgefuse.vision.model import Models
from edgefuse.vision.types import Frame, Pixels, Points

LISTS = Path("tests/vision/fusion")
CLIPS = {"cap12": DEFAULT_CLIP, "cap13": SECOND_CLIP}
DETECT_EVERY = 10
PAINTED_STARTS = (60, 180, 330, 400, 600, 690)
"""Frames of the second clip: in rest, talking, mouth open, turned, far away, near."""
BEFORE = 40
"""Clear frames before something comes."""


class Range(msgspec.Struct, frozen=True):
    """Frames in a state; others are clear."""

    frames: str
    state: str

    def members(self) -> range:
        """Give the frames."""
        first, last = map(int, self.frames.split("-"))
        return range(first, last + 1)


class Marked(msgspec.Struct, frozen=True):
    """A list of occluded frames."""

    ranges: list[Range]


class Score(msgspec.Struct, frozen=True):
    """One clip against its list."""

    clip: str
    clear: int
    clear_paused_share: float
    """Not fused at full strength."""
    occluded: int
    occluded_paused_share: float | None
    """Not fused at all; nothing where no frame is occluded."""
    first_paused_share: float | None
    """The same if the clip begins with the first occluded frame: what is there at first sight."""
    p50_ms: float


class Painted(msgspec.Struct, frozen=True):
    """One surface over one place, over all starts."""

    surface: str
    place: str
    paused_share: float
    """Of the frames in which it has come to rest."""
    first_paused_share: float
    """Of the scenes in which it rests from the first frame on; paused in the last one."""


class Report(msgspec.Struct, frozen=True):
    """What is printed."""

    scores: list[Score]
    painted: list[Painted]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="tools/bench/pause", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--painted", action="store_true", help="also paint occluders over clear frames (three minutes)")
    parser.add_argument("--parse-every", type=int, metavar="N", help="as in a ladder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    try:
        every = options.parse_every
        models, clips = open_models("tflite", (*VARIANTS, PARSER) if every else VARIANTS), fetch_clips()
        report = Report(
            scores=[score(models, name, clip, every) for name, clip in clips.items()],
            painted=paint_all(models, clips["cap13"], every) if options.painted else [],
        )
    except EdgefuseError as e:
        raise SystemExit(f"pause: {e}") from e
    print(msgspec.json.encode(report).decode() if options.json else table(report))


def fetch_clips() -> dict[str, Path]:
    """Give both clips by the name of their list."""
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        return {name: fetch_media(file, store, fetcher) for name, file in CLIPS.items()}


def score(models: Models, name: str, clip: Path, parse_every: int | None = None) -> Score:
    """Compare the opacities of a clip with its list."""
    opacities, times_ms = watch(models, read_frames(clip), parse_every)
    marked = msgspec.yaml.decode((LISTS / f"{name}_occlusion.yaml").read_bytes(), type=Marked)
    states = np.full(len(opacities), "clear", dtype="U13")
    for range_ in marked.ranges:
        states[list(range_.members())] = range_.state
    clear, occluded = opacities[states == "clear"], opacities[states == "occluded"]
    hidden = np.flatnonzero(states == "occluded")
    at_first = (frame for frame in read_frames(clip) if frame.index in hidden)
    return Score(
        clip=name,
        clear=len(clear),
        clear_paused_share=float((clear < 1).mean()),
        occluded=len(occluded),
        occluded_paused_share=float((occluded == 0).mean()) if len(occluded) else None,
        first_paused_share=float((watch(models, at_first, parse_every)[0] == 0).mean()) if len(occluded) else None,
        p50_ms=float(np.median(times_ms)),
    )


def watch(models: Models, frames: Iterable[Frame], parse_every: int | None) -> tuple[NDArray[np.float64], list[float]]:
    """Give the opacity of the face in each frame, 0 where there is none, and the processor time of its thread."""
    covering = Covering(models.model(TASK)) if parse_every else None
    opacities, times_ms, finder, watcher = [], [], None, Watch(covering)
    for frame in frames:
        finder = finder or Finder(models, frame.pixels.shape[:2], DETECT_EVERY, is_smoothed=True)
        face = finder.find(frame)
        faces = [] if face is None else [face]
        start_ns = time.thread_time_ns()
        opacities.append(sum(watcher.opacities(faces, {f.track_id for f in faces}, frame, parse_every)))
        times_ms.append((time.thread_time_ns() - start_ns) / 1e6)
    watcher.close()
    return np.array(opacities), times_ms


def paint_all(models: Models, clip: Path, parse_every: int | None) -> list[Painted]:
    """Paint every surface over every place, at every start."""
    frames = [replace(frame, pixels=frame.pixels.copy()) for frame in read_frames(clip)]
    finder = Finder(models, frames[0].pixels.shape[:2], DETECT_EVERY, is_smoothed=True)
    meshes = [None if (face := finder.find(frame)) is None else face.mesh for frame in frames]
    shares: dict[tuple[str, str], list[tuple[float, float]]] = {}
    rest = slice(COMING, COMING + STAYING)
    for start in tqdm(PAINTED_STARTS, "painting", leave=False):
        scene = slice(start, start + 2 * COMING + STAYING)
        clear = [mesh for mesh in meshes[scene] if mesh is not None]
        if len(clear) < scene.stop - scene.start:
            raise EdgefuseError(f"cannot paint over frames {scene.start} to {scene.stop}: one has no face")
        for surface, stuff in surfaces(frames[start].pixels, clear[0]).items():
            for place in PLACES:
                painted = list(paint([f.pixels for f in frames[scene]], clear, Occluder(stuff, place)))
                scenes = [replace(f, pixels=pixels) for f, (pixels, _) in zip(frames[scene], painted, strict=True)]
                opacities, _ = watch(models, (*frames[start - BEFORE : start], *scenes), parse_every)
                resting = opacities[BEFORE:][rest][FADE_OUT_FRAMES:]
                at_first, _ = watch(models, scenes[rest], parse_every)
                shares.setdefault((surface, place), []).append((float((resting == 0).mean()), float(at_first[-1] == 0)))
    return [Painted(*what, *np.mean(each, axis=0).tolist()) for what, each in shares.items()]


def surfaces(pixels: Pixels, mesh: Points) -> dict[str, Pixels]:
    """Give what is painted, the person's own skin among it."""
    return {
        "skin": skin_of(pixels, mesh),
        "pale skin": np.asarray(np.clip(skin_of(pixels, mesh) * (1.25, 1.15, 1.0), 0, 255), np.uint8),
        "grey": plain(120, 120, 125),
        "black": plain(25, 22, 22),
        "white": plain(215, 220, 225),
        "blue": plain(150, 90, 50),
    }


def table(report: Report) -> str:
    """Give the report for a person."""
    lines = [f"{'clip':10}{'clear':>8}{'paused':>9}{'occluded':>10}{'paused':>9}{'at first':>10}{'p50 ms':>9}"]
    for row in report.scores:
        later, first = (
            "" if share is None else f"{share:.1%}" for share in (row.occluded_paused_share, row.first_paused_share)
        )
        clear = f"{row.clip:10}{row.clear:>8}{row.clear_paused_share:>9.1%}"
        lines.append(f"{clear}{row.occluded:>10}{later:>9}{first:>10}{row.p50_ms:>9.3f}")
    if report.painted:
        lines += ["", f"{'painted':10}" + "".join(f"{place:>10}" for place in PLACES)]
        for surface in dict.fromkeys(row.surface for row in report.painted):
            rows = [row for row in report.painted if row.surface == surface]
            lines.append(f"{surface:10}" + "".join(f"{row.paused_share:>10.0%}" for row in rows))
            lines.append(f"{'  at first':10}" + "".join(f"{row.first_paused_share:>10.0%}" for row in rows))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
