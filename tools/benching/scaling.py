"""Measure how cost grows: with the frame, the face staying as large as it is, and with the face, the frame staying.

A photo of a real face moves a little in frames of any size. The stages that this unit's plan gives to point 0 run one
after the other on frames that were just written; times are of the processor, means over the frames, those with a
detection included, so that other work on the machine hardly counts.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from benching.command import run_bench
from benching.opening import open_pipeline
from edgefuse.cli._plan import probe_board
from edgefuse.cli._unit import format_table
from edgefuse.clock import NS_PER_S
from edgefuse.errors import EdgefuseError
from edgefuse.planning.board import Board
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, fetch_media
from edgefuse.vision.pool import Buffer
from edgefuse.vision.types import Frame, Packet
from edgefuse.worker.request import RunRequest

FRAME_SIZES = ((854, 480), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
FACE_HEIGHT_PX = 200
FACE_HEIGHTS_PX = (100, 150, 200, 300, 400, 600)
FACE_FRAME_SIZE = (1280, 720)
PHOTO_FACE_CENTRE, PHOTO_FACE_HEIGHT_PX = (224, 115), 108
"""Of the mesh in the photo of 512 pixels, by the landmark model."""
FRAMES, WARM_UP, RATE_HZ = 120, 12, 30.0


class Cost(msgspec.Struct, frozen=True):
    """One size of frame and face."""

    width_px: int
    height_px: int
    face_height_px: int
    """Of the mesh, as found."""
    stages_ms: dict[str, float]

    @property
    def total_ms(self) -> float:
        """All stages together, in whatever threads they run."""
        return sum(self.stages_ms.values())


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/scaling", description=__doc__)
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it")
    options, costs = run_bench(parser, lambda _: measure_all(), describe)
    if options.plot:
        draw(costs[: len(FRAME_SIZES)], costs[len(FRAME_SIZES) :], options.plot)
    return 0


def measure_all() -> list[Cost]:
    """Let the frame grow, then the face."""
    board = probe_board(None)
    sizes = [(size, FACE_HEIGHT_PX) for size in FRAME_SIZES]
    faces = [(FACE_FRAME_SIZE, height_px) for height_px in FACE_HEIGHTS_PX]
    return [measure(board, *case) for case in tqdm([*sizes, *faces], unit="size", disable=None)]


def measure(board: Board, size: tuple[int, int], face_height_px: int) -> Cost:
    """Run the pipeline on one size.

    Raises:
        EdgefuseError: Nothing can run here, or the face was not found in every frame.
    """
    with open_fetcher(board.store, lambda *_: None) as fetcher:
        photo = fetch_media(ASTRONAUT, board.store, fetcher)
    settings = {"fuse_mesh": {"face": str(photo)}}
    address = "pattern:{}x{}".format(*size)
    with open_pipeline(board, RunRequest(address, "null", "fuse_mesh", settings)) as run:
        stages = (*run.loop.pipeline.find, *run.loop.pipeline.compose)
        times_ms = np.zeros((FRAMES, len(stages)))
        heights_px = []
        for frame in draw_frames(photo, size, face_height_px):
            packet = Packet(frame, board.profile.ladder[0])
            for column, named in enumerate(stages):
                start_ns = time.process_time_ns()
                packet = named.stage.run(packet)
                times_ms[frame.index, column] = (time.process_time_ns() - start_ns) / 1e6
            heights_px += [np.ptp(face.mesh[:, 1]) for face in packet.faces if face.mesh is not None]
    if len(heights_px) != FRAMES:
        raise EdgefuseError(f"cannot measure at {size}: the face was found {len(heights_px)} times in {FRAMES} frames")
    means_ms = times_ms[WARM_UP:].mean(axis=0).round(4).tolist()
    names = [named.name for named in stages]
    return Cost(*size, round(float(np.mean(heights_px))), dict(zip(names, means_ms, strict=True)))


def draw_frames(photo: Path, size: tuple[int, int], face_height_px: int) -> Iterator[Frame]:
    """Give frames of (width, height) in which the photo's face sways around the middle; all lie in the same buffer."""
    picture = np.asarray(cv2.imread(str(photo)), np.uint8)
    scale = face_height_px / PHOTO_FACE_HEIGHT_PX
    buffer = Buffer(size[0] * size[1] * 3)
    pixels = buffer.view(size[1], size[0])
    for index in range(FRAMES):
        turn = 2 * math.pi * index / RATE_HZ
        sway = 0.05 * face_height_px * np.array((math.cos(turn), math.sin(turn)))
        shift = np.array(size) / 2 + sway - scale * np.array(PHOTO_FACE_CENTRE)
        to_frame = np.array(((scale, 0, shift[0]), (0, scale, shift[1])))
        done = cv2.warpAffine(picture, to_frame, size, dst=pixels, borderMode=cv2.BORDER_REPLICATE)
        assert done is pixels
        yield Frame(pixels, index, round(index * NS_PER_S / RATE_HZ), buffer)


def describe(costs: Sequence[Cost]) -> str:
    """Give the costs for a person."""
    rows = [("frame", "face", *costs[0].stages_ms, "all, ms")]
    for c in costs:
        times = (f"{ms:.2f}" for ms in (*c.stages_ms.values(), c.total_ms))
        rows.append((f"{c.width_px}x{c.height_px}", f"{c.face_height_px} px", *times))
    return format_table(rows)


def draw(by_frame: Sequence[Cost], by_face: Sequence[Cost], path: Path) -> None:
    """Write the picture: stages stacked on each other, over the frame's size and over the face's."""
    figure = Figure(figsize=(10, 4.2), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _stack(left, by_frame, [f"{c.height_px}p" for c in by_frame])
    _stack(right, by_face, [str(c.face_height_px) for c in by_face])
    left.set_title(f"the frame grows, the face is {by_frame[0].face_height_px} px high", loc="left", fontsize=10)
    right.set_title(f"the face grows (px), the frame is {by_face[0].height_px}p", loc="left", fontsize=10)
    left.set_ylabel("processor time, ms a frame")
    right.legend(loc="upper left", frameon=False)
    figure.savefig(path)


def _stack(axes: Axes, costs: Sequence[Cost], labels: Sequence[str]) -> None:
    below = np.zeros(len(costs))
    for name in costs[0].stages_ms:
        times_ms = np.array([cost.stages_ms[name] for cost in costs])
        axes.bar(labels, times_ms, 0.7, bottom=below, label=name)
        below += times_ms
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", alpha=0.3)


if __name__ == "__main__":
    sys.exit(main())
