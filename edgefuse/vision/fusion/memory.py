"""What changes slowly about each face, looked at now and then and followed through noise."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", float, NDArray[np.float32])

SHARE = 0.1
"""Of the way to what was measured last, each frame: light changes slowly, and noise must not make faces flicker."""
EVERY = 4
"""Frames from one measurement to the next: what moves by a tenth a frame is hardly later for it."""


@dataclass(slots=True)
class _Past(Generic[Value]):
    """One face's value, where it is going, and for how many frames."""

    value: Value
    goal: Value
    age: int
    """Frames since it was measured last."""


class Memory(Generic[Value]):
    """One value for each track."""

    def __init__(self, first_age: int = 0) -> None:
        """Begin without a track.

        Args:
            first_age: Frames by which the second measurement comes earlier than the others: two memories that differ in
                it are not measured in the same frames.
        """
        self._first_age = first_age
        self._pasts: dict[int, _Past[Value]] = {}

    def forget_all_but(self, track_ids: Collection[int]) -> None:
        """Forget faces that are gone."""
        self._pasts = {track: past for track, past in self._pasts.items() if track in track_ids}

    def follow(self, track_id: int, measure: Callable[[], Value | None], *, is_busy: bool = False) -> Value | None:
        """Give the value on a track in the next frame; nothing as long as nothing could be measured.

        Args:
            track_id: Whose value; track 0 has no past.
            measure: Called in every ``EVERY``-th frame; where it gives nothing, what was known goes on.
            is_busy: The frame has work enough, so that measuring may wait, at most as many frames again.
        """
        past = self._pasts.get(track_id)
        if past is None or track_id == 0:
            first = measure()
            if first is not None:
                self._pasts[track_id] = _Past(first, first, self._first_age)
            return first
        past.age += 1
        if past.age >= (2 * EVERY if is_busy else EVERY):
            past.age = 0
            if (goal := measure()) is not None:
                past.goal = goal
        past.value = past.value + np.float32(SHARE) * (past.goal - past.value)
        return past.value
