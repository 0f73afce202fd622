"""Tests of synthetic people, with networks that draw discs."""

from pathlib import Path

import numpy as np
import pytest
from fakes.discs import PERSON_PX, disc_models, runs_of

from edgefuse.errors import EdgefuseError
from edgefuse.vision.fusion.person import TASK, load_person, make_person, person_path
from edgefuse.vision.model import Models


def test_a_person_is_drawn_once_and_then_kept(root: Path) -> None:
    models = disc_models()
    photo = load_person(3, models)
    assert photo == person_path(3) and photo.is_file() and photo.is_relative_to(root)
    runs = runs_of(models, TASK)
    assert load_person(3, models) == photo and runs_of(models, TASK) == runs


def test_a_kept_person_needs_no_models(root: Path) -> None:
    photo = load_person(3, disc_models())
    assert photo.is_relative_to(root) and load_person(3, Models(())) == photo


def test_without_models_the_way_out_is_told(root: Path) -> None:
    with pytest.raises(EdgefuseError, match=r"pass --face PHOTO, or get them with `edgefuse models fetch --optional`"):
        load_person(5, Models(()))
    assert not root.exists()


def test_one_network_of_the_two_is_not_enough(root: Path) -> None:
    mapping = disc_models().model(TASK, 1)
    with pytest.raises(EdgefuseError, match="do not run here"):
        load_person(5, Models([mapping]))


def test_a_person_is_a_picture_in_bgr() -> None:
    pixels = make_person(1, disc_models())
    assert pixels.shape == (PERSON_PX, PERSON_PX, 3) and pixels.dtype == np.uint8
    assert pixels[0, 0].tolist() == [0, 0, 0] and pixels[PERSON_PX // 2, PERSON_PX // 2].tolist() == [204, 255, 255]


def test_styles_are_drawn_half_way_to_the_mean() -> None:
    models = disc_models()
    make_person(1, models)
    style = models.model(TASK, PERSON_PX).inputs[0]
    noise = np.random.default_rng(1).standard_normal(512)  # the mapping of the discs gives its noise as style
    slope = np.polyfit(noise, style[0], 1)[0]
    assert abs(slope - 0.5) < 0.01


def test_a_seed_is_a_person() -> None:
    styles = []
    for seed in (1, 1, 2):
        models = disc_models()
        make_person(seed, models)
        styles.append(models.model(TASK, PERSON_PX).inputs[0].copy())
    np.testing.assert_array_equal(styles[0], styles[1])
    assert (styles[0] != styles[2]).any()
