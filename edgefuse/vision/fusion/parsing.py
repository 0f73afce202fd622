"""Asking a model which pixels of a picture are face, hair, clothes or background."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse import disk
from edgefuse.vision.face.geometry import Matrix, Region
from edgefuse.vision.fusion.person import person_path
from edgefuse.vision.fusion.retouch import Mask
from edgefuse.vision.model import ImageInput, Model, Models
from edgefuse.vision.types import Face, Pixels

TASK = "parse_faces"

MARGIN = 1.6
"""Side of the square that the model looks at, in units of the face's longer side: it needs to see the whole head."""
SKIN_CLASSES = (2, 3, 5)
"""Body, face, other (glasses); see the model's manifest."""


class Parser:
    """The model with the memory of its crop."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._input = ImageInput(model.variant.inputs[0], model.inputs[0])
        self._crop: Pixels = np.zeros((self._input.height_px, self._input.width_px, 3), np.uint8)

    def show(self, pixels: Pixels, box: NDArray[np.float32], margin: float) -> Matrix:
        """Copy a square around a face into the input; beyond the picture its border goes on.

        Args:
            pixels: (height, width, 3).
            box: (4,) x1 y1 x2 y2 of the face.
            margin: Side of the square, in units of the box's longer side.

        Returns:
            The map from the input to the picture.
        """
        x1, y1, x2, y2 = box.tolist()
        region = Region((x1 + x2) / 2, (y1 + y2) / 2, margin * max(x2 - x1, y2 - y1), 0.0)
        to_picture, size = region.crop_to_frame(self._input.width_px), (self._input.width_px, self._input.height_px)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        done = cv2.warpAffine(pixels, to_picture, size, dst=self._crop, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        assert done is self._crop
        self._input.write(self._crop)
        return to_picture

    def look(self) -> NDArray[np.float32]:
        """Give the score of each class at each pixel of the input: (height, width, classes), until the next look.

        Raises:
            RuntimeRunError: The model failed.
        """
        self._model.run()
        return cast(NDArray[np.float32], self._model.outputs[0][0])


def hair_path(photo: Path) -> Path | None:
    """Give the place where the hair of a synthetic person is kept once it was found; of real people nothing is kept."""
    return photo.with_suffix(".hair.png") if photo.parent == person_path(0).parent else None


def know_hair(photo: Path, pixels: Pixels, face: Face, models: Models) -> Mask | None:
    """Give what ``find_hair`` gives, from the cache where it was found before.

    Args:
        photo: Where ``pixels`` are from.
        pixels: (height, width, 3).
        face: What to look at.
        models: With the task ``parse_faces``, if it is there.

    Raises:
        RuntimeRunError: The model failed.
        StoreError: What was found cannot be written.
    """
    path = hair_path(photo)
    if path is not None and path.is_file():
        kept = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if kept is not None and kept.shape == pixels.shape[:2]:
            return np.asarray(kept > 0)
    hair = find_hair(pixels, face, models)
    if path is not None and hair is not None:
        disk.write_atomically(path, cv2.imencode(".png", hair.astype(np.uint8) * 255)[1].tobytes())
    return hair


def find_hair(pixels: Pixels, face: Face, models: Models) -> Mask | None:
    """Tell which pixels of a photo show neither skin nor glasses; nothing where no model of the task was opened.

    Args:
        pixels: (height, width, 3).
        face: What to look at; far from it all counts as hair.
        models: With the task ``parse_faces``, if it is there.

    Raises:
        RuntimeRunError: The model failed.
    """
    if not models.has(TASK):
        return None
    parser = Parser(models.model(TASK))
    to_photo = parser.show(pixels, face.box, MARGIN)
    is_hair = np.isin(parser.look().argmax(axis=2), SKIN_CLASSES, invert=True).astype(np.float32)
    photo_size = pixels.shape[1], pixels.shape[0]
    return np.asarray(cv2.warpAffine(is_hair, to_photo, photo_size, borderValue=1.0) > 0.5)
