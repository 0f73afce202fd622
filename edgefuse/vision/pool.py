"""The fixed memory of a pipeline: buffers that frames live in, tensors that sessions are bound to.

Nothing here grows after start: a lease without a free buffer waits, and a lost buffer shows in the count.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefuse.errors import EdgefuseError


class Buffer:
    """Memory for the pixels of one frame of up to the pool's size."""

    __slots__ = ("_bytes",)

    def __init__(self, size_bytes: int) -> None:
        # The system gives pages when they are first written, so buffers that a run never needs cost nothing.
        self._bytes: NDArray[np.uint8] = np.zeros(size_bytes, np.uint8)

    def view(self, height_px: int, width_px: int) -> NDArray[np.uint8]:
        """Give the front of the buffer as (height_px, width_px, 3) uint8, C-contiguous.

        Raises:
            ValueError: The picture is larger than the buffer.
        """
        size_bytes = height_px * width_px * 3
        if size_bytes > self._bytes.size:
            raise ValueError(f"cannot view {width_px}x{height_px} pixels: the buffer holds {self._bytes.size} bytes")
        return self._bytes[:size_bytes].reshape(height_px, width_px, 3)


@dataclass(frozen=True, slots=True)
class PoolCount:
    """The balance of a pool; ``leased == returned`` after a run, or a frame was lost."""

    buffers: int
    leased: int
    returned: int
    peak: int
    """Most buffers out at the same time."""


class BufferPool:
    """A fixed number of equal buffers, leased and returned from any thread."""

    def __init__(self, buffers: int, height_px: int, width_px: int) -> None:
        self._free = [Buffer(height_px * width_px * 3) for _ in range(buffers)]
        self._buffers = buffers
        self._leased = 0
        self._returned = 0
        self._peak = 0
        self._has_free = threading.Condition()

    def lease(self, timeout_s: float = 10.0) -> Buffer:
        """Take a buffer, waiting for one to come back if all are out.

        Raises:
            EdgefuseError: None came back in time: whoever took it has lost it.
        """
        with self._has_free:
            if not self._has_free.wait_for(lambda: self._free, timeout_s):
                raise EdgefuseError(f"cannot lease a buffer: all {self._buffers} are out for {timeout_s:g} s")
            self._leased += 1
            self._peak = max(self._peak, self._leased - self._returned)
            return self._free.pop()

    def give_back(self, buffer: Buffer) -> None:
        """Return a leased buffer; its pixels may be overwritten from now on."""
        with self._has_free:
            assert buffer not in self._free, "a buffer was returned twice"
            self._returned += 1
            self._free.append(buffer)
            self._has_free.notify()

    def count(self) -> PoolCount:
        """Give the balance so far."""
        with self._has_free:
            return PoolCount(self._buffers, self._leased, self._returned, self._peak)


class TensorPool:
    """Tensors by owner, name, shape and dtype; sessions of the same task share those that are alike."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._tensors: dict[tuple[str, str, tuple[int, ...], str], NDArray[np.generic]] = {}

    def tensor(self, owner: str, name: str, shape: tuple[int, ...], dtype: str) -> NDArray[np.generic]:
        """Give the one array for this key, zeroed when it is made."""
        key = (owner, name, shape, dtype)
        with self._making:
            if key not in self._tensors:
                self._tensors[key] = np.zeros(shape, dtype)
            return self._tensors[key]

    @property
    def size_bytes(self) -> int:
        """Memory of all tensors together."""
        return sum(tensor.nbytes for tensor in self._tensors.values())
