"""What changes slowly about each face, followed through noise."""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", float, NDArray[np.float32])

SHARE = 0.1
"""Of the way to what was just measured, each frame: light changes slowly, and noise must not make faces flicker."""


class Memory(Generic[Value]):
    """One value for each track."""

    def __init__(self) -> None:
        self._values: dict[int, Value] = {}

    def forget_all_but(self, track_ids: Collection[int]) -> None:
        """Forget faces that are gone."""
        self._values = {track: value for track, value in self._values.items() if track in track_ids}

    def follow(self, track_id: int, measured: Value) -> Value:
        """Give the value on a track, now that one was measured; track 0 has no past."""
        before = self._values.get(track_id)
        if before is not None and track_id != 0:
            measured = before + np.float32(SHARE) * (measured - before)
        self._values[track_id] = measured
        return measured
