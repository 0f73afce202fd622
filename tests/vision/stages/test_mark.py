"""Tests of the label."""

import numpy as np
import pytest
from fakes.discs import POINT, disc_models, packet
from fakes.portraits import texture

from edgefuse.vision.pipeline import stage_names
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages.mark import Mark, Options
from edgefuse.vision.types import Attention, Pixels

SIZES = [(240, 320), (300, 400), (720, 1280), (1280, 720), (1080, 1920)]


def marked(pixels: Pixels, **options: str) -> Pixels:
    height, width = pixels.shape[:2]
    stage = Mark(Options(**options), StageContext(disc_models(), (POINT,), height, width, Attention()))  # type: ignore[arg-type]
    return stage.run(packet(pixels)).frame.pixels


@pytest.mark.parametrize("size", SIZES)
def test_the_label_is_small_and_in_its_corner(size: tuple[int, int]) -> None:
    before = texture(*size, seed=1)
    rows, columns = np.nonzero((marked(before) != before).any(axis=2))
    assert len(rows) < 0.03 * size[0] * size[1]
    assert rows.min() > 0.85 * size[0] and columns.min() > 0.5 * size[1]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_the_label_reads_on_every_ground(level: int) -> None:
    after = marked(np.full((300, 400, 3), level, np.uint8)).astype(int)
    letters = after.max()
    ring = after[after.min(axis=2) < letters - 60]
    assert letters > 200 and len(ring) > 100


@pytest.mark.parametrize(
    ("corner", "is_top", "is_left"),
    [
        ("top_left", True, True),
        ("top_right", True, False),
        ("bottom_left", False, True),
        ("bottom_right", False, False),
    ],
)
def test_the_corner_can_be_chosen(corner: str, is_top: bool, is_left: bool) -> None:
    before = texture(240, 320, seed=1)
    rows, columns = np.nonzero((marked(before, corner=corner) != before).any(axis=2))
    assert (rows.max() < 120) == is_top and (columns.max() < 160) == is_left


def test_the_label_follows_frames_of_other_sizes() -> None:
    stage = Mark(Options(), StageContext(disc_models(), (POINT,), 720, 1280, Attention()))
    for size in ((720, 1280), (240, 320), (20, 30), (720, 1280)):
        before = texture(*size, seed=1)
        assert (stage.run(packet(before)).frame.pixels != before).any()


def test_frames_with_synthetic_faces_are_marked_and_no_others() -> None:
    assert stage_names("fuse_mesh")[-1] == "mark"
    assert stage_names("anonymise", {"anonymise": {"method": "mesh"}})[-1] == "mark"
    assert "mark" not in (*stage_names("anonymise"), *stage_names("none"))
