"""Pictures that conversions are checked on: one real face, seen in many ways."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

COUNT = 208
"""More than the 200 that a gate asks for."""

FACE_CENTRE_PX = (224.0, 118.0)
FACE_SIDE_PX = 100.0
"""Where the face is in ``edgefuse.store.media.ASTRONAUT``, read off by eye."""

FULL_FRAME = (1.6, 7.0)
"""Sides of a detector's crop in faces: a portrait to a person who stands away."""
LANDMARKS = (1.35, 1.7)
"""Around the 1.5 faces that the tracker cuts out."""


def make_crops(photo: Path, size_px: int, sides: tuple[float, float]) -> NDArray[np.uint8]:
    """Cut crops with the face at random places, sizes, angles and brightness, every second one mirrored.

    Args:
        photo: The file of ``ASTRONAUT``.
        size_px: Width and height of the crops.
        sides: Smallest and largest side of the cut, in faces.

    Returns:
        (COUNT, size_px, size_px, 3) uint8 BGR; the same for the same arguments on every machine.
    """
    picture = cv2.imread(str(photo), cv2.IMREAD_COLOR)
    assert picture is not None  # its sha256 was checked when it came
    random = np.random.default_rng(20)
    crops = np.empty((COUNT, size_px, size_px, 3), np.uint8)
    for i, crop in enumerate(crops):
        faces = np.exp(random.uniform(*np.log(sides)))
        scale = size_px / (faces * FACE_SIDE_PX)
        matrix = np.array(cv2.getRotationMatrix2D(FACE_CENTRE_PX, random.uniform(-20, 20), scale), np.float64)
        room_px = 0.5 * (1 - 1 / faces) * size_px  # the face stays inside
        matrix[:, 2] += size_px / 2 - np.array(FACE_CENTRE_PX) + random.uniform(-room_px, room_px, 2)
        cut = cv2.warpAffine(picture, matrix, (size_px, size_px), flags=cv2.INTER_AREA)
        crop[:] = cv2.convertScaleAbs(cut, alpha=random.uniform(0.6, 1.3), beta=random.uniform(-15, 15))
        if i % 2:
            crop[:] = crop[:, ::-1]
    return crops
