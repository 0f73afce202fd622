"""Taking hard light out of a donor's picture, once: gloss and black folds belong to the light of its photo.

What is wider than the blur of ``light`` is replaced by the target's light in every frame; this is for what is finer.
"""

from __future__ import annotations

import cv2
import numpy as np

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.texture import Cutout, opacity_at
from edgefuse.vision.types import Points

SOFT_CONTRAST = 0.2
"""Deviation of the logarithm of skin from its surroundings: in even light faces have 0.08 to 0.14, in the sun or where
dark skin shines up to 0.23."""
AROUND_SHARE = 0.2
"""Deviation of the blur that gives the surroundings, in units of the face's longer side."""
FINE_SHARE = 0.01
"""The same of the blur before contrast is measured: noise is none."""


def soften(cutout: Cutout, mesh: Points) -> Cutout:
    """Give a face in which skin has no more contrast than ``SOFT_CONTRAST``.

    Args:
        cutout: The face; where alpha is 0 nothing is known of the skin.
        mesh: (468, 3) in pixels of ``cutout``.
    """
    size_px = max(cutout.shape[:2])
    brightness = cutout[:, :, :3].max(axis=2).astype(np.float32) + 1
    weight = np.where(cutout[:, :, 3] > 0, np.float32(1), np.float32(1e-3))
    deviation = AROUND_SHARE * size_px
    around = cv2.GaussianBlur(brightness * weight, (0, 0), deviation) / cv2.GaussianBlur(weight, (0, 0), deviation)
    detail = np.log(cv2.GaussianBlur(brightness, (0, 0), FINE_SHARE * size_px) / around)
    skin = load_face_mesh().skin
    height, width = detail.shape
    x, y = np.clip(np.rint(mesh[skin, :2]), 0, (width - 1, height - 1)).astype(np.intp).T
    contrast = float(detail[y, x][opacity_at(cutout, mesh[skin]) > 0].std())
    if contrast <= SOFT_CONTRAST:
        return cutout
    gain = (brightness / around) ** (SOFT_CONTRAST / contrast - 1)
    softened = np.clip(np.rint(cutout[:, :, :3] * gain[:, :, np.newaxis]), 0, 255)
    return np.dstack((softened, cutout[:, :, 3:])).astype(np.uint8)
