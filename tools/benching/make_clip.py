"""Make the 720p clips that figures are measured on: H.264, 1280x720, 30 frames a second.

astronaut  a photo under known motion, then at rest, with sensor noise; the true motion lies beside it as JSON
people     synthetic people that change into one another; no real person is in it
default    the default clip scaled to 720 lines, black at both sides, at its own rate
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from benching.finding import read_frames
from benching.moving_photo import MovingPhoto
from benching.synthetic_people import draw_people, open_models
from edgefuse.clock import NS_PER_S
from edgefuse.errors import EdgefuseError
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, DEFAULT_CLIP, fetch_media
from edgefuse.store.store import open_store
from edgefuse.vision.pool import Buffer
from edgefuse.vision.sink import make_sink
from edgefuse.vision.source import StreamFormat, make_source
from edgefuse.vision.types import Frame, Pixels

WIDTH_PX, HEIGHT_PX, RATE_HZ = 1280, 720, 30.0
KINDS = ("astronaut", "people", "default")


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames with their times, and how many there are."""

    frames: Iterator[tuple[Pixels, int]]
    count: int
    rate_hz: float = RATE_HZ


def main() -> None:
    """Make one clip."""
    parser = argparse.ArgumentParser(
        prog="tools/bench/make_clip",
        description=__doc__,
        epilog="example: tools/bench/make_clip people clips --seconds 5 --faces 3",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path, help="where <kind>-720p.mp4 goes; made if it is not there")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="length of astronaut and people (default %(default)g)"
    )
    parser.add_argument("--faces", type=int, choices=range(1, 5), default=1, help="how many people side by side")
    options = parser.parse_args()
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        path = options.folder / f"{options.kind}-720p.mp4"
        write(path, make(options.kind, max(1, round(options.seconds * RATE_HZ)), options.faces, path))
    except (EdgefuseError, OSError) as e:
        raise SystemExit(f"make_clip: {e}") from e
    print(path)


def make(kind: str, count: int, faces: int, path: Path) -> Clip:
    """Start one kind of clip; ground truth is written at once, beside ``path``."""
    if kind == "people":
        return Clip(_timed(draw_people(open_models(), count, faces, (HEIGHT_PX, WIDTH_PX))), count)
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        media = fetch_media(DEFAULT_CLIP if kind == "default" else ASTRONAUT, store, fetcher)
    if kind == "default":
        return _scaled(media)
    photo = MovingPhoto(media, count, (HEIGHT_PX, WIDTH_PX), RATE_HZ)
    path.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(photo.truth)))
    return Clip(_timed(photo.draw()), count)


def write(path: Path, clip: Clip) -> None:
    """Record a clip; frames that are smaller stand in the middle of black."""
    sink = make_sink(str(path))
    sink.open(StreamFormat(WIDTH_PX, HEIGHT_PX, clip.rate_hz, clip.count))
    no_buffer = Buffer(0)
    for index, (pixels, time_ns) in enumerate(tqdm(clip.frames, path.name, clip.count, unit="frame")):
        sink.write(Frame(pixels, index, time_ns, no_buffer))
    sink.close()


def _timed(pictures: Iterator[Pixels]) -> Iterator[tuple[Pixels, int]]:
    for index, picture in enumerate(pictures):
        yield picture, round(index * NS_PER_S / RATE_HZ)


def _scaled(path: Path) -> Clip:
    """Scale a clip to the full height, at its own rate."""
    source = make_source(str(path))
    stream = source.open()
    source.close()
    width_px = min(WIDTH_PX, stream.width_px * HEIGHT_PX // stream.height_px)

    def frames() -> Iterator[tuple[Pixels, int]]:
        for frame in read_frames(path):
            scaled = cv2.resize(frame.pixels, (width_px, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
            yield np.asarray(scaled, np.uint8), frame.captured_ns

    return Clip(frames(), stream.frames or 0, stream.rate_hz)


if __name__ == "__main__":
    main()
