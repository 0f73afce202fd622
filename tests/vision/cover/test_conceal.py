"""Tests of making regions unrecognisable."""

import cv2
import numpy as np
import pytest
from fakes.portraits import texture

from edgefuse.vision.cover.conceal import CELLS, Concealer, Method

METHODS: tuple[Method, ...] = ("solid", "pixelate", "blur")
HEIGHT_PX, WIDTH_PX = 200, 300
DISC = np.array(
    [(150 + 60 * np.cos(a), 100 + 60 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 40)], np.float32
)  # fmt: skip


def concealed(pixels: np.ndarray, method: Method, outline: np.ndarray | None = DISC) -> np.ndarray:
    concealer, frame = Concealer(method, HEIGHT_PX, WIDTH_PX), pixels.copy()
    concealer.hide(frame, outline, concealer.sample(frame, outline))
    return frame


def inside(outline: np.ndarray = DISC) -> np.ndarray:
    mask = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(outline).astype(np.int32), 255)
    return mask > 0


@pytest.mark.parametrize("method", METHODS)
def test_pixels_outside_keep_every_bit(method: Method) -> None:
    before = texture(HEIGHT_PX, WIDTH_PX, seed=1)
    beyond = cv2.dilate(inside().astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    np.testing.assert_array_equal(concealed(before, method)[beyond], before[beyond])


@pytest.mark.parametrize("method", METHODS)
def test_hardly_a_pixel_inside_is_as_it_was(method: Method) -> None:
    before = texture(HEIGHT_PX, WIDTH_PX, seed=1)
    same = (concealed(before, method) == before).all(axis=2)[inside()]
    assert same.mean() < 0.01


@pytest.mark.parametrize("method", METHODS)
def test_two_pictures_with_the_same_cells_become_the_same(method: Method) -> None:
    region = np.kron(np.random.default_rng(0).integers(80, 170, (CELLS, CELLS, 3)), np.ones((30, 30, 1)))
    stripes = np.where(np.arange(120) % 2 == 0, 40, -40)[np.newaxis, :, np.newaxis]
    results = []
    for picture in (region, region + stripes, region - stripes.transpose(1, 0, 2)):
        frame = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
        frame[40:160, 90:210] = picture
        square = np.array([(90, 40), (209, 40), (209, 159), (90, 159)], np.float32)
        results.append(concealed(frame, method, square)[40:160, 90:210])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_what_is_shown_hardly_correlates_with_what_was_there(method: Method, seed: int) -> None:
    before = texture(HEIGHT_PX, WIDTH_PX, seed, grain_px=8)  # spots of 8 px in 120 px: as features in a face
    after = concealed(before, method)[inside()].astype(float).ravel()
    original = before[inside()].astype(float).ravel()
    correlation = np.corrcoef(after, original)[0, 1] if after.std() > 0 else 0.0
    assert abs(correlation) < 0.35


@pytest.mark.parametrize("shift", [(0, 0), (-160, 0), (0, 110), (-170, -120)])
def test_a_soft_border_fades_beyond_the_outline_never_within(shift: tuple[int, int]) -> None:
    outline = DISC + np.array(shift, np.float32)
    frame = texture(HEIGHT_PX, WIDTH_PX, seed=1)
    cells = np.full((CELLS, CELLS, 3), 90, np.uint8)
    Concealer("pixelate", HEIGHT_PX, WIDTH_PX).hide(frame, outline, cells, is_soft=True)
    # One pixel less: the test rounds corners, the code draws them to a sixteenth.
    hidden = cv2.erode(inside(outline).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert hidden.any() and (frame[hidden] == 90).all()


def test_a_soft_border_leaves_what_is_far_as_it_was_and_has_no_edge() -> None:
    before = np.full((HEIGHT_PX, WIDTH_PX, 3), 200, np.uint8)
    Concealer("pixelate", HEIGHT_PX, WIDTH_PX).hide(before, DISC, np.zeros((CELLS, CELLS, 3), np.uint8), is_soft=True)
    far = cv2.dilate(inside().astype(np.uint8), np.ones((61, 61), np.uint8)) == 0
    assert (before[far] == 200).all()
    assert np.abs(np.diff(before[100, :, 0].astype(int))).max() < 60


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_frame_is_hidden_without_an_outline(method: Method) -> None:
    before = texture(HEIGHT_PX, WIDTH_PX, seed=2)
    after = concealed(before, method, None)
    assert (after == before).all(axis=2).mean() < 0.01
    assert cv2.Laplacian(after, cv2.CV_64F).var() < cv2.Laplacian(before, cv2.CV_64F).var()


@pytest.mark.parametrize("shift", [(-160, 0), (160, 0), (0, -110), (0, 110), (-170, -120)])
def test_a_region_over_the_border_is_hidden_as_far_as_it_is_there(shift: tuple[int, int]) -> None:
    before = texture(HEIGHT_PX, WIDTH_PX, seed=1)
    outline = DISC + np.array(shift, np.float32)
    after = concealed(before, "solid", outline)
    # One pixel less: the test rounds corners, the code draws them to a sixteenth.
    seen = cv2.erode(inside(outline).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert seen.any()
    assert (after[seen] != before[seen]).any(axis=1).all()


def test_a_region_beside_the_frame_changes_nothing() -> None:
    before = texture(HEIGHT_PX, WIDTH_PX, seed=1)
    for shift in ((-900, 0), (900, 0), (0, -900), (0, 900)):
        np.testing.assert_array_equal(concealed(before, "blur", DISC + np.array(shift, np.float32)), before)


@pytest.mark.parametrize("times", [50, 1e6, 1e9, 1e30])
def test_a_region_larger_than_the_frame_hides_all_of_it(times: float) -> None:
    before = texture(HEIGHT_PX, WIDTH_PX, seed=1)
    huge = (DISC - (150, 100)) * times + (150, 100)
    assert (concealed(before, "solid", huge.astype(np.float32)) == 224).all()
