"""One-Euro smoothing of landmarks: calm while a face rests, close behind it when it moves."""

from __future__ import annotations

import math

import numpy as np

from edgefuse.clock import NS_PER_S
from edgefuse.vision.types import Points

MIN_CUTOFF_HZ = 0.5
CUTOFF_HZ_PER_SPEED = 160.0
SPEED_CUTOFF_HZ = 2.0
"""Chosen by ``tools/bench/smoothing``: jitter at rest x 0.44, error in motion x 1.00. The settings of MediaPipe's face
landmarker (0.05, 80, 1) rest better, x 0.22, but lag more, x 1.15, and creep for seconds after a motion ends."""

MAX_GAP_S = 1.0  # longer, and what was known of the motion says nothing about now


class OneEuro:
    """The filter of one face, each landmark with a speed of its own.

    One speed for the whole face would let a resting nose tremble with a moving mouth, or the mouth lag.

    Source:
        Casiez, Roussel, Vogel: 1 € filter, CHI 2012.
    """

    def __init__(self) -> None:
        self._captured_ns: int | None = None

    def smooth(self, points: Points, captured_ns: int, size_px: float) -> Points:
        """Give smoothed points in a new array, as the points will be used by other threads.

        Time that goes back, stands still or leaves a gap of more than ``MAX_GAP_S`` starts the filter anew.

        Args:
            points: (N, 3), in pixels; N stays the same.
            captured_ns: When they were seen.
            size_px: Size of the face; speeds are in units of it, so that near and far faces feel alike.
        """
        elapsed_s = gap_s(self._captured_ns, captured_ns)
        self._captured_ns = captured_ns
        if elapsed_s is None:
            self._raw = self._smooth = points
            self._velocity = np.zeros_like(points)
            return points
        change = points - self._raw
        change *= np.float32(1 / (elapsed_s * size_px))
        change -= self._velocity
        change *= np.float32(_share(SPEED_CUTOFF_HZ, elapsed_s))
        self._velocity += change
        x, y = self._velocity.T[:2]
        cutoff_hz = np.sqrt(x * x + y * y) * np.float32(CUTOFF_HZ_PER_SPEED) + np.float32(MIN_CUTOFF_HZ)
        share = cutoff_hz / (cutoff_hz + np.float32(1 / (2 * math.pi * elapsed_s)))
        step = points - self._smooth
        step *= share[:, np.newaxis]
        step += self._smooth
        self._raw, self._smooth = points, step
        return step


def gap_s(earlier_ns: int | None, later_ns: int) -> float | None:
    """Give the time between two captures, or nothing where the first says nothing about the second."""
    if earlier_ns is None or not 0 < later_ns - earlier_ns <= MAX_GAP_S * NS_PER_S:
        return None
    return (later_ns - earlier_ns) / NS_PER_S


def _share(cutoff_hz: float, elapsed_s: float) -> float:
    """Give the share of the new value in a low-pass filter."""
    return cutoff_hz / (cutoff_hz + 1 / (2 * math.pi * elapsed_s))
