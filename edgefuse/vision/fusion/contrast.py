"""Taking a photo's own light and expression out of a donor's skin, once: cast shadows, gloss, and folds of a smile.

What is wider than the blur of ``light`` is replaced by the target's light in every frame; this is for what is finer.
All of it is done to the logarithm of brightness, as deviation of skin from the skin around it; eyes, brows, nostrils
and lips stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.facets import OUTSIDE, make_facets
from edgefuse.vision.fusion.features import FOLD, NOSTRIL, draw_features, draw_part, mirror_points, on_both_sides
from edgefuse.vision.fusion.texture import Cutout, Texture
from edgefuse.vision.fusion.warp import HALF, MeshWarp
from edgefuse.vision.types import Points

Map = NDArray[np.float32]
"""(height, width) float32."""

AROUND_SHARE = 0.12
"""Deviation of the blur that gives the surroundings, in units of the face's longer side."""
FINE_SHARE = 0.008
"""The same of the blur before skin is judged, and of seams: noise is none."""
SHADOW = (0.2, 0.45)
"""How much darker skin is than the same place on the other side of the face, where it begins to count as a cast shadow
and where it wholly does. Beards, moles and light from the side stay below."""
GLOSS, BLACK = 0.15, 0.3
"""Deviations up to which bright and dark skin stay as they are."""
KEPT = 0.35
"""Share of what lies beyond them that stays."""
FOLD_LIMIT, FOLD_KEPT = 0.02, 0.5
"""The same for dark skin in the folds of a wide smile: lips that do not smile will be laid beside them."""
FOLD_FADE_SHARE = 0.025
TINT = (0.4, 0.6)
"""Blue in units of red of skin. Below the first, what is dark on it gets the tint of the skin, which gets that of the
target with it: brows on brown skin would else turn blue with a pale target. Above the second it keeps its own."""
DARK = (0.15, 0.5)
"""Deviations between which skin turns to hair."""

_LEVELS, _MIDDLE = 40.0, 128.0
"""Of 8 bits to 1 of a deviation, and the level of 0: the warp moves bytes."""


@dataclass(frozen=True, slots=True)
class _Skin:
    """What is known of each pixel of a face."""

    size_px: int
    brightness: Map
    """Logarithm."""
    weight: Map
    """Near 0 where there is no plain skin, and never 0."""
    around: Map
    """Brightness of the skin around."""
    deviation: Map
    share: Map
    """0 at features, smoothly rising to 1."""


def soften(cutout: Cutout, mesh: Points, smile: float) -> Cutout:
    """Give a face without hard light and with softer folds.

    Args:
        cutout: The face; where alpha is 0 nothing is known of the skin.
        mesh: (468, 3) in pixels of ``cutout``.
        smile: 0..1, from ``smile_of``.
    """
    colours = cutout[:, :, :3].astype(np.float32) + 1
    skin = _look_at(cutout, mesh)
    lift = _shadows(skin, mesh)
    gain = lift + _flatten(skin, skin.deviation + lift, _folds(skin, mesh) * smile)
    softened = colours * np.exp(gain)[:, :, np.newaxis]
    softened = _tint(softened, skin, lift, mesh) - 1
    return np.dstack((np.clip(np.rint(softened), 0, 255), cutout[:, :, 3:])).astype(np.uint8)


def _look_at(cutout: Cutout, mesh: Points) -> _Skin:
    size_px = max(cutout.shape[:2])
    brightness = np.log(cutout[:, :, :3].max(axis=2).astype(np.float32) + 1)
    inside = draw_part(cutout.shape, mesh, load_face_mesh().oval)
    side = 2 * round(1.5 * FINE_SHARE * size_px) + 1
    features = cv2.dilate(draw_features(cutout.shape, mesh), np.ones((side, side), np.uint8))
    is_skin = (inside > 0) & (features == 0)
    weight = np.where(is_skin, np.maximum(cutout[:, :, 3] / np.float32(255), 1e-3), np.float32(1e-4)).astype(np.float32)
    around = _blur(brightness, weight, AROUND_SHARE * size_px)
    seam = cv2.GaussianBlur(is_skin.astype(np.float32), (0, 0), FINE_SHARE * size_px)
    deviation = _blur(brightness, np.maximum(weight, 1e-3), FINE_SHARE * size_px) - around
    return _Skin(size_px, brightness, weight, around, deviation, np.asarray(np.clip(2 * seam - 1, 0, 1), np.float32))


def _blur(values: Map, weight: Map, deviation_px: float) -> Map:
    """Blur values by their weights."""
    blurred, weights = (cv2.GaussianBlur(given, (0, 0), deviation_px) for given in (values * weight, weight))
    return np.asarray(blurred / np.maximum(weights, 1e-6), np.float32)


def _shadows(skin: _Skin, mesh: Points) -> Map:
    """Say how much cast shadows must be lifted to be as bright as the other side of the face."""
    other, weight = _mirrored(skin.deviation, mesh), np.clip(_mirrored(skin.weight, mesh), 0, 1)
    lack = np.maximum(other - skin.deviation, 0)
    lift = lack * _rise(lack, SHADOW) * weight * skin.share
    return np.asarray(cv2.GaussianBlur(lift, (0, 0), FINE_SHARE * skin.size_px), np.float32)


def _mirrored(values: Map, mesh: Points) -> Map:
    """Give -3..3 of the other side of the face; 0 where a side is not seen."""
    height, width = values.shape
    warp = MeshWarp(max(height, width))
    facets = make_facets(np.asarray((mesh + 0.5) / HALF - 0.5, np.float32))
    numbers = warp.draw(facets, -(-height // HALF), -(-width // HALF))
    picture = np.zeros((height, width, 4), np.uint8)
    picture[:, :, 0] = np.clip(np.rint(values * _LEVELS + _MIDDLE), 0, 255)
    bent = warp.bend(Texture(picture, mesh[mirror_points()]), facets, numbers, height, width)
    is_seen = cv2.resize((numbers != OUTSIDE).astype(np.float32), (width, height))
    return np.asarray((bent[:, :, 0] - np.float32(_MIDDLE)) / _LEVELS * is_seen, np.float32)


def _folds(skin: _Skin, mesh: Points) -> Map:
    """Say where a smile folds the skin, 0..1."""
    drawn = draw_part(skin.weight.shape, mesh, *on_both_sides(FOLD)).astype(np.float32) / 255
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), FOLD_FADE_SHARE * skin.size_px), np.float32)


def _flatten(skin: _Skin, deviation: Map, folds: Map) -> Map:
    """Say what must be added to deviations so that gloss and folds are flatter."""
    beyond = np.maximum(deviation - GLOSS, 0)
    limit, kept = BLACK + (FOLD_LIMIT - BLACK) * folds, KEPT + (FOLD_KEPT - KEPT) * folds
    below = np.maximum(-deviation - limit, 0)
    return np.asarray((below * (1 - kept) - beyond * (1 - KEPT)) * skin.share, np.float32)


def _tint(colours: NDArray[np.float32], skin: _Skin, lift: Map, mesh: Points) -> NDArray[np.float32]:
    """Give shadows that were lifted, and hair on brown skin, the tint of the skin around."""
    logs = np.log(colours)
    around = np.dstack([_blur(logs[:, :, i], skin.weight, AROUND_SHARE * skin.size_px) for i in range(3)])
    tint = np.exp(around - around.max(axis=2, keepdims=True))
    blue, _, red = (float(np.average(logs[:, :, i], weights=skin.weight)) for i in range(3))
    is_brown = 1 - _rise(np.float32(np.exp(blue - red)), TINT)
    topology = load_face_mesh()
    kept = draw_part(skin.weight.shape, mesh, topology.lips, *topology.eyes, *on_both_sides(NOSTRIL))
    share = np.maximum(is_brown * _rise(skin.around - skin.brightness, DARK), _rise(lift, (0, SHADOW[1])))
    share = (share * (1 - cv2.blur(kept, (5, 5)) / np.float32(255)))[:, :, np.newaxis]
    return np.asarray(colours + share * (colours.max(axis=2, keepdims=True) * tint - colours), np.float32)


def _rise(values: Map | np.float32, limits: tuple[float, float]) -> Map:
    """Rise smoothly from 0 at the first limit to 1 at the second."""
    share = np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
