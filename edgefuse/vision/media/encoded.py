"""Writing pictures as one H.264 stream of an open container, whatever the container is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

from edgefuse.clock import NS_PER_S
from edgefuse.vision.media.yuv import BT709, BgrToYuv420, Plane, usual_matrix
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Pixels

# The clock of MPEG: the usual rates (24, 25, 29.97, 30, 50, 60 Hz) are whole numbers of ticks.
_TICKS_PER_S = 90_000


class H264Stream:
    """Encodes pictures with their own times; the memory for conversion is taken once."""

    def __init__(self, container: OutputContainer, stream: StreamFormat, options: Mapping[str, str]) -> None:
        # 4:2:0, the one layout that phones and browsers play, needs even sizes.
        width_px, height_px = _even(stream.width_px), _even(stream.height_px)
        matrix = usual_matrix(height_px)
        rate = Fraction(stream.rate_hz).limit_denominator(1001)
        self._container = container
        self._stream = container.add_stream("libx264", rate=rate, options=dict(options))
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = width_px, height_px, "yuv420p"
        context.time_base = self._stream.time_base = Fraction(1, _TICKS_PER_S)
        # Numbers of ITU-T H.273; SMPTE 170M is BT.601 by its other name.
        context.colorspace = 1 if matrix is BT709 else 6
        context.color_primaries = ColorPrimaries.BT709 if matrix is BT709 else ColorPrimaries.SMPTE170M
        context.color_trc = ColorTrc.BT709 if matrix is BT709 else ColorTrc.SMPTE170M
        context.color_range = ColorRange.MPEG
        self._canvas: Pixels = np.zeros((height_px, width_px, 3), np.uint8)
        self._convert = BgrToYuv420(width_px, height_px, matrix)
        # One frame for all: libx264 copies the picture before encode() returns.
        self._frame = av.VideoFrame(width_px, height_px, "yuv420p")
        self._planes = _planes(self._frame)
        self._start_ns: int | None = None
        self._ticks = -1

    def write(self, pixels: Pixels, captured_ns: int) -> None:
        """Encode a picture of at most the stream's size; times count from the first one.

        Raises:
            av.FFmpegError: The container cannot be written.
        """
        if self._start_ns is None:
            self._start_ns = captured_ns
        fit(pixels, self._canvas)
        self._convert.convert(self._canvas, self._planes)
        ticks = round((captured_ns - self._start_ns) * _TICKS_PER_S / NS_PER_S)
        # A container needs rising times; two frames within a tick, or a clock that went back, must not end it.
        self._ticks = max(ticks, self._ticks + 1)
        self._frame.pts = self._ticks
        self._frame.time_base = Fraction(1, _TICKS_PER_S)
        self._container.mux(self._stream.encode(self._frame))

    def finish(self) -> None:
        """Write what the encoder still holds back.

        Raises:
            av.FFmpegError: The container cannot be written.
        """
        self._container.mux(self._stream.encode(None))


def fit(pixels: Pixels, canvas: Pixels) -> None:
    """Put a picture into the middle of a canvas that is at least as large, black around it.

    Where only one row or column is missing, the last one is repeated: a black line would be seen.
    """
    rows, columns = canvas.shape[0] - pixels.shape[0], canvas.shape[1] - pixels.shape[1]
    top, left = rows // 2, columns // 2
    border = cv2.BORDER_REPLICATE if max(rows, columns) <= 1 else cv2.BORDER_CONSTANT
    done = cv2.copyMakeBorder(pixels, top, rows - top, left, columns - left, border, dst=canvas, value=(0, 0, 0))
    assert done is canvas


def _even(length_px: int) -> int:
    return length_px + length_px % 2


def _planes(frame: av.VideoFrame) -> Sequence[Plane]:
    """View the three planes without the padding at the end of their rows."""
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    ]
