"""What a block tells of two pipelines."""

from __future__ import annotations

import numpy as np
import pytest

from edgefuse.vision.types import Face
from edgefuse.worker.block import Block, count_found, sum_up
from edgefuse.worker.stage_runner import Spent


def face(x_px: float, y_px: float = 0.0, side_px: float = 10.0) -> Face:
    box = np.array((x_px, y_px, x_px + side_px, y_px + side_px), np.float32)
    return Face(box=box, score=1.0, eyes=np.zeros((2, 2), np.float32))


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ([], 0),
        ([face(0), face(100)], 2),
        ([face(100), face(0)], 2),
        ([face(3)], 1),  # 7 of 13 in common
        ([face(3.4)], 0),  # 6.6 of 13.4
        ([face(0, side_px=20.0)], 0),  # it holds the face, but is four times as large
        ([face(0, side_px=0.0)], 0),
        ([face(float("nan"))], 0),
        ([face(0), face(0), face(0)], 1),
    ],
)
def test_a_face_is_found_where_the_boxes_have_half_of_their_area_in_common(others: list[Face], found: int) -> None:
    assert count_found([face(0), face(100)], others) == found


def test_one_face_stands_for_one() -> None:
    assert count_found([face(0), face(1)], [face(0)]) == 1


def test_times_are_median_and_nearest_rank() -> None:
    times = sum_up([Spent(find_ns=ms * 1_000_000, compose_ns=0) for ms in range(20, 0, -1)])
    assert (times.median_ms, times.p95_ms) == (10.5, 19.0)


def test_the_slower_thread_bounds_what_the_newcomer_could_deliver() -> None:
    block = Block()
    for find_ms, compose_ms in ((10, 40), (10, 40), (500, 1)):
        spent = Spent(find_ns=find_ms * 1_000_000, compose_ns=compose_ms * 1_000_000)
        block.add(Spent(1, 1), [face(0)], spent, [])
    assert block.new_limit_hz == pytest.approx(25.0)
    assert (block.old_faces, block.both_faces) == (3, 0)
