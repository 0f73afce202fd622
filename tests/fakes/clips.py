"""Small real media files, made by libav and OpenCV while a test runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Colorspace

from edgefuse.vision.pool import Buffer
from edgefuse.vision.sink import Sink
from edgefuse.vision.source import Source, StreamFormat
from edgefuse.vision.types import Frame, Pixels

# Flags of libswscale as numbers: older PyAV names only some of them.
EXACT = 0x2 | 0x40000 | 0x2000  # bilinear, accurate rounding, full chroma
Frames = list[tuple[Pixels, int]]
"""Pictures with their times in nanoseconds."""

# Blue, green and red that are far from grey, so that a wrong matrix shows.
COLOURS = ((180, 60, 40), (30, 200, 90), (60, 50, 210), (128, 128, 128))


def quarters(width_px: int = 96, height_px: int = 64) -> Pixels:
    """Draw four fields of plain colour: top left, top right, bottom left, bottom right."""
    picture = np.empty((height_px, width_px, 3), np.uint8)
    middle_x, middle_y = width_px // 2, height_px // 2
    fields = ((0, 0), (0, middle_x), (middle_y, 0), (middle_y, middle_x))
    for (y, x), colour in zip(fields, COLOURS, strict=True):
        picture[y : y + height_px - middle_y, x : x + width_px - middle_x] = colour
    return picture


def field_colours(picture: Pixels) -> list[tuple[int, ...]]:
    """Give the colour in the middle of each of the four fields."""
    rows, columns = (picture.shape[0] * i // 4 for i in (1, 3)), [picture.shape[1] * i // 4 for i in (1, 3)]
    return [tuple(int(value) for value in picture[row, column]) for row in rows for column in columns]


def write_clip(
    path: Path,
    pictures: Sequence[Pixels],
    *,
    pixel_format: str = "yuv420p",
    codec: str = "libx264",
    matrix: Colorspace = Colorspace.ITU601,
    is_full_range: bool = False,
    times_ms: Sequence[int] = (),
    rotation: int = 0,
    container_options: Mapping[str, str] | None = None,
) -> Path:
    """Write a video without loss worth naming; ``times_ms`` says when each frame is shown, else 25 a second."""
    options = {"libx264": {"crf": "1", "preset": "ultrafast"}, "libx264rgb": {"crf": "1"}}.get(codec, {})
    height_px, width_px = pictures[0].shape[:2]
    with av.open(str(path), "w", options=dict(container_options or {})) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width_px, height_px, pixel_format
        context.time_base = Fraction(1, 1000)
        context.colorspace = 1 if matrix is Colorspace.ITU709 else 6
        context.color_range = 2 if is_full_range else 1
        if rotation:
            stream.set_display_rotation(rotation)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24").reformat(
                format=pixel_format,
                dst_colorspace=matrix,
                dst_color_range=2 if is_full_range else 1,
                interpolation=EXACT,
            )
            frame.pts, frame.time_base = (times_ms[index] if times_ms else 40 * index), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_all(source: Source) -> Iterator[tuple[Pixels, int]]:
    """Open a source and give a copy of each frame with its time."""
    stream = source.open()
    buffer = Buffer(stream.width_px * stream.height_px * 3)
    try:
        while capture := source.read(buffer):
            yield capture.pixels.copy(), capture.captured_ns
    finally:
        source.close()


def noise(frames: int) -> Frames:
    """Make frames that no encoder can make small."""
    pictures = np.random.default_rng(5).integers(0, 255, (frames, 180, 320, 3), np.uint8)
    return [(picture, index * 33_333_333) for index, picture in enumerate(pictures)]


def stream_of(frames: Frames) -> StreamFormat:
    height_px, width_px = frames[0][0].shape[:2]
    return StreamFormat(width_px, height_px, 30.0, len(frames))


def write_all(sink: Sink, frames: Sequence[tuple[Pixels, int]], stream: StreamFormat | None = None) -> None:
    """Open a sink, write frames with their times and close it."""
    height_px, width_px = frames[0][0].shape[:2]
    sink.open(stream or StreamFormat(width_px, height_px, 25.0, len(frames)))
    for index, (pixels, captured_ns) in enumerate(frames):
        sink.write(make_frame(pixels, index, captured_ns))
    sink.close()


def make_frame(pixels: Pixels, index: int = 0, captured_ns: int = 0) -> Frame:
    """Wrap pixels as a pipeline would hand them to a sink."""
    return Frame(pixels, index, captured_ns, Buffer(0))


def psnr_db(a: Pixels, b: Pixels) -> float:
    """Give how much two pictures are alike; equal ones give infinity."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))
