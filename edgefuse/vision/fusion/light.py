"""Giving a donor the light and the skin colour that the target has at this moment.

Both faces are measured at the same points of the mesh. Each is taken, colour by colour, as a plane, which is light from
a side, times a rest, which is blurred along the face. The ratio of both takes the donor's own light out of its picture
and puts the target's in; what is finer stays the donor's. It is the lowest band of a multi-band blend. Points stay with
the face when it moves, so light can be smoothed over time.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.features import plain_skin
from edgefuse.vision.fusion.texture import Texture
from edgefuse.vision.scratch import Scratch
from edgefuse.vision.types import Pixels, Points

Alpha = NDArray[np.uint8]

Shine = NDArray[np.float32]
"""(points, 4) float32: the colour at each point of ``plain_skin``, BGR 0..255, times a weight 0..1, and that weight."""

Gains = NDArray[np.float32]
"""(rows, columns, 4) float32: factors of blue, green, red and alpha, whose is 1, over the donor's picture."""

SAMPLE_PX = 48
"""Side of the picture that skin is measured on: wrinkles and noise are averaged away."""

BLUR_SHARE = 0.4
"""Standard deviation of the blur along the face, in units of the donor's longer side. Narrower, and the target's
features shine through: MobileFaceNet takes the result for the target."""
RIM_BLUR_SHARE, RIM_SHARE = 0.1, 0.15
"""The same where the donor ends, and skin must fit to that beside it, and how far in the full blur begins."""
MAX_SLOPE = 3.0
"""Ratio of a plane's brightest and darkest places to the mean: half hidden faces would have wilder ones."""
EVERYWHERE = 0.01
"""Weight of the mean of all points at every place, for places of which nothing was ever seen."""

GRID_PX = 16
"""Longer side of the map of gains; finer than the blur."""

SHOWN = 96
"""Alpha of 255 from which a place of the donor counts as shown."""

TINY = np.float32(1e-6)
"""Weights below are none."""

GAIN_LIMITS = (0.15, 6.0)
"""A black donor under a white target would otherwise turn into noise."""
TINT_LIMITS = (0.55, 1.8)
"""Of one colour's gain, in units of the mean of all three: coloured light must not turn noise into colours."""


class LightMeter:
    """Measures the same points of every face, so that two faces are comparable whatever hair and pose."""

    def __init__(self) -> None:
        self._sample = np.zeros((SAMPLE_PX, SAMPLE_PX, 3), np.uint8)

    def measure(self, picture: Pixels, mesh: Points, weights: NDArray[np.float32]) -> Shine:
        """Measure a face.

        Args:
            picture: (height, width, 3), the face's area.
            mesh: (468, 2 or 3) in pixels of ``picture``; points outside weigh nothing.
            weights: (points,) of the skin points, 0..1: how well each is seen.
        """
        height, width = picture.shape[:2]
        cv2.resize(picture, (SAMPLE_PX, SAMPLE_PX), dst=self._sample, interpolation=cv2.INTER_LINEAR)
        scale = np.array((SAMPLE_PX / width, SAMPLE_PX / height))
        places = np.floor((mesh[plain_skin(), :2] + 0.5) * scale).astype(np.intp)
        is_inside = ((places >= 0) & (places < SAMPLE_PX)).all(axis=1)
        places[~is_inside] = 0
        shine = np.ones((len(places), 4), np.float32)
        shine[:, :3] = self._sample[places[:, 1], places[:, 0]]
        shine *= (weights * is_inside)[:, np.newaxis]
        return shine


class Relighter:
    """Lights one donor as targets are lit."""

    def __init__(self, texture: Texture, shine: Shine) -> None:
        """Prepare for a donor.

        Args:
            texture: The donor at its largest size.
            shine: Of the donor; weight 0 where it shows hair or nothing.
        """
        height, width = texture.pixels.shape[:2]
        scale = GRID_PX / max(height, width)
        self._shape = (max(1, round(height * scale)), max(1, round(width * scale)))
        self._own = shine[:, :3] / np.maximum(shine[:, 3:], TINY) + 1
        self._confidence = shine[:, 3:]
        mesh = texture.mesh * np.float32(scale)
        self._terms = _terms(mesh[plain_skin(), :2], self._shape)
        self._grid_terms = _terms(_grid(self._shape), self._shape)
        seen = cv2.resize(texture.pixels[:, :, 3], self._shape[::-1], interpolation=cv2.INTER_AREA)
        self._kernel = _kernel(mesh, np.asarray(seen, np.uint8))
        self._gains, self._lit = (Scratch(texture.pixels.size, np.uint8) for _ in range(2))

    def light(self, texture: Texture, gains: Gains) -> Texture:
        """Give the donor as lit by a target's light; valid until the next call."""
        height, width = texture.pixels.shape[:2]
        largest = float(gains.max())
        # All 8 bits for the range that is needed: steps of the result stay below one level.
        steps = cv2.convertScaleAbs(gains, alpha=255 / largest)
        steps[:, :, 3] = math.ceil(255 / largest)
        full, lit = (scratch.view(height, width, 4) for scratch in (self._gains, self._lit))
        cv2.resize(steps, (width, height), dst=full, interpolation=cv2.INTER_LINEAR)
        done = cv2.multiply(texture.pixels, full, dst=lit, scale=largest / 255)
        assert done is lit
        return Texture(lit, texture.mesh)

    def gains(self, shine: Shine) -> Gains:
        """Work out what a target's light makes of the donor's colours, place by place of the donor."""
        gains = self._compare(shine)
        mean = gains.mean(axis=1, keepdims=True)
        gains = np.clip(np.clip(gains / mean, *TINT_LIMITS) * mean, *GAIN_LIMITS)
        return np.asarray(np.insert(gains, 3, 1, axis=1), np.float32).reshape(*self._shape, 4)

    def _compare(self, shine: Shine) -> NDArray[np.float32]:
        """Give (pixels of the grid, 3) ratios of target to donor."""
        weights = shine[:, 3:] * self._confidence
        if not weights.any():
            return np.ones((len(self._grid_terms), 3), np.float32)
        both = np.concatenate((shine[:, :3] / np.maximum(shine[:, 3:], TINY) + 1, self._own), axis=1)
        mean = (both * weights).sum(axis=0) / weights.sum()
        weighed = self._terms * weights
        calm = np.eye(self._terms.shape[1], dtype=np.float32) * weights.sum() * EVERYWHERE
        slopes = np.linalg.solve(weighed.T @ self._terms + calm, weighed.T @ (both / mean - 1))
        near, there = (np.clip(1 + t @ slopes, 1 / MAX_SLOPE, MAX_SLOPE) for t in (self._terms, self._grid_terms))
        rest = both / near * weights
        blurred = (self._kernel @ rest + EVERYWHERE * rest.mean(axis=0)) * there
        return np.asarray(blurred[:, :3] / blurred[:, 3:])


def _grid(shape: tuple[int, int]) -> Points:
    """Give (pixels, 2) x y of the centres of a grid's pixels, row after row."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return np.stack((columns.ravel(), rows.ravel()), axis=1).astype(np.float32)


def _terms(places: Points, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Give (N, 3): the terms of a plane at places (N, 2) of a grid."""
    x, y = (2 * places / np.array(shape[::-1], np.float32) - 1).T
    return np.stack((np.ones_like(x), x, y), axis=1)


def _kernel(mesh: Points, alpha: Alpha) -> NDArray[np.float32]:
    """Give the (pixels of the grid, points) weights of a Gaussian blur of skin points.

    Args:
        mesh: Of the donor, in pixels of the grid.
        alpha: Of the donor, at the size of the grid.
    """
    deviations = (_blur_shares(mesh, alpha) * GRID_PX).reshape(-1, 1)
    distances = ((_grid(alpha.shape)[:, np.newaxis] - mesh[plain_skin(), :2]) ** 2).sum(axis=2)
    weights = np.exp(-distances / (2 * deviations**2))
    # Processors take a hundred times as long over numbers that are all but 0.
    return np.where(weights < 1e-6, 0, weights / len(plain_skin())).astype(np.float32)


def _blur_shares(mesh: Points, alpha: Alpha) -> NDArray[np.float32]:
    """Give the width of the blur at each pixel of the grid, in units of the face's longer side."""
    hull = cv2.fillPoly(np.zeros_like(alpha), [np.rint(mesh[load_face_mesh().oval, :2]).astype(np.int32)], 1)
    shown = np.where(alpha > SHOWN, hull, 0).astype(np.uint8)
    depth = np.minimum(cv2.distanceTransform(shown, cv2.DIST_L2, 3) / (RIM_SHARE * GRID_PX), 1)
    return np.asarray(RIM_BLUR_SHARE + (BLUR_SHARE - RIM_BLUR_SHARE) * depth, np.float32)


def point_homes(mesh: Points) -> NDArray[np.intp]:
    """Give for each skin point of the mesh the thin triangle beside it that tells which way it looks."""
    topology = load_face_mesh()
    centres = mesh[topology.thin_triangles, :2].mean(axis=1)
    distances = ((mesh[plain_skin(), np.newaxis, :2] - centres) ** 2).sum(axis=2)
    return np.asarray(distances.argmin(axis=1))
