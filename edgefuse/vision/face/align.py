"""Cuts upright crops of faces, as models that were trained on aligned faces need them."""

from __future__ import annotations

import cv2
import numpy as np

from edgefuse.vision.face.geometry import Matrix
from edgefuse.vision.face.templates import TEMPLATES
from edgefuse.vision.types import Pixels, Points


def align(pixels: Pixels, points: Points, template: str, crop: Pixels) -> Matrix:
    """Cut a face out of a frame so that its five points come to lie as near to the template as turning and scaling can.

    Args:
        pixels: The frame; what lies over its border repeats the border.
        points: (5, 2) as in ``Face.points``.
        template: A key of ``TEMPLATES``.
        crop: (size, size, 3) uint8, contiguous; written.

    Returns:
        The map from the frame to the crop.
    """
    size_px = crop.shape[0]
    to_crop = fit_similarity(points, TEMPLATES[template] * size_px)
    done = cv2.warpAffine(
        pixels, to_crop, (size_px, size_px), dst=crop, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    assert done is crop
    return to_crop


def fit_similarity(source: Points, target: Points) -> Matrix:
    """Give the turn, scale and shift that bring points nearest to others, in the least-squares sense.

    As complex numbers a turn with a scale is one factor, so that the fit of Umeyama (1991) without reflection is one
    division. Five landmarks have no outliers beyond 100 px in a crop, so nothing is left for RANSAC to do.

    Args:
        source: (N, 2), not all the same point.
        target: (N, 2).
    """
    p, q = (np.asarray(points, np.float64) @ (1, 1j) for points in (source, target))
    p_mean, q_mean = p.mean(), q.mean()
    factor = np.vdot(p - p_mean, q - q_mean) / np.vdot(p - p_mean, p - p_mean).real
    shift = q_mean - factor * p_mean
    return np.array(((factor.real, -factor.imag, shift.real), (factor.imag, factor.real, shift.imag)))
