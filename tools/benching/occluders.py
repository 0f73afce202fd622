"""Things that are painted over the faces of a clip: what, where, and moving as hands do, blurred by their motion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any  # what OpenCV gives back

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.patches import load_patches
from edgefuse.vision.types import Pixels, Points

PLACES = {"chin": 199, "mouth": 13, "eye": 159, "forehead": 151, "cheek": 50}
"""Points of the mesh that are covered."""
HULL_SHARE = 0.10
"""Of the face's hull that is covered."""
COMING, STAYING = 6, 20
"""Frames of the way in, which is also the way out, and of rest."""
WAY_FACES = 0.8
"""Length of the way, in heights of the face."""
SHUTTER = 0.5
"""Share of the frame's time in which the shutter is open; the way made in it is blurred."""


@dataclass(frozen=True, slots=True)
class Occluder:
    """One thing over one place."""

    stuff: Pixels
    """Its surface, of any size."""
    place: str


def plain(*colour: int) -> Pixels:
    """Give a surface of one colour, BGR."""
    surface: Pixels = np.full((8, 8, 3), colour, np.uint8)
    return surface


def skin_of(pixels: Pixels, mesh: Points) -> Pixels:
    """Cut out the forehead of a face: the surface that is hardest to tell from the face."""
    left, right, top = mesh[103, :2], mesh[332, :2], mesh[151, :2]
    half_px = (right[0] - left[0]) / 4
    centre = np.rint(top).astype(int)
    half_height_px = max(2, round(half_px / 2))
    rows = slice(centre[1] - half_height_px, centre[1] + half_height_px)
    skin: Pixels = pixels[rows, round(centre[0] - half_px) : round(centre[0] + half_px)].copy()
    return skin


def paint(frames: Sequence[Pixels], meshes: Sequence[Points], occluder: Occluder) -> Iterator[tuple[Pixels, bool]]:
    """Paint an occluder over a face: it comes from below, or from the side for eyes and cheeks, stays, and leaves.

    Args:
        frames: At least ``2 * COMING + STAYING``.
        meshes: (468, 3) of the clear face in each.
        occluder: What.

    Yields:
        A new frame, and whether the place is wholly covered in it.
    """
    for index, (pixels, mesh) in enumerate(zip(frames, meshes, strict=True)):
        away = max(COMING - index, index - COMING - STAYING + 1, 0) / COMING
        speed = WAY_FACES / COMING if away else 0.0
        yield _paint_one(pixels, mesh, occluder, min(away, 1.0), speed), away == 0


def _paint_one(pixels: Pixels, mesh: Points, occluder: Occluder, away: float, speed: float) -> Pixels:
    """Paint it into one frame, ``away`` 0..1 from its place, moving by ``speed`` heights of the face a frame."""
    face_px = np.ptp(mesh[:, :2], axis=0)
    way = np.array((-1.0, 0.3) if occluder.place in ("eye", "cheek") else (0.2, 1.0)) * WAY_FACES * face_px[1]
    centre = mesh[PLACES[occluder.place], :2] + away * way
    hull_px = load_patches().is_face.mean() * face_px.prod()
    width, height = np.sqrt(HULL_SHARE * hull_px * 4 / np.pi) * np.array((1.2, 1 / 1.2))
    mask: NDArray[Any] = np.zeros(pixels.shape[:2], np.float32)
    cv2.ellipse(mask, ((*centre.tolist(),), (float(width), float(height)), 20.0), 1.0, cv2.FILLED, cv2.LINE_AA)
    blur_px = speed * SHUTTER * face_px[1]
    if blur_px >= 2:
        mask = cv2.filter2D(mask, -1, _streak(way / np.linalg.norm(way), blur_px))
    mask = cv2.GaussianBlur(mask, (0, 0), 0.8)  # no camera draws an edge sharper than this
    left, top = (centre - (width / 2, height / 2)).tolist()
    to_frame = np.array(
        ((width / occluder.stuff.shape[1], 0, left), (0, height / occluder.stuff.shape[0], top)), np.float64
    )
    size = (pixels.shape[1], pixels.shape[0])
    surface = cv2.warpAffine(occluder.stuff, to_frame, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    mixed = pixels + (surface.astype(np.float32) - pixels) * mask[:, :, np.newaxis]
    return np.rint(mixed).astype(np.uint8)


def _streak(direction: NDArray[np.float64], length_px: float) -> NDArray[np.float32]:
    """Give the kernel of motion blur."""
    side = int(length_px) | 1
    kernel = np.zeros((side, side), np.float32)
    half = direction * (side // 2)
    start, end = (tuple(np.rint(side // 2 + sign * half).astype(int).tolist()) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    kernel /= kernel.sum()
    return kernel
