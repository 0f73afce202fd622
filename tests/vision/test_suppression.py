"""Tests of the merging of detections."""

import numpy as np

from edgefuse.vision.suppression import merge_overlapping


def test_boxes_that_overlap_become_their_mean_weighted_by_score() -> None:
    rows = np.array(((0, 0, 10, 10, 4), (2, 0, 12, 10, 8), (50, 50, 60, 60, 1)), np.float32)
    merged, scores = merge_overlapping(rows, np.array((0.6, 0.2, 0.9), np.float32))
    np.testing.assert_allclose(merged, ((50, 50, 60, 60, 1), (0.5, 0, 10.5, 10, 5)), rtol=1e-6)
    np.testing.assert_allclose(scores, (0.9, 0.6), rtol=1e-6)


def test_boxes_without_area_do_not_hang_it() -> None:
    rows = np.zeros((3, 4), np.float32)
    merged, _ = merge_overlapping(rows, np.ones(3, np.float32))
    assert len(merged) == 3


def test_nothing_stays_nothing() -> None:
    merged, scores = merge_overlapping(np.zeros((0, 8), np.float32), np.zeros(0, np.float32))
    assert merged.shape == (0, 8) and scores.shape == (0,)
