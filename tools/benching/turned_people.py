"""Synthetic people who turn their heads, further than anybody in the clips does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from benching.faces import PERSON_VARIANTS, POINT, Target
from benching.finding import open_models
from edgefuse.vision.fusion.donor import find_in_photo
from edgefuse.vision.fusion.person import draw_person, make_styles
from edgefuse.vision.types import Pixels

LEFT, RIGHT = (3, 60, 8, 37, 46, 55), (59, 9, 7, 52, 45, 33)
"""Seeds of those among the first sixty people who look aside most, as seen in the picture, by 10 to 25 degrees."""
SEEDS = (29, 12, 14)
TURNS = (-1.5, -1.0, 1.0, 1.3)
"""1 leads from the mean style of those who look left to that of those who look right. Beyond 1.5 faces break, and on
the way there much else changes."""


def turned_faces() -> Iterator[Target]:
    """Give the faces of three people, each turned by some 40 and 25 degrees to either side."""
    models = open_models("tflite")
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.png"
        for pixels in _draw_turned():
            cv2.imwrite(str(photo), pixels)
            yield Target(*find_in_photo(photo, models, POINT))


def _draw_turned() -> Iterator[Pixels]:
    """Draw the photos.

    Source:
        Shen et al.: Interpreting the Latent Space of GANs for Semantic Face Editing, CVPR 2020: what two groups of
        people differ in changes along the direction from the one to the other.
    """
    models = open_models("openvino", PERSON_VARIANTS)
    left, right, styles = (make_styles(seeds, models) for seeds in (LEFT, RIGHT, SEEDS))
    aside = np.mean(right, axis=0) - np.mean(left, axis=0)
    for style in styles:
        for turn in TURNS:
            yield draw_person(style + np.float32(turn) * aside, models)
    models.close()
