"""Tests of the patches that faces are compared by."""

import cv2
import numpy as np
import pytest
from fakes.portraits import face_at, texture

from edgefuse.vision.face.canonical import load_canonical_face
from edgefuse.vision.face.patches import GRID, PatchSampler, load_patches

PATCHES = load_patches()


def test_patches_fill_the_face_and_are_alike_on_both_sides() -> None:
    assert 0.8 < PATCHES.is_face.mean() < 0.9
    np.testing.assert_array_equal(PATCHES.is_face, PATCHES.is_face[:, ::-1])


def test_middles_lie_where_they_are_on_the_canonical_face() -> None:
    face = load_canonical_face()
    middles = PATCHES.middles(face)[:, PATCHES.is_face].T
    low, high = face[:, :2].min(axis=0), face[:, :2].max(axis=0)
    rows, columns = np.nonzero(PATCHES.is_face)
    expected = low + (high - low) * (np.stack((columns, rows), axis=1) + 0.5) / GRID
    np.testing.assert_allclose(middles, expected, atol=1e-3)


def test_a_turned_head_shows_one_cheek_and_hides_the_other() -> None:
    straight = PATCHES.facing(np.eye(3))
    turned = PATCHES.facing(cv2.Rodrigues(np.array((0, 0.7, 0.0)))[0])
    left, right = (slice(4, 12), slice(1, 3)), (slice(4, 12), slice(13, 15))
    assert straight[PATCHES.is_face].mean() > 0.7
    sides = {float(np.sign((turned - straight)[side].mean())) for side in (left, right)}
    assert sides == {-1.0, 1.0}


def test_a_patch_has_the_colour_of_what_lies_under_it() -> None:
    ramp = np.zeros((300, 300, 3), np.uint8)
    ramp[:, :, 0], ramp[:, :, 1] = np.arange(300)[np.newaxis] * 0.8, np.arange(300)[:, np.newaxis] * 0.8
    mesh = face_at(140, 160, 100).mesh
    assert mesh is not None
    colours, _ = PatchSampler().sample(ramp, mesh)
    expected = PATCHES.middles(mesh)[:, 1:-1, 4:12] * 0.8  # at the rim a patch is cut off
    np.testing.assert_allclose(colours[1:-1, 4:12, :2].transpose(2, 0, 1), expected, atol=2)


@pytest.mark.parametrize("radius_px", [40, 200])
def test_the_same_picture_gives_the_same_patches_at_any_place_and_size(radius_px: int) -> None:
    photo = texture(500, 500, seed=3, grain_px=60)
    sampler = PatchSampler()
    before = sampler.sample(photo, face_at(250, 250, 150).mesh)[0].astype(int)  # type: ignore[arg-type]
    scale = radius_px / 150
    size = (round(500 * scale), round(500 * scale))
    moved = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    mesh = face_at(250 * scale, 250 * scale, radius_px).mesh
    after, is_inside = sampler.sample(moved, mesh)  # type: ignore[arg-type]
    assert is_inside.all()
    assert np.abs(after - before)[PATCHES.is_face].mean() < 3


def test_patches_beyond_the_frame_are_told() -> None:
    _, is_inside = PatchSampler().sample(texture(300, 300, seed=0), face_at(0, 150, 100).mesh)  # type: ignore[arg-type]
    assert 0.4 < is_inside[PATCHES.is_face].mean() < 0.6
