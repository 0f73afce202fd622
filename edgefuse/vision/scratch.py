"""Memory that is allocated once and viewed in the size that a frame happens to need."""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


class Scratch(Generic[Scalar]):
    """A work buffer of a fixed number of values; what it held is overwritten by the next user."""

    __slots__ = ("_last", "_values")

    def __init__(self, values: int, dtype: type[Scalar]) -> None:
        self._values: NDArray[Scalar] = np.zeros(values, dtype)
        self._last = self._values

    def view(self, *shape: int) -> NDArray[Scalar]:
        """Give the front of the buffer in a shape, C-contiguous, as OpenCV wants its ``dst``.

        Raises:
            ValueError: The shape has more values than the buffer.
        """
        if self._last.shape != shape:
            values = math.prod(shape)
            if values > self._values.size:
                raise ValueError(f"cannot view {shape}: the buffer holds {self._values.size} values")
            self._last = self._values[:values].reshape(shape)
        return self._last
