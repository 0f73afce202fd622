"""Tests of noticing what covers a face, on patches drawn here."""

import numpy as np
import pytest

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.patches import GRID, load_patches, look_of
from edgefuse.vision.fusion.occlusion import COVERED_SHARE, FORGET_S, SETTLE_S, Occlusion

FRAME_NS = NS_PER_S // 25
SKIN = np.array((80, 110, 190), np.float32)
PALE_HAND = np.array((105, 130, 185), np.float32)
IS_FACE = load_patches().is_face
CHIN = (slice(12, 16), slice(5, 11))


def face(seed: int = 0) -> np.ndarray:
    """Draw the patches of a face: skin with features."""
    shades = np.random.default_rng(seed).uniform(0.6, 1.1, (GRID, GRID, 1))
    return np.asarray(SKIN * shades, np.float32)


def noise(index: int) -> np.ndarray:
    return np.random.default_rng(index).normal(0, 2, (GRID, GRID, 3))


class Viewer:
    """Looks at one frame after the other."""

    def __init__(self) -> None:
        self._occlusion = Occlusion()
        self._index = 0

    def see(self, colours: np.ndarray, frames: int = 1, is_seen: np.ndarray = IS_FACE) -> float:
        covered = 0.0
        for _ in range(frames):
            self._index += 1
            pixels = np.clip(colours + noise(self._index), 0, 255).astype(np.uint8)
            covered = self._occlusion.compare(look_of(pixels), is_seen, self._index * FRAME_NS)
        return covered


def covered_face(colour: np.ndarray, where: tuple[slice, slice] = CHIN) -> np.ndarray:
    colours = face()
    colours[where] = colour
    return colours


@pytest.mark.parametrize("colour", [PALE_HAND, (120, 120, 120), (10, 10, 10), (230, 230, 230), (150, 90, 50)])
@pytest.mark.parametrize(
    "where", [CHIN, (slice(8, 13), slice(4, 9)), (slice(3, 7), slice(9, 14)), (slice(0, 4), slice(4, 12))]
)
def test_what_comes_over_a_part_of_the_face_is_noticed_at_once(colour: np.ndarray, where: tuple[slice, slice]) -> None:
    viewer = Viewer()
    assert viewer.see(face(), 50) < COVERED_SHARE
    assert viewer.see(covered_face(np.asarray(colour, np.float32), where)) > COVERED_SHARE


def test_it_stays_noticed_and_is_forgotten_when_it_leaves() -> None:
    viewer = Viewer()
    viewer.see(face(), 50)
    assert viewer.see(covered_face(PALE_HAND), 100) > COVERED_SHARE
    assert viewer.see(face()) < COVERED_SHARE


@pytest.mark.parametrize("gain", [(0.5, 0.5, 0.5), (1.3, 1.3, 1.3), (0.85, 1, 1.15)])
def test_light_that_changes_on_the_whole_face_covers_nothing(gain: tuple[float, float, float]) -> None:
    viewer = Viewer()
    viewer.see(face(), 50)
    assert viewer.see(face() * gain) < COVERED_SHARE


def test_light_that_wanders_over_the_face_covers_nothing() -> None:
    viewer = Viewer()
    viewer.see(face(), 50)
    slope = np.linspace(-0.4, 0.4, GRID)[np.newaxis, :, np.newaxis]
    assert max(viewer.see(face() * (1 + slope * np.sin(i / 25))) for i in range(150)) < COVERED_SHARE


def test_noise_covers_nothing() -> None:
    viewer = Viewer()
    draw = np.random.default_rng(1)
    # 16 levels a pixel, far more than cameras have, are 4 a patch.
    assert max(viewer.see(face() + draw.normal(0, 4, (GRID, GRID, 3))) for _ in range(100)) < COVERED_SHARE


def test_a_spot_is_too_small_to_cover_a_face() -> None:
    viewer = Viewer()
    viewer.see(face(), 50)
    assert viewer.see(covered_face(np.zeros(3, np.float32), (slice(5, 7), slice(5, 7)))) < COVERED_SHARE


def test_patches_that_are_not_seen_are_neither_judged_nor_learnt() -> None:
    viewer, is_seen = Viewer(), IS_FACE.copy()
    is_seen[CHIN] = False
    viewer.see(face(), 50)
    assert viewer.see(covered_face(PALE_HAND), 100, is_seen) < COVERED_SHARE
    assert viewer.see(face()) < COVERED_SHARE


def test_what_covered_the_face_from_the_beginning_is_not_noticed_but_its_leaving_pauses_only_for_a_while() -> None:
    viewer = Viewer()
    assert viewer.see(covered_face(PALE_HAND), 50) < COVERED_SHARE
    assert viewer.see(face()) > COVERED_SHARE
    assert viewer.see(face(), round((FORGET_S + SETTLE_S) * 25) + 1) < COVERED_SHARE


def test_first_frames_are_not_judged() -> None:
    viewer = Viewer()
    viewer.see(face(seed=1))
    assert viewer.see(face(seed=0)) == 0


def test_a_source_that_starts_again_begins_a_new_memory() -> None:
    occlusion = Occlusion()
    for index in range(50):
        occlusion.compare(look_of(face(0).astype(np.uint8)), IS_FACE, index * FRAME_NS)
    assert occlusion.compare(look_of(face(1).astype(np.uint8)), IS_FACE, 0) == 0
