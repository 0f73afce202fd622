"""Noticing that something covers a face: each patch of its skin is compared with what it looked like before.

Light that changes on the whole face is taken out. What remains strange in one place, over an area of a few per cent of
the face, lies before it: hands too, which are paler than faces and bring edges along.

It cannot notice what was there when the face was first seen; nor what covers less than about 5 % of the hull, or its
rim, which turns out of sight whenever the head moves.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.patches import GRID, Grid, Look

COVERED_SHARE = 0.45
"""Of a window that is as strange as can be, from which on a face counts as covered: in the clips clear faces stay below
0.41, hands over the chin above 0.49."""

USUAL_CHANGE = np.array(((0.04,), (0.08,), (0.08,)), np.float32)
"""How far patches of a clear face wander while it talks and turns: the 95th percentile in the clips."""
MAX_STRANGENESS = 5.0
"""In usual changes; more is not stranger, or one shining button would count as a hand."""
MAX_UNREST = 2.0
"""Where codecs, noise or lamps let the whole face wander more than usual, up to so much more counts as usual."""
WINDOW = (5, 4)
"""Columns and rows of patches, 9 % of the face: what is strange in one place adds up, what is scattered does not."""
MIN_FACING = 0.6
"""Patches turned further away are not judged: when the head turns, background and ears slide under them."""

SETTLE_S = 0.5
"""The memory of a new face is filled before it is trusted: first frames of a stream are blocks."""
MEMORY_S = 2.0
"""How fast the memory follows: slower than hands come, faster than the sun moves."""
FORGET_S = 10.0
"""What has been strange for so long without a break is how the face looks now: other glasses, another lamp."""


class Occlusion:
    """What one face looks like when nothing covers it."""

    def __init__(self) -> None:
        self._memory: Look = np.zeros((3, GRID, GRID), np.float32)
        self._looks = 0
        """How many went into the memory."""
        self._begun_ns = self._clear_ns = self._last_ns = 0
        """When the memory was begun, when the face was last clear, and when it was last compared."""

    def compare(self, look: Look, is_seen: Grid, now_ns: int, *, may_learn: bool = True) -> float:
        """Tell how much of the strangest window is covered, 0..1, and remember the look if the face is clear.

        Args:
            look: Of the face in this frame.
            is_seen: Patches that can be judged; the others are neither compared nor learnt. At least one is.
            now_ns: When the frame was captured.
            may_learn: Nothing else says that the face is covered.
        """
        is_usual_by_now = may_learn and now_ns - self._clear_ns > FORGET_S * NS_PER_S
        if self._looks == 0 or now_ns < self._last_ns or is_usual_by_now:
            self._memory[:] = look
            self._looks, self._begun_ns, self._clear_ns = 1, now_ns, now_ns
        covered = self._strangest(look, is_seen)
        if now_ns - self._begun_ns < SETTLE_S * NS_PER_S:
            covered = 0.0
        if covered < COVERED_SHARE and may_learn:
            self._learn(look, is_seen, now_ns)
        self._last_ns = now_ns
        return covered

    def _strangest(self, look: Look, is_seen: Grid) -> float:
        """Compare a look with the memory, window by window."""
        seen = np.flatnonzero(is_seen)
        change = (look - self._memory).reshape(3, -1)
        change -= _median(change.take(seen, axis=1))
        change /= USUAL_CHANGE
        change *= change
        strangeness = np.sqrt(change[0] + change[1] + change[2])
        strangeness /= min(max(float(_median(strangeness.take(seen))[0]), 1.0), MAX_UNREST)
        capped = np.minimum(strangeness, np.float32(MAX_STRANGENESS)).reshape(GRID, GRID) * is_seen
        return float(cv2.blur(capped, WINDOW, borderType=cv2.BORDER_CONSTANT).max()) / MAX_STRANGENESS

    def _learn(self, look: Look, is_seen: Grid, now_ns: int) -> None:
        """Move the memory towards a look: to their mean at first, then ever more slowly, down to a steady pace."""
        self._looks += 1
        elapsed_s = (now_ns - self._last_ns) / NS_PER_S
        share = max(1 - math.exp(-elapsed_s / MEMORY_S), 1 / self._looks)
        self._memory += (look - self._memory) * (is_seen * np.float32(share))
        self._clear_ns = now_ns


def _median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the median along the last axis, which stays; numpy's own takes three times as long for so few."""
    middle = values.shape[-1] // 2
    return np.sort(values)[..., middle : middle + 1]
