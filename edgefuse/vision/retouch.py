"""Taking hair and background off the rim of a donor's face, once, so that they never show on a target."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face_mesh import load_face_mesh
from edgefuse.vision.landmarks import LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER
from edgefuse.vision.types import Pixels, Points

RIM_SHARE = 0.14
"""Depth of the rim in units of the face's longer side: as far as temples and fringes of hair reach in."""
MAX_DEVIATION = 2.5
"""Rim pixels that are farther from the skin's colour, in robust standard deviations, are not skin."""
GROWTH_SHARE = 0.015
"""What is not skin is taken away with so much of its surroundings: hair is soft."""
EYE_GROWTH = (1.5, 4.0)
"""Width and height of eye and brow together, in units of the opening between the lids."""
INPAINT_RADIUS_PX = 3

_MAD_TO_DEVIATION = 1.4826  # of a normal distribution


def retouch(pixels: Pixels, mesh: Points) -> Pixels:
    """Continue the skin over what is not face: all beyond the outline, and hair that hangs into it.

    Below the corners of the mouth the rim stays as it is: beards belong to a face.

    Args:
        pixels: (height, width, 3) of the face's surroundings.
        mesh: (468, 3) in pixels of ``pixels``.

    Returns:
        A new picture.
    """
    depth = _depth(pixels.shape, mesh)
    face_px = float(np.ptp(mesh[:, :2], axis=0).max())
    is_rim = (depth < RIM_SHARE * face_px) & _is_above_mouth(pixels.shape, mesh) & ~_is_eye(pixels.shape, mesh)
    is_hair = is_rim & _is_off_colour(pixels, mesh)
    reach = 2 * round(GROWTH_SHARE * face_px) + 1
    hole = np.asarray((depth == 0) | is_hair, np.uint8)
    grown = cv2.dilate(hole, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return np.asarray(cv2.inpaint(pixels, grown, INPAINT_RADIUS_PX, cv2.INPAINT_TELEA), np.uint8)


def _depth(shape: tuple[int, ...], mesh: Points) -> NDArray[np.float32]:
    """Give every pixel's distance from the outline; 0 outside."""
    # One pixel of border: where a photo cuts the face off, its edge counts as outline.
    hull = np.zeros((shape[0] + 2, shape[1] + 2), np.uint8)
    cv2.fillPoly(hull, [np.rint(mesh[load_face_mesh().oval, :2] + 1).astype(np.int32)], 255)
    hull[[0, -1]] = 0
    hull[:, [0, -1]] = 0
    return np.asarray(cv2.distanceTransform(hull, cv2.DIST_L2, 3), np.float32)[1:-1, 1:-1]


def _is_above_mouth(shape: tuple[int, ...], mesh: Points) -> NDArray[np.bool_]:
    """Tell which pixels lie on the eyes' side of the line through the corners of the mouth."""
    left, right = mesh[LEFT_MOUTH_CORNER, :2], mesh[RIGHT_MOUTH_CORNER, :2]
    along = right - left
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.asarray(along[0] * (rows - left[1]) - along[1] * (columns - left[0]) < 0)


def _is_eye(shape: tuple[int, ...], mesh: Points) -> NDArray[np.bool_]:
    """Tell which pixels belong to an eye or its brow; on a face turned aside the far eye is part of the rim."""
    eyes = np.zeros(shape[:2], np.uint8)
    for ring in load_face_mesh().eyes:
        lids = mesh[ring, :2]
        outline = lids.mean(axis=0) + (lids - lids.mean(axis=0)) * EYE_GROWTH
        cv2.fillPoly(eyes, [np.rint(outline).astype(np.int32)], 1)
    return eyes.view(np.bool_)


def _is_off_colour(pixels: Pixels, mesh: Points) -> NDArray[np.bool_]:
    """Tell which pixels do not look like the skin of the same face."""
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (5, 5), 0), cv2.COLOR_BGR2LAB).astype(np.float32)
    places = np.rint(mesh[load_face_mesh().skin, :2]).astype(np.intp)
    places = np.clip(places, 0, (pixels.shape[1] - 1, pixels.shape[0] - 1))
    skin = lab[places[:, 1], places[:, 0]]
    middle = np.median(skin, axis=0)
    deviation = np.maximum(np.median(np.abs(skin - middle), axis=0) * _MAD_TO_DEVIATION, 4.0)  # 4: noise of a photo
    return np.asarray((np.abs(lab - middle) > MAX_DEVIATION * deviation).any(axis=2))
