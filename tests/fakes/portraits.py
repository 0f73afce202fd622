"""Pictures with a face whose landmarks are known exactly: the canonical face, textured, anywhere in a frame."""

from dataclasses import replace

import cv2
import numpy as np
from fakes.discs import disc_mesh

from edgefuse.vision.face.canonical import load_canonical_face
from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.types import Face, Pixels


def texture(height_px: int, width_px: int, seed: int, grain_px: int = 12) -> Pixels:
    """Draw smooth coloured noise whose spots are about ``grain_px`` wide."""
    size = (height_px // grain_px + 2, width_px // grain_px + 2, 3)
    coarse = np.random.default_rng(seed).integers(60, 200, size, dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC), np.uint8)


def face_at(x_px: float, y_px: float, radius_px: float, track_id: int = 1, score: float = 0.9) -> Face:
    """Give a face that looks at the camera, as the find stages would."""
    mesh = disc_mesh(x_px, y_px, radius_px)
    return Face(box=box_around(mesh), score=score, eyes=mesh[[33, 263], :2], mesh=mesh, track_id=track_id)


def turned_face(yaw_rad: float) -> Face:
    """Give a face that is turned aside, with its middle at x 160 and y 120."""
    rotation = cv2.Rodrigues(np.array((0, yaw_rad, 0.0)))[0]
    mesh = (load_canonical_face() @ rotation.T * 6 + (160, 120, 0)).astype(np.float32)
    return replace(face_at(160, 120, 60), mesh=mesh)


def hull_mask(face: Face, height_px: int, width_px: int) -> np.ndarray:
    """Give (height, width) bool: inside of the face's outline, one pixel around it included."""
    assert face.mesh is not None
    mask = np.zeros((height_px, width_px), np.uint8)
    hull = cv2.convexHull(np.rint(face.mesh[:, :2]).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 255)
    return np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0)


def psnr_db(one: np.ndarray, two: np.ndarray) -> float:
    """Compare values 0..255."""
    error = float(np.mean((one.astype(np.float64) - two) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)
