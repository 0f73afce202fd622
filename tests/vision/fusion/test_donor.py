"""Tests of making a donor of a photo, in the world of discs."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.discs import POINT, disc_models, draw_discs
from fakes.portraits import face_at, texture

from edgefuse.errors import EdgefuseError
from edgefuse.vision.fusion.donor import MAX_PHOTO_PX, MIN_TEXTURE_PX, load_donor, make_donor
from edgefuse.vision.types import Pixels


def write(path: Path, pixels: Pixels) -> Path:
    cv2.imwrite(str(path), pixels)
    return path


def reason_of(photo: Path) -> str:
    with pytest.raises(EdgefuseError) as raised:
        load_donor(photo, disc_models(), POINT, 256)
    return str(raised.value)


def test_the_largest_face_of_a_photo_is_the_donor(tmp_path: Path) -> None:
    photo = write(tmp_path / "two.png", draw_discs((80, 120, 40), (220, 120, 70)))
    texture = load_donor(photo, disc_models(), POINT, 256).textures[0]
    height, width = texture.pixels.shape[:2]
    assert 140 < max(height, width) < 160
    np.testing.assert_allclose(texture.mesh[:, :2].mean(axis=0), (width / 2, height / 2), atol=10)


def test_textures_halve_down_to_the_smallest_of_use() -> None:
    donor = make_donor(texture(500, 500, seed=1), face_at(250, 250, 200), 256)
    sizes = [t.size_px for t in donor.textures]
    assert sizes == [256, 128, 64, 32] and sizes[-1] >= MIN_TEXTURE_PX
    spans = [np.ptp(t.mesh[:, :2], axis=0).max() for t in donor.textures]
    np.testing.assert_allclose(spans, [spans[0] / 2**i for i in range(4)], rtol=0.01)


@pytest.mark.parametrize(("face_px", "size_px"), [(20, 32), (32, 32), (33, 64), (200, 256), (900, 256)])
def test_the_texture_is_as_fine_as_the_face_and_no_finer(face_px: int, size_px: int) -> None:
    donor = make_donor(texture(500, 500, seed=1), face_at(250, 250, 200), 256)
    assert donor.texture(face_px).size_px == size_px


def test_an_effect_of_the_smallest_size_has_a_texture_too() -> None:
    assert len(make_donor(texture(500, 500, seed=1), face_at(250, 250, 200), 8).textures) == 1


def test_a_face_that_fills_its_photo_is_found(tmp_path: Path) -> None:
    photo = write(tmp_path / "close.png", draw_discs((150, 150, 149), height_px=300, width_px=300))
    assert load_donor(photo, disc_models(), POINT, 256).textures


def test_a_very_large_photo_is_scaled_down(tmp_path: Path) -> None:
    size = 2 * MAX_PHOTO_PX
    photo = write(tmp_path / "huge.png", draw_discs((size / 2, 500, 400), height_px=1000, width_px=size))
    assert load_donor(photo, disc_models(), POINT, 4000).textures[0].size_px < 500


def test_a_photo_without_a_face_is_refused_with_advice(tmp_path: Path) -> None:
    photo = write(tmp_path / "wall.png", draw_discs())
    assert reason_of(photo) == (
        f"cannot use {photo} as a face: no face found; take a photo of one person who looks at the camera"
    )


def test_a_face_too_small_is_refused_with_its_size(tmp_path: Path) -> None:
    photo = write(tmp_path / "far.png", draw_discs((160, 120, 20)))
    assert f"cannot use {photo} as a face: its face has " in reason_of(photo)


def test_a_missing_photo_is_refused(tmp_path: Path) -> None:
    assert "no such file" in reason_of(tmp_path / "gone.png")


@pytest.mark.parametrize("content", [b"", b"not a picture at all"])
def test_a_file_that_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text.jpg").write_bytes(content)
    assert "it is not a picture; take a JPEG or PNG file" in reason_of(tmp_path / "text.jpg")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is a directory" in reason_of(tmp_path)
