"""Tests of asking a model for hair, with one that takes dark for hair."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from fakes.discs import bound_model
from fakes.portraits import face_at
from numpy.typing import NDArray

from edgefuse.config.manifest import TensorSpec
from edgefuse.vision.fusion.parsing import find_hair, hair_path, know_hair
from edgefuse.vision.fusion.person import person_path
from edgefuse.vision.model import Models
from edgefuse.vision.types import Pixels

SIZE_PX = 300
FACE = face_at(150, 150, 80)


def models() -> Models:
    image = TensorSpec(name="image", shape=(1, 64, 64, 3), layout="nhwc", colour="rgb", scale=1 / 255)
    classes = TensorSpec(name="classes", shape=(1, 64, 64, 6))

    def parse(inputs: Sequence[NDArray[np.generic]], outputs: Sequence[NDArray[np.generic]]) -> None:
        outputs[0][:] = 0
        outputs[0][0, :, :, 1] = inputs[0][0].mean(axis=2) < 0.5
        outputs[0][0, :, :, 3] = inputs[0][0].mean(axis=2) >= 0.5

    return Models([bound_model("parse_faces", "classes", 64, ((image,), (classes,)), parse)])


def portrait() -> Pixels:
    picture = np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8)
    cv2.circle(picture, (150, 150), 80, (220, 220, 220), -1)
    return picture


def test_hair_is_where_the_model_sees_it_in_the_photo() -> None:
    hair = find_hair(portrait(), FACE, models())
    assert hair is not None
    is_expected = portrait()[:, :, 0] < 128
    assert (hair == is_expected).mean() > 0.97


def test_far_from_the_face_all_is_hair() -> None:
    hair = find_hair(np.full((SIZE_PX, SIZE_PX, 3), 255, np.uint8), face_at(150, 150, 40), models())
    assert hair is not None and hair[0].all() and not hair[150, 150]


def test_without_a_model_nothing_is_said() -> None:
    assert find_hair(portrait(), FACE, Models(())) is None


def test_the_hair_of_a_synthetic_person_is_found_once(root: Path) -> None:
    photo = person_path(4)
    found = know_hair(photo, portrait(), FACE, models())
    kept = know_hair(photo, portrait(), FACE, Models(()))
    assert root.exists() and found is not None and kept is not None
    np.testing.assert_array_equal(kept, found)
    assert know_hair(photo, portrait()[:100], FACE, Models(())) is None


def test_nothing_is_kept_of_real_people(tmp_path: Path) -> None:
    know_hair(tmp_path / "me.png", portrait(), FACE, models())
    assert hair_path(tmp_path / "me.png") is None and not list(tmp_path.iterdir())
