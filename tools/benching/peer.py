"""MediaPipe 0.10.14 FaceMesh in a process and an environment of its own, which is made at first use (400 MB).

Frames go over in shared memory, a block at a time.
"""

from __future__ import annotations

import itertools
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from converting import environment
from converting.errors import ConvertError
from numpy.typing import NDArray

from edgefuse.errors import EdgefuseError
from edgefuse.vision.types import Frame

BLOCK = 30
"""Frames that are handed over at once."""
CHILD = Path(__file__).with_name("mediapipe_mesh.py")
ANSWER = np.dtype([("wall_s", "f8"), ("cpu_s", "f8"), ("mesh", "f4", (468, 2))])
"""As in ``mediapipe_mesh.py``, which says what it means and cannot be imported here."""


class MediaPipe:
    """FaceMesh in video mode for one face; warm after its first block."""

    def __init__(self, height_px: int, width_px: int) -> None:
        """Start it.

        Raises:
            ConvertError: Its environment cannot be made, or there is no interpreter that it has wheels for.
        """
        self._python = environment.make(environment.MEDIAPIPE, _fitting_python())
        memory = os.memfd_create("frames")
        os.ftruncate(memory, BLOCK * height_px * width_px * 3)
        shared = np.frombuffer(mmap.mmap(memory, 0), np.uint8)
        self.frames: NDArray[np.uint8] = shared.reshape(BLOCK, height_px, width_px, 3)
        """(BLOCK, height, width, 3) BGR; written before ``find``."""
        numbers = map(str, (memory, BLOCK, height_px, width_px))
        self._child = subprocess.Popen(
            [self._python, CHILD, *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(memory,),
        )
        os.close(memory)

    def find(self, count: int) -> NDArray[np.void]:
        """Give the answers, (count,) of ``ANSWER``, for the first frames of the block.

        Raises:
            EdgefuseError: It has stopped.
        """
        assert self._child.stdin is not None and self._child.stdout is not None
        try:
            self._child.stdin.write(b"%d\n" % count)
            self._child.stdin.flush()
            answers = np.frombuffer(self._child.stdout.read(count * ANSWER.itemsize), ANSWER)
        except (BrokenPipeError, ValueError):
            answers = np.zeros(0, ANSWER)
        if len(answers) != count:
            raise EdgefuseError(f"cannot run mediapipe: it exited with code {self._child.wait()} ({self._python})")
        return answers

    def __enter__(self) -> MediaPipe:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None) -> None:
        self._child.communicate()


def fill(block: NDArray[np.uint8], frames: Iterator[Frame]) -> Iterator[list[int]]:
    """Write frames into a block, again and again, and give the times that those in it were captured at."""
    while first := next(frames, None):
        times_ns = []
        for pixels, frame in zip(block, itertools.chain((first,), frames)):  # noqa: B905  the last block is short
            np.copyto(pixels, frame.pixels)
            times_ns.append(frame.captured_ns)
        yield times_ns


def _fitting_python() -> Path:
    """Give an interpreter that mediapipe has wheels for: this one, or another one of this machine."""
    versions = environment.VERSIONS[environment.MEDIAPIPE]
    if f"{sys.version_info[0]}.{sys.version_info[1]}" in versions:
        return Path(sys.executable)
    found = next(filter(None, (shutil.which(f"python{version}") for version in versions)), None)
    if found is None:
        raise ConvertError(f"cannot run mediapipe 0.10.14: it needs one of Python {', '.join(versions)}, none is here")
    return Path(found)
