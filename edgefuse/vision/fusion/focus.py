"""Blurring a donor as much as the frame is blurred around the target's eyes: skin that is sharper than its frame is
the first thing that one sees.

Sharpness is the ratio of what the finest two octaves of a picture hold. Faces differ little in it, whoever they are:
1.0 where nothing blurs, 0.5 after a blur of 1.2 pixels. Noise counts as sharpness, so that noisy frames blur no donor.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edgefuse.vision.fusion.texture import Texture
from edgefuse.vision.scratch import Scratch
from edgefuse.vision.types import Pixels, Points

AROUND_EYES = (70, 300, 105, 334, 117, 346, 33, 263)
"""Points whose box holds eyes and brows, which have edges in every face."""
SOFT_PX = 1.2
"""Deviation of the blur of the blurred donor; what lies between is mixed."""
MIN_STRIP_PX = 8
"""Height of eyes and brows below which nothing can be told."""
LEAST_SCALE = 0.5
"""Of a donor that is scaled up, below which it is blurred enough by that."""
WAY = 0.6
"""Of the way to the frame's sharpness that a donor is blurred: with all of it the embedder takes those who resemble
the target for him."""
LEAST_SHARE = 0.05
"""Of the blurred donor that is worth mixing in."""


class FocusMeter:
    """Tells how sharp pictures are."""

    def __init__(self, longest_px: int) -> None:
        """Allocate for faces whose longer side is at most ``longest_px``: eyes and brows are a quarter of one."""
        self._sharp, self._fine, self._coarse = (Scratch(longest_px * longest_px, np.uint8) for _ in range(3))

    def measure(self, pixels: Pixels, mesh: Points) -> float | None:
        """Tell how sharp a picture is around the eyes; nothing where too little of them is seen.

        Args:
            pixels: (height, width, 3 or more).
            mesh: (468, 2 or 3) in pixels of ``pixels``.
        """
        height, width = pixels.shape[:2]
        points = mesh[list(AROUND_EYES), :2]
        left, top = np.maximum(points.min(axis=0), 0).astype(int).tolist()
        right, bottom = np.minimum(points.max(axis=0), (width, height)).astype(int).tolist()
        if min(right - left, bottom - top) < MIN_STRIP_PX:
            return None
        sharp, fine, coarse = (s.view(bottom - top, right - left) for s in (self._sharp, self._fine, self._coarse))
        cv2.extractChannel(pixels[top:bottom, left:right], 1, dst=sharp)
        cv2.blur(sharp, (3, 3), dst=fine)
        cv2.blur(fine, (5, 5), dst=coarse)
        return cv2.norm(sharp, fine, cv2.NORM_L1) / max(cv2.norm(fine, coarse, cv2.NORM_L1), 1.0)


class Focus:
    """Blurs one donor."""

    def __init__(self, textures: Sequence[Texture]) -> None:
        """Blur all textures of a donor once; the first is the largest."""
        self._blurred = {texture.size_px: _blur(texture) for texture in textures}
        meter = FocusMeter(textures[0].size_px)
        self._sharpness = {
            texture.size_px: tuple(
                meter.measure(pixels, texture.mesh) for pixels in (texture.pixels, self._blurred[texture.size_px])
            )
            for texture in textures
        }
        self._mixed: Scratch[np.uint8] = Scratch(textures[0].pixels.size, np.uint8)

    def match(self, texture: Texture, sharpness: float, scale: float) -> Texture:
        """Give a texture that looks as sharp as the frame; valid until the next call.

        Args:
            texture: Of the donor.
            sharpness: Of the frame.
            scale: Pixels of the donor to one of the frame: scaling up blurs by itself.
        """
        own, least = self._sharpness[texture.size_px]
        if own is None or least is None:
            return texture
        shown = least + (own - least) * min(max((scale - LEAST_SCALE) / (1 - LEAST_SCALE), 0), 1)
        share = WAY * min((shown - sharpness) / max(own - least, 1e-6), 1)
        if share < LEAST_SHARE:
            return texture
        mixed = self._mixed.view(*texture.pixels.shape)
        blurred = self._blurred[texture.size_px]
        done = cv2.addWeighted(texture.pixels, 1 - share, blurred, share, 0, dst=mixed)
        assert done is mixed
        return Texture(mixed, texture.mesh)


def _blur(texture: Texture) -> Pixels:
    blurred = cv2.GaussianBlur(texture.pixels, (0, 0), SOFT_PX, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.uint8)
