"""How real a fused face looks to measures and to models, beside the clear frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benching.finding import open_models
from edgefuse.vision.face.align import align
from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.face.geometry import region_around
from edgefuse.vision.face.landmarks import LEFT_EYE_OUTER, NOSE_TIP, RIGHT_EYE_OUTER, five_points
from edgefuse.vision.face.mesh_model import MeshModel
from edgefuse.vision.face.track import REGION_MARGIN
from edgefuse.vision.fusion.facets import OUTSIDE, make_facets
from edgefuse.vision.fusion.texture import Texture
from edgefuse.vision.fusion.warp import MeshWarp
from edgefuse.vision.model import ImageInput, Models
from edgefuse.vision.stages import embed_faces
from edgefuse.vision.types import Face, Pixels, Points

MAX_YAW = 0.12
"""Of a face that looks at the camera: distance of the nose from the middle of the eyes, in inter-ocular distances."""
OUTER_RING, INNER_RING = 0.98, 0.84
"""Of the outline's size: where nothing is edited any more, and where all is the donor's."""
CORE = 0.8
"""The same for what counts as inside of the hull."""
MOBILEFACENET = ("mobilefacenet", "fp32-112-tflite")

Seen = tuple[Pixels, Face]


def _outline(face: Face, size: float) -> Points:
    """Give the face's outline, shrunk towards its middle."""
    assert face.mesh is not None
    oval = face.mesh[load_face_mesh().oval, :2]
    middle = oval.mean(axis=0)
    return np.asarray(middle + (oval - middle) * np.float32(size), np.float32)


def inside_of(face: Face, shape: tuple[int, ...], size: float) -> NDArray[np.bool_]:
    """Tell which pixels lie in the face's outline, shrunk to a share of its size."""
    inside = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.rint(_outline(face, size)).astype(np.int32)], 1)
    return inside.view(np.bool_)


def border_step(pixels: Pixels, face: Face) -> float:
    """Give the mean difference of Lab colours across the hull's edge, below the eyes."""
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), 3).astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    outer, inner = _outline(face, OUTER_RING), _outline(face, INNER_RING)
    is_low = outer[:, 1] > face.eyes[:, 1].max()
    (x1, y1), (x2, y2) = (
        np.clip(np.rint(ring[is_low]), 0, (pixels.shape[1] - 1, pixels.shape[0] - 1)).astype(np.intp).T
        for ring in (outer, inner)
    )
    return float(np.linalg.norm(lab[y1, x1] - lab[y2, x2], axis=1).mean())


def bend(before: Seen, now: Seen) -> tuple[Pixels, NDArray[np.bool_]]:
    """Give a frame as the mesh holds the face in another one, and the pixels inside the hull that it fills."""
    (old, old_face), (new, new_face) = before, now
    assert old_face.mesh is not None and new_face.mesh is not None
    height, width = new.shape[:2]
    warp, half = MeshWarp(max(height, width)), np.array((0.5, 0.5, 0.5), np.float32)
    offset = np.array((0.25, 0.25, 0), np.float32)
    facets = make_facets(new_face.mesh * half - offset)
    numbers = warp.draw(facets, height // 2, width // 2)
    texture = Texture(np.asarray(cv2.cvtColor(old, cv2.COLOR_BGR2BGRA), np.uint8), old_face.mesh)
    bent = np.ascontiguousarray(warp.bend(texture, facets, numbers, height, width)[:, :, :3])
    return bent, np.repeat(np.repeat(numbers < OUTSIDE, 2, axis=0), 2, axis=1)


def flicker(before: Seen, now: Seen) -> float:
    """Give the mean difference inside the hull between a frame and the one before it, bent onto it."""
    bent, is_filled = bend(before, now)
    inside = inside_of(now[1], now[0].shape, CORE) & is_filled
    return float(cv2.absdiff(bent, now[0])[inside].mean())


def is_frontal(face: Face) -> bool:
    """Tell whether a face looks at the camera."""
    assert face.mesh is not None
    left, right = face.mesh[[LEFT_EYE_OUTER, RIGHT_EYE_OUTER], :2]
    along = (right - left) / np.linalg.norm(right - left)
    aside = float((face.mesh[NOSE_TIP, :2] - (left + right) / 2) @ along)
    return abs(aside) <= MAX_YAW * float(np.linalg.norm(right - left))


class Judge:
    """Looks again at fused frames, with the landmark model and an embedder."""

    def __init__(self, models: Models, photo: Pixels, donor: Face) -> None:
        self._mesh = MeshModel(models.model("track_faces"))
        self._model = open_models("tflite", (MOBILEFACENET,)).model(embed_faces.TASK)
        self._input = ImageInput(self._model.variant.inputs[0], self._model.inputs[0])
        assert donor.mesh is not None
        self._donor = self._embed(photo, donor.mesh)

    def landmark_error(self, fused: Pixels, face: Face) -> float:
        """Give the mean distance of landmarks found again, in inter-ocular distances."""
        assert face.mesh is not None
        found = self._find(fused, face)
        ocular = np.linalg.norm(face.mesh[LEFT_EYE_OUTER, :2] - face.mesh[RIGHT_EYE_OUTER, :2])
        return float(np.linalg.norm(found[:, :2] - face.mesh[:, :2], axis=1).mean() / ocular)

    def is_more_like_donor(self, fused: Pixels, clear: Pixels, face: Face) -> bool:
        """Tell which of the two the embedder takes the fused face for."""
        result, target = (self._embed(pixels, self._find(pixels, face)) for pixels in (fused, clear))
        return float(result @ self._donor) > float(result @ target)

    def _find(self, pixels: Pixels, face: Face) -> Points:
        return self._mesh.read(pixels, region_around(face.box, face.eyes, REGION_MARGIN))[0]

    def _embed(self, pixels: Pixels, mesh: Points) -> NDArray[np.float32]:
        crop = np.zeros((self._input.height_px, self._input.width_px, 3), np.uint8)
        align(pixels, five_points(mesh), embed_faces.TEMPLATE, crop)
        self._input.write(crop)
        self._model.run()
        values = self._model.outputs[0].reshape(-1).astype(np.float32)
        return np.asarray(values / np.linalg.norm(values))
