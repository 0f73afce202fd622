"""Cutting a donor's face out of hair and background, once, so that they never show on a target."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.face.landmarks import LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER
from edgefuse.vision.fusion.features import BROWS, height_above
from edgefuse.vision.fusion.texture import Cutout
from edgefuse.vision.types import Pixels, Points

Mask = NDArray[np.bool_]
"""(height, width) bool."""

RIM_SHARE = 0.14
"""Depth of the rim in units of the face's longer side: as far as hair reaches over temples and cheeks."""
RIM_LIMIT, FOREHEAD_LIMIT = 2.5, 2.0
"""Pixels that are stranger than this, in robust standard deviations of the skin, are not skin. Cheeks in shadow are
stranger than foreheads."""
MIN_DEVIATION = 4.0
"""Noise of a photo, levels of Lab in 8 bits."""
GAP_SHARE = 0.08
"""Radius of gaps between hair and outline that are hair too: strands shine like skin."""
GROWTH_SHARE = 0.015
"""What is not skin is taken away with so much of its surroundings: hair is soft."""
EYE_GROWTH = (1.5, 4.0)
"""Width and height of eye and brow together, in units of the opening between the lids."""
SPECK_SHARE = 0.02
"""Radius of spots that are no hair: moles and shadows of wrinkles."""
FADE_SHARE = 0.05
"""Width of the fade towards hair, which begins so far from it: it throws a shadow."""
INPAINT_RADIUS_PX = 3
FOREHEAD_FADE_SHARE = 0.09
"""Width of the fade at the forehead's outline, which crosses bare skin below the hair: every step shows there."""
FOREHEAD_SHARE = 0.05
"""Way from the brows up to where that fade wholly holds."""

_MAD_TO_DEVIATION = 1.4826  # of a normal distribution


def retouch(pixels: Pixels, mesh: Points, hair: Mask | None = None) -> Cutout:
    """Cut a donor's face out: alpha goes down to 0 towards hair that hangs into it, and skin is continued below.

    Skin is continued beyond the outline too, because a target's face may be fuller. Below the corners of the mouth the
    rim stays as it is: beards belong to a face.

    Args:
        pixels: (height, width, 3) of the face's surroundings.
        mesh: (468, 3) in pixels of ``pixels``.
        hair: What a model takes for something else than a face; without it, what has not the colour of the skin.
    """
    depth = _depth(pixels.shape, mesh)
    face_px = float(np.ptp(mesh[:, :2], axis=0).max())
    is_hair = _strange_rim(pixels, mesh, depth) if hair is None else hair & (depth > 0)
    is_hair &= ~_is_eye(pixels.shape, mesh)
    hole = cv2.morphologyEx(is_hair.astype(np.uint8), cv2.MORPH_OPEN, _disc(SPECK_SHARE * face_px))
    grown = cv2.dilate(hole | (depth == 0), _disc(GROWTH_SHARE * face_px))
    skin = cv2.inpaint(pixels, grown, INPAINT_RADIUS_PX, cv2.INPAINT_TELEA)
    side = round(FADE_SHARE * face_px) | 1
    faded = cv2.blur(255 - 255 * cv2.dilate(hole, _disc(FADE_SHARE * face_px)), (side, side))
    return np.dstack((skin, faded)).astype(np.uint8)


def fade_forehead(cutout: Cutout, mesh: Points) -> None:
    """Take alpha from the upper rim of the forehead."""
    size_px = max(cutout.shape[:2])
    inwards = np.minimum(_depth(cutout.shape, mesh) / (FOREHEAD_FADE_SHARE * size_px), 1)
    below = 1 - np.clip(height_above(cutout.shape, *mesh[list(BROWS)]) / (FOREHEAD_SHARE * size_px), 0, 1)
    kept = np.maximum(inwards * inwards * (3 - 2 * inwards), below)
    cutout[:, :, 3] = np.minimum(cutout[:, :, 3], np.rint(255 * kept)).astype(np.uint8)


def _strange_rim(pixels: Pixels, mesh: Points, depth: NDArray[np.float32]) -> Mask:
    """Tell what at the rim and on the forehead has not the colour of the skin."""
    shape = pixels.shape
    face_px = float(np.ptp(mesh[:, :2], axis=0).max())
    strangeness = _strangeness(pixels, mesh)
    is_rim = (depth < RIM_SHARE * face_px) & (height_above(shape, *mesh[[LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER]]) > 0)
    is_forehead = (height_above(shape, *mesh[list(BROWS)]) > 0) & ~_is_eye(shape, mesh)
    is_strange = is_rim & (strangeness > RIM_LIMIT) | is_forehead & (strangeness > FOREHEAD_LIMIT)
    hole = np.asarray(is_strange | (depth == 0), np.uint8)
    closed = np.asarray(cv2.morphologyEx(hole, cv2.MORPH_CLOSE, _disc(GAP_SHARE * face_px), borderValue=1), np.bool_)
    return np.asarray((is_strange | closed & is_forehead) & (depth > 0))


def _disc(radius_px: float) -> NDArray[np.uint8]:
    """Give the neighbourhood of a radius for morphology."""
    side = 2 * round(radius_px) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _depth(shape: tuple[int, ...], mesh: Points) -> NDArray[np.float32]:
    """Give every pixel's distance from the outline; 0 outside."""
    # One pixel of border: where a photo cuts the face off, its edge counts as outline.
    hull = np.zeros((shape[0] + 2, shape[1] + 2), np.uint8)
    cv2.fillPoly(hull, [np.rint(mesh[load_face_mesh().oval, :2] + 1).astype(np.int32)], 255)
    hull[[0, -1]] = 0
    hull[:, [0, -1]] = 0
    return np.asarray(cv2.distanceTransform(hull, cv2.DIST_L2, 3), np.float32)[1:-1, 1:-1]


def _is_eye(shape: tuple[int, ...], mesh: Points) -> NDArray[np.bool_]:
    """Tell which pixels belong to an eye or its brow; on a face turned aside the far eye is part of the rim."""
    eyes = np.zeros(shape[:2], np.uint8)
    for ring in load_face_mesh().eyes:
        lids = mesh[ring, :2]
        outline = lids.mean(axis=0) + (lids - lids.mean(axis=0)) * EYE_GROWTH
        cv2.fillPoly(eyes, [np.rint(outline).astype(np.int32)], 1)
    return eyes.view(np.bool_)


def _strangeness(pixels: Pixels, mesh: Points) -> NDArray[np.float32]:
    """Tell how far each pixel is from the skin below the brows, in its deviations; above may be nothing but hair.

    Brighter is not strange: foreheads shine. Another tint is, and so blond hair.
    """
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (5, 5), 0), cv2.COLOR_BGR2LAB).astype(np.float32)
    height, width = lab.shape[:2]
    x, y = np.clip(np.rint(mesh[load_face_mesh().skin, :2]), 0, (width - 1, height - 1)).astype(np.intp).T
    skin = lab[y, x][height_above((height, width), *mesh[list(BROWS)])[y, x] <= 0]
    middle = np.median(skin, axis=0)
    deviation = np.maximum(np.median(np.abs(skin - middle), axis=0) * _MAD_TO_DEVIATION, MIN_DEVIATION)
    error = (middle - lab) / deviation
    return np.asarray(np.maximum(error[:, :, 0], np.abs(error[:, :, 1:]).max(axis=2)), np.float32)
