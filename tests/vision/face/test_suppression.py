"""Tests of the merging of detections."""

import numpy as np
import pytest

from edgefuse.vision.face.suppression import average_overlapping, best_of_overlapping

ROWS = np.array(((0, 0, 10, 10, 4), (2, 0, 12, 10, 8), (50, 50, 60, 60, 1)), np.float32)
SCORES = np.array((0.6, 0.2, 0.9), np.float32)


def test_boxes_that_overlap_become_their_mean_weighted_by_score() -> None:
    merged, scores = average_overlapping(ROWS, SCORES)
    np.testing.assert_allclose(merged, ((50, 50, 60, 60, 1), (0.5, 0, 10.5, 10, 5)), rtol=1e-6)
    np.testing.assert_allclose(scores, (0.9, 0.6), rtol=1e-6)


def test_the_best_of_boxes_that_overlap_is_kept_as_it_is() -> None:
    kept, scores = best_of_overlapping(ROWS, SCORES)
    np.testing.assert_array_equal(kept, ROWS[[2, 0]])
    np.testing.assert_array_equal(scores, SCORES[[2, 0]])


@pytest.mark.parametrize("merge", [average_overlapping, best_of_overlapping])
def test_boxes_without_area_do_not_hang_it(merge: type) -> None:
    assert len(merge(np.zeros((3, 4), np.float32), np.ones(3, np.float32))[0]) == 3


@pytest.mark.parametrize("merge", [average_overlapping, best_of_overlapping])
def test_nothing_stays_nothing(merge: type) -> None:
    merged, scores = merge(np.zeros((0, 8), np.float32), np.zeros(0, np.float32))
    assert merged.shape == (0, 8) and scores.shape == (0,)
