"""Giving a donor the skin colour that the target has at this moment."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.types import Pixels, Points

SAMPLE_PX = 48
"""Side of the picture that skin is measured on: wrinkles and noise are averaged away."""

MIN_SAMPLES = 60
"""Fewer skin points inside the frame say too little."""

GAIN_LIMITS = (0.6, 1.6)
"""A donor in flat light under a target in hard light would otherwise turn into noise, and the reverse into a mask."""


@dataclass(frozen=True, slots=True)
class Skin:
    """Colour of a face's skin, one value a channel, BGR, 0..255."""

    mean: NDArray[np.float32]
    """(3,)"""
    spread: NDArray[np.float32]
    """(3,): standard deviation."""

    def toward(self, other: Skin, share: float) -> Skin:
        """Move a share of the way to another colour."""
        return Skin(
            self.mean + (other.mean - self.mean) * np.float32(share),
            self.spread + (other.spread - self.spread) * np.float32(share),
        )


class SkinMeter:
    """Measures skin at the same points of every face, so that two faces are comparable whatever hair and pose."""

    def __init__(self) -> None:
        self._sample = np.zeros((SAMPLE_PX, SAMPLE_PX, 3), np.uint8)

    def measure(self, picture: Pixels, mesh: Points) -> Skin | None:
        """Measure a face; nothing when most of it lies outside of the picture.

        Args:
            picture: (height, width, 3), the face's area.
            mesh: (468, 2 or 3) in pixels of ``picture``.
        """
        height, width = picture.shape[:2]
        cv2.resize(picture, (SAMPLE_PX, SAMPLE_PX), dst=self._sample, interpolation=cv2.INTER_LINEAR)
        scale = np.array((SAMPLE_PX / width, SAMPLE_PX / height))
        places = np.floor((mesh[load_face_mesh().skin, :2] + 0.5) * scale).astype(np.intp)
        places = places[((places >= 0) & (places < SAMPLE_PX)).all(axis=1)]
        if len(places) < MIN_SAMPLES:
            return None
        colours = self._sample[places[:, 1], places[:, 0]].astype(np.float32)
        return Skin(colours.mean(axis=0), colours.std(axis=0))


def recolour(picture: Pixels, skin: Skin, wanted: Skin) -> None:
    """Give a picture, in place, the mean and spread of another skin, channel by channel."""
    gain = np.clip(wanted.spread / np.maximum(skin.spread, 1.0), *GAIN_LIMITS)
    values = np.arange(256, dtype=np.float32)[:, np.newaxis]
    table = np.clip(np.rint((values - skin.mean) * gain + wanted.mean), 0, 255).astype(np.uint8)
    done = cv2.LUT(picture, table.reshape(1, 256, 3), dst=picture)
    assert done is picture
