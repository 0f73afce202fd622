"""Cost grows with the face, not with the frame."""

from pathlib import Path

import pytest
from benching.scaling import Cost, describe, draw, measure

from edgefuse.cli._plan import probe_board
from edgefuse.store.store import Store

MOST_GROWTH = 2.2
"""Of the cost from 480p to 4K, which has 20 times the pixels: measured 1.55, for larger frames push models out of the
caches. Blending two frames of 4K alone takes 2.9 ms, which would make it 2.8."""


def cost(height_px: int, face_height_px: int) -> Cost:
    return Cost(16 * height_px // 9, height_px, face_height_px, {"track_faces": 0.9, "fuse_mesh": 1.1})


def test_table_and_picture_have_every_size(tmp_path: Path) -> None:
    frames, faces = [cost(480, 100), cost(720, 100)], [cost(720, 100), cost(720, 300)]
    assert "1280x720  300 px  0.90         1.10       2.00" in describe([*frames, *faces])
    draw(frames, faces, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_frame_of_twenty_times_the_pixels_costs_little_more(store: Store) -> None:
    board = probe_board(None)
    small, large = (measure(board, size, 200).total_ms for size in ((854, 480), (3840, 2160)))
    assert large / small <= MOST_GROWTH
