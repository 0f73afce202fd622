"""Sampling a face in its own frame: the same patches of skin in every picture, whatever its place, size and pose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.canonical import Rotation, load_canonical_face
from edgefuse.vision.face.face_mesh import Indices, load_face_mesh
from edgefuse.vision.types import Pixels, Points

GRID = 16
"""Rows and columns of patches over the box of the canonical face."""

Grid = NDArray[np.bool_]
"""(GRID, GRID) bool."""

Look = NDArray[np.float32]
"""(3, GRID, GRID) natural logarithms: red against green, blue against green, and luminance of each patch."""

DARK_LEVELS = 8.0
"""Added before taking logarithms: the colour of dark pixels is noise."""

_WEIGHTS = np.array(((0, -1, 1), (1, -1, 0), (0.114, 0.587, 0.299)), np.float32)
"""From logarithms of blue, green and red to a ``Look``; luminance as in ITU-R BT.601."""
_FINE = 4 * GRID
"""A patch is the mean of sixteen samples: sensor noise averages out, and no frame hits another pore."""


@dataclass(frozen=True, slots=True)
class Patches:
    """Where the patches lie on the mesh."""

    is_face: Grid
    """The others lie outside of the outline and repeat the nearest patch of the face."""
    corners: Indices
    """(3, GRID²): mesh points around each patch's middle."""
    weights: NDArray[np.float32]
    """(3, GRID²): share of each of them."""
    normals: NDArray[np.float32]
    """(GRID², 3): away from the skin, in the axes of the canonical face."""

    def middles(self, mesh: Points) -> Points:
        """Give the middles of the patches of a mesh, x and y apart: (2, GRID, GRID)."""
        places = mesh.T[:2].take(self.corners, axis=1)
        places *= self.weights
        middles: Points = places[:, 0] + places[:, 1] + places[:, 2]
        return middles.reshape(2, GRID, GRID)

    def facing(self, turn: Rotation) -> NDArray[np.float32]:
        """Tell how much each patch of a face looks at the camera: (GRID, GRID), 1 straight, 0 from the side."""
        facing: NDArray[np.float32] = self.normals @ -turn[2].astype(np.float32)
        return facing.reshape(GRID, GRID)


@cache
def load_patches() -> Patches:
    """Lay the grid over the canonical face; the arrays are shared, so nobody writes into them."""
    face, triangles = load_canonical_face(), load_face_mesh().triangles
    low, high = face[:, :2].min(axis=0), face[:, :2].max(axis=0)
    steps = (np.arange(GRID) + 0.5) / GRID
    middles = low + (high - low) * np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    shares = _shares(middles, face[triangles, :2])
    triangle = shares.min(axis=2).argmax(axis=1)  # shares are all positive only inside
    patch = np.arange(len(middles))
    is_face = shares[patch, triangle].min(axis=1) >= 0
    inside = np.flatnonzero(is_face)
    gaps = np.linalg.norm(middles[:, np.newaxis] - middles[inside], axis=2)
    nearest = inside[gaps.argmin(axis=1)]
    corners = triangles[triangle[nearest]]
    one, two = face[corners[:, 1]] - face[corners[:, 0]], face[corners[:, 2]] - face[corners[:, 0]]
    normals = np.cross(one, two)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Patches(
        is_face=is_face.reshape(GRID, GRID),
        corners=np.ascontiguousarray(corners.T),
        weights=np.ascontiguousarray(shares[nearest, triangle[nearest]].T, np.float32),
        normals=normals,
    )


def _shares(points: NDArray[np.floating], triangles: NDArray[np.floating]) -> NDArray[np.float64]:
    """Give the barycentric coordinates (N, T, 3) of points (N, 2) in triangles (T, 3, 2); edge-on ones hold none."""
    origin = triangles[:, 0]
    one, two = triangles[:, 1] - origin, triangles[:, 2] - origin
    to = points[:, np.newaxis] - origin
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    area[np.abs(area) < 1e-6] = np.nan
    along = (to[:, :, 0] * two[:, 1] - to[:, :, 1] * two[:, 0]) / area
    across = (one[:, 0] * to[:, :, 1] - one[:, 1] * to[:, :, 0]) / area
    shares: NDArray[np.float64] = np.nan_to_num(np.stack((1 - along - across, along, across), axis=2), nan=-np.inf)
    return shares


def look_of(colours: Pixels) -> Look:
    """Turn the (GRID, GRID, 3) colours of patches into what faces are compared by."""
    look: Look = _WEIGHTS @ np.log(colours.reshape(-1, 3) + np.float32(DARK_LEVELS)).T
    return look.reshape(3, GRID, GRID)


class PatchSampler:
    """Reads the patches of faces; its buffers are used again for every face."""

    def __init__(self) -> None:
        self._patches = load_patches()
        self._x, self._y = (np.zeros((_FINE, _FINE), np.float32) for _ in range(2))
        self._fine = np.zeros((_FINE, _FINE, 3), np.uint8)
        self._colours = np.zeros((GRID, GRID, 3), np.uint8)

    def sample(self, pixels: Pixels, mesh: Points) -> tuple[Pixels, Grid]:
        """Read the patches of one face.

        Args:
            pixels: The frame.
            mesh: (468, 3) in pixels of the frame.

        Returns:
            (GRID, GRID, 3) mean colours, valid until the next call, and which patches lie inside of the frame.
        """
        height, width = pixels.shape[:2]
        x, y = self._patches.middles(mesh)
        is_inside: Grid = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        for middles, places in ((x, self._x), (y, self._y)):
            cv2.resize(middles, (_FINE, _FINE), dst=places, interpolation=cv2.INTER_LINEAR)
        done = cv2.remap(pixels, self._x, self._y, cv2.INTER_LINEAR, dst=self._fine, borderMode=cv2.BORDER_REPLICATE)
        assert done is self._fine
        cv2.resize(self._fine, (GRID, GRID), dst=self._colours, interpolation=cv2.INTER_AREA)
        return self._colours, is_inside

    def look(self, pixels: Pixels, mesh: Points) -> tuple[Look, Grid]:
        """Give the look of one face, in a new array, and which patches lie inside of the frame."""
        colours, is_inside = self.sample(pixels, mesh)
        return look_of(colours), is_inside
