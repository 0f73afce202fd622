"""Bringing decoded video frames into buffers of the pool, whatever their pixel format, matrix and rotation."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange

from edgefuse.vision.media.yuv import BT601, BT709, BT2020, Plane, YuvMatrix, YuvToBgr, usual_matrix
from edgefuse.vision.pool import Buffer
from edgefuse.vision.types import Pixels

_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuva420p"})
# What other YUV is repacked to, without touching its values; libavfilter chooses the one that loses least.
_YUV_TARGETS = "yuv420p|yuv422p|yuv444p"
_EXACT = "bilinear+accurate_rnd+full_chroma_int"
# Numbers of ITU-T H.273, table 4, as in AVFrame.colorspace.
_MATRICES = {1: BT709, 5: BT601, 6: BT601, 9: BT2020, 10: BT2020}
# AVFrame's rotation counts counter-clockwise, as the display matrix of a file does.
_ROTATIONS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    -180: cv2.ROTATE_180,
    -90: cv2.ROTATE_90_CLOCKWISE,
}


def upright_size(frame: av.VideoFrame) -> tuple[int, int]:
    """Give width and height in pixels as a frame is to be shown."""
    return (frame.height, frame.width) if abs(frame.rotation) == 90 else (frame.width, frame.height)


class FrameCopier:
    """Writes decoded frames of one stream into buffers; its own memory grows only when the stream's format changes."""

    def __init__(self) -> None:
        self._format: tuple[int, int, str, int, int] | None = None
        self._repack: Graph | None = None
        self._convert: YuvToBgr | None = None
        self._sideways: Pixels | None = None

    def copy(self, frame: av.VideoFrame, buffer: Buffer) -> Pixels:
        """Write one frame upright into a buffer and give the view of it.

        Raises:
            ValueError: The frame is larger than the buffer.
        """
        width_px, height_px = upright_size(frame)
        out = buffer.view(height_px, width_px)
        is_turned = frame.rotation in _ROTATIONS
        if is_turned and (self._sideways is None or self._sideways.shape != (frame.height, frame.width, 3)):
            self._sideways = np.empty((frame.height, frame.width, 3), np.uint8)
        if not is_turned or self._sideways is None:
            self._write(frame, out)
            return out
        self._write(frame, self._sideways)
        done = cv2.rotate(self._sideways, _ROTATIONS[frame.rotation], dst=out)
        assert done is out
        return out

    def _write(self, frame: av.VideoFrame, out: Pixels) -> None:
        """Write the pixels as they lie in the file."""
        seen = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)
        if seen != self._format:
            self._format, self._convert = seen, None
            self._repack = None if frame.format.name in _PLANAR else _make_repack(frame)
        # Asked before repacking, which forgets it.
        matrix = matrix_of(frame)
        if self._repack is not None:
            self._repack.vpush(frame)
            frame = self._repack.vpull()
        if frame.format.name == "bgr24":
            np.copyto(out.reshape(frame.height, -1), _plane(frame, 0, frame.width * 3))
            return
        if self._convert is None:
            self._convert = YuvToBgr(frame.width, frame.height, matrix)
        self._convert.convert([_plane(frame, i, frame.planes[i].width) for i in range(3)], out)


def matrix_of(frame: av.VideoFrame) -> YuvMatrix:
    """Give the matrix and range that a frame says, or those that players take where it says nothing."""
    matrix = _MATRICES.get(frame.colorspace) or usual_matrix(frame.height)
    is_full_range = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return YuvMatrix(matrix.red, matrix.blue, is_full_range)


def _make_repack(frame: av.VideoFrame) -> Graph:
    """Make a filter that gives 8-bit planes or BGR; unlike a reformatter it takes its frames from a pool."""
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    is_yuv = len(frame.format.components) >= 3 and not frame.format.is_rgb
    scale = f"flags={_EXACT}"
    if is_yuv:
        # Said on both sides, else values are converted to limited range and BT.601 on the way.
        values = "full" if matrix_of(frame).is_full_range else "limited"
        scale += f":in_range={values}:out_range={values}:in_color_matrix=bt601:out_color_matrix=bt601"
    target = graph.add("format", _YUV_TARGETS if is_yuv else "bgr24")
    graph.link_nodes(source, graph.add("scale", scale), target, graph.add("buffersink")).configure()
    return graph


def _plane(frame: av.VideoFrame, index: int, row_bytes: int) -> Plane:
    """View one plane without the padding at the end of its rows."""
    plane = frame.planes[index]
    rows: Plane = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, :row_bytes]
