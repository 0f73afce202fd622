"""Making one detection of those that mean the same face."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MIN_IOU = 0.3  # as MediaPipe's face detection graphs and OpenCV's FaceDetectorYN


def average_overlapping(rows: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Replace each group of overlapping boxes by its mean, weighted by score.

    Args:
        rows: (N, 4 + K) float32, x1 y1 x2 y2 and K further coordinates that are averaged with the box.
        scores: (N,) float32, above 0.

    Returns:
        (M, 4 + K) rows and (M,) scores, best first; a group has the score of its best member.

    Source:
        MediaPipe, non_max_suppression_calculator.cc, algorithm WEIGHTED.
    """
    groups = list(_groups(rows, scores))
    means = [scores[group] @ rows[group] / scores[group].sum() for group in groups]
    best = [group[0] for group in groups]
    return np.array(means, np.float32).reshape(-1, rows.shape[1]), scores[best]


def best_of_overlapping(rows: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Leave the best of each group of overlapping boxes; arguments and results as in ``average_overlapping``."""
    best = np.array([group[0] for group in _groups(rows, scores)], np.intp)
    return rows[best], scores[best]


def _groups(rows: Floats, scores: Floats) -> Iterator[NDArray[np.intp]]:
    """Give the places of each group's members, best group and best member first."""
    order = np.argsort(-scores, kind="stable")
    while order.size:
        is_same = _iou(rows[order[0]], rows[order]) > MIN_IOU
        is_same[0] = True  # also where its area is zero
        yield order[is_same]
        order = order[~is_same]


def _iou(box: Floats, boxes: Floats) -> Floats:
    """Give the intersection over union of one box with (N, ≥4) boxes."""
    sides = np.minimum(box[2:4], boxes[:, 2:4]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.maximum(sides, 0).prod(axis=1)
    area = (box[2:4] - box[:2]).prod()
    areas = (boxes[:, 2:4] - boxes[:, :2]).prod(axis=1)
    iou: Floats = shared / np.maximum(area + areas - shared, np.float32(1e-9))
    return iou
