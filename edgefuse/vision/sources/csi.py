"""Cameras on a board's ribbon cable: ``csi:0``, ``csi:0,1280x720@30``.

The maker's own program opens the camera in a child process and writes raw pictures into a pipe: libcamera's on
Raspberry Pi, GStreamer's on Jetson. No library of theirs has to match this Python.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import threading
from collections.abc import Sequence

import numpy as np

from edgefuse.clock import now_ns
from edgefuse.errors import SourceError, SourceGoneError
from edgefuse.vision.media.address import Mode, parse_address
from edgefuse.vision.media.yuv import Plane, YuvToBgr, usual_matrix
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, SourceType, StreamFormat

_DEFAULT = Mode(1280, 720, 30.0)
_LIBCAMERA = (
    "--camera {camera} --width {width} --height {height} --framerate {rate:g} --codec yuv420 --timeout 0 --nopreview "
    "--flush --verbose 0 --output -"
)
_ARGUS = (
    "-q nvarguscamerasrc sensor-id={camera} ! video/x-raw(memory:NVMM),width={width},height={height},"
    "framerate={rate:.0f}/1 ! nvvidconv ! video/x-raw,format=I420 ! fdsink fd=1"
)
# First one that is installed wins. Both write limited range, BT.709 from 720 rows on and BT.601 below.
COMMANDS = {"rpicam-vid": _LIBCAMERA, "libcamera-vid": _LIBCAMERA, "gst-launch-1.0": _ARGUS}
# The Raspberry Pi's image processor pads rows to 64 bytes, and rpicam-vid writes the padding too.
# Source: rpicam-apps issue 188.
_WIDTH_STEP_PX = 64
# A camera takes up to 3 s to start; after that a frame comes every few milliseconds.
_SILENCE_S = 10.0
_STOP_S = 2.0


class CsiSource:
    """Reads I420 pictures from a child's pipe."""

    def __init__(self, rest: str) -> None:
        self._name = f"csi:{rest}"
        forms = "write it as csi:0 or csi:0,1280x720@30"
        try:
            address = parse_address(rest, _DEFAULT)
        except ValueError as e:
            raise SourceError(f"cannot open {self._name}: {e}; {forms}") from e
        if not address.place.isdecimal():
            raise SourceError(f'cannot open {self._name}: "{address.place}" is not a number of a camera; {forms}')
        self._camera, self._mode = int(address.place), address.mode
        if self._mode.width_px % _WIDTH_STEP_PX or self._mode.height_px % 2:
            raise SourceError(
                f"cannot open {self._name}: the width must be a multiple of {_WIDTH_STEP_PX} and the height even"
            )
        self._child: _Child | None = None
        width_px, height_px = self._mode.width_px, self._mode.height_px
        self._raw = np.zeros(width_px * height_px * 3 // 2, np.uint8)
        self._planes = _split_planes(self._raw, width_px, height_px)
        self._convert = YuvToBgr(width_px, height_px, usual_matrix(height_px))

    def open(self) -> StreamFormat:
        """Start the child; its first picture comes with the first read.

        Raises:
            SourceError: None of the programs is installed.
        """
        self.close()
        mode = self._mode
        for program, arguments in COMMANDS.items():
            if path := shutil.which(program):
                said = arguments.format(
                    camera=self._camera, width=mode.width_px, height=mode.height_px, rate=mode.rate_hz
                )
                self._child = _Child([path, *said.split()])
                return StreamFormat(mode.width_px, mode.height_px, mode.rate_hz, is_live=True)
        raise SourceError(
            f"cannot open {self._name}: none of {', '.join(COMMANDS)} is installed "
            "(Raspberry Pi: apt install rpicam-apps-lite; Jetson: apt install nvidia-l4t-gstreamer)"
        )

    def read(self, buffer: Buffer) -> Capture | None:
        """Wait for the next picture.

        Raises:
            SourceGoneError: The child ended, or the camera is silent.
        """
        assert self._child is not None, "reading follows opening"
        try:
            self._child.read_into(self._raw)
        except EOFError as e:
            self.close()
            raise SourceGoneError(f"cannot read {self._name}: {e}") from e
        captured_ns = now_ns()
        pixels = buffer.view(self._mode.height_px, self._mode.width_px)
        self._convert.convert(self._planes, pixels)
        return Capture(pixels, captured_ns)

    def close(self) -> None:
        """Stop the child."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()


class _Child:
    """A program whose output is read in whole pictures and whose last words are remembered."""

    def __init__(self, command: Sequence[str]) -> None:
        # A session of its own: Ctrl-C is ours to answer, and the camera must not go before the file is finished.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._last_words = ""
        self._listener = threading.Thread(target=self._listen, name="csi-stderr", daemon=True)
        self._listener.start()

    def read_into(self, raw: Plane) -> None:
        """Fill an array, waiting for as much as it takes.

        Raises:
            EOFError: The child ended or is silent; the text says why.
        """
        pipe = self._process.stdout
        assert pipe is not None, "the child was started with a pipe"
        rest = raw.data
        while rest:
            if not select.select([pipe], [], [], _SILENCE_S)[0]:
                raise EOFError(f"no picture for {_SILENCE_S:g} s")
            count = os.readv(pipe.fileno(), [rest])
            if count == 0:
                self.stop()
                raise EOFError(self._last_words or f"the camera program ended with code {self._process.returncode}")
            rest = rest[count:]

    def stop(self) -> None:
        """End the child, by force if it does not listen, and take its exit code so that no zombie stays."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(_STOP_S)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _listen(self) -> None:
        """Keep the last line of the child's stderr; an unread pipe would stop the child."""
        assert self._process.stderr is not None, "the child was started with a pipe"
        for line in self._process.stderr:
            self._last_words = line.decode(errors="replace").strip() or self._last_words


def _split_planes(raw: Plane, width_px: int, height_px: int) -> list[Plane]:
    """View I420 as Y (height_px, width_px), U and V of half the size."""
    luma = width_px * height_px
    chroma = raw[luma:].reshape(2, height_px // 2, width_px // 2)
    return [raw[:luma].reshape(height_px, width_px), chroma[0], chroma[1]]


PLUGIN: SourceType = CsiSource
