"""Seeded synthetic people: photos of nobody, for donors and test clips."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse import disk, paths
from edgefuse.errors import EdgefuseError
from edgefuse.vision.model import Model, Models
from edgefuse.vision.types import Pixels

logger = logging.getLogger(__name__)

TASK = "make_person"

MAPPING_PX, SYNTHESIS_PX = 1, 1024
"""Sizes that select the two networks of the task: the one that maps noise to a style draws nothing."""

TRUNCATION = 0.5
"""Share of the way from the average style that is gone; nearer to 1 people get more varied and more broken."""

MEAN_SAMPLES = 1000
MEAN_SEED = 0
"""Of the noise that the average style is taken over."""

Style = NDArray[np.float32]
"""(1, 512) float32."""


def person_path(seed: int) -> Path:
    """Give the place where the photo of a person is kept once it was made."""
    return paths.cache_dir() / f"donors/person-{seed}.png"


def load_person(seed: int, models: Models) -> Path:
    """Give the photo of a person, made now if it was not before.

    Args:
        seed: The same seed gives the same person.
        models: With the task ``make_person``, unless the photo is there.

    Raises:
        EdgefuseError: The photo is not there, and no model to make it was opened.
        StoreError: The photo cannot be written.
        RuntimeRunError: A model failed.
    """
    path = person_path(seed)
    if path.is_file():
        return path
    if not can_make(models):
        raise EdgefuseError(
            f"cannot make synthetic person {seed}: the models for it are not here, or do not run here; "
            "pass --face PHOTO, or get them with `edgefuse models fetch --optional` (`edgefuse plan` says what runs)"
        )
    logger.info("drawing the synthetic donor, once; this takes some seconds seed=%d", seed)
    _, png = cv2.imencode(".png", make_person(seed, models))
    disk.write_atomically(path, png.tobytes())
    return path


def make_person(seed: int, models: Models) -> Pixels:
    """Draw the photo of a person.

    Returns:
        (1024, 1024, 3) uint8 BGR: head and shoulders.

    Raises:
        RuntimeRunError: A model failed.
    """
    (style,) = make_styles([seed], models)
    return draw_person(style, models)


def make_styles(seeds: Sequence[int], models: Models) -> list[Style]:
    """Give the styles of people; what lies between two of them is a person too.

    Raises:
        RuntimeRunError: A model failed.
    """
    mapping, noise = models.model(TASK, MAPPING_PX), np.random.default_rng(MEAN_SEED)
    mean = sum(_style(mapping, noise) for _ in range(MEAN_SAMPLES)) / np.float32(MEAN_SAMPLES)
    styles = [_style(mapping, np.random.default_rng(seed)) for seed in seeds]
    return [mean + np.float32(TRUNCATION) * (style - mean) for style in styles]


def draw_person(style: Style, models: Models) -> Pixels:
    """Draw the photo of the person with a style, as ``make_person`` does.

    Raises:
        RuntimeRunError: A model failed.
    """
    synthesis = models.model(TASK, SYNTHESIS_PX)
    synthesis.inputs[0][:] = style
    synthesis.run()
    blue_green_red = synthesis.outputs[0][0, ::-1]
    pixels = np.empty((*blue_green_red.shape[1:], 3), np.uint8)
    for channel, plane in enumerate(blue_green_red):  # one by one: in floats, all would take 40 MB more
        pixels[:, :, channel] = np.clip(np.rint((plane.astype(np.float32) + 1) * 127.5), 0, 255)
    return pixels


def can_make(models: Models) -> bool:
    """Tell whether both networks were opened; a board may run one of them and not the other."""
    return models.has(TASK) and models.model(TASK, MAPPING_PX) is not models.model(TASK, SYNTHESIS_PX)


def _style(mapping: Model, noise: np.random.Generator) -> Style:
    """Draw one style."""
    mapping.inputs[0][:] = noise.standard_normal((1, 512)).astype(np.float32)
    mapping.run()
    return mapping.outputs[0].astype(np.float32)
