"""Tests of the person of a photo."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.discs import POINT, disc_models, draw_discs

from edgefuse.errors import EdgefuseError
from edgefuse.vision.fusion.reference import load_reference


def test_the_largest_face_of_the_photo_is_embedded(tmp_path: Path) -> None:
    path = str(tmp_path / "me.png")
    cv2.imwrite(path, draw_discs((160, 120, 60)))
    embedding = load_reference(Path(path), disc_models(), POINT)
    assert embedding.shape == (8,) and np.linalg.norm(embedding) == pytest.approx(1)


def test_a_photo_without_a_face_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "wall.png")
    cv2.imwrite(path, draw_discs())
    with pytest.raises(EdgefuseError, match="no face found"):
        load_reference(Path(path), disc_models(), POINT)
