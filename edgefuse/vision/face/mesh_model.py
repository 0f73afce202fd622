"""Runs the face mesh model on one region of a frame."""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.errors import RuntimeLoadError
from edgefuse.vision.face.geometry import Region
from edgefuse.vision.face.landmarks import MESH_POINTS
from edgefuse.vision.model import ImageInput, Model
from edgefuse.vision.types import Pixels, Points


class MeshModel:
    """FaceMesh with the memory of its crop."""

    def __init__(self, model: Model) -> None:
        sizes = [output.size for output in model.outputs]
        if sorted(sizes) != [1, MESH_POINTS * 3]:
            raise RuntimeLoadError(f"cannot read '{model.variant.id}' as a face mesh: its outputs have {sizes} values")
        self._model = model
        self._input = ImageInput(model.variant.inputs[0], model.inputs[0])
        self._size_px = self._input.width_px
        self._crop: Pixels = np.zeros((self._size_px, self._size_px, 3), np.uint8)
        self._points = cast(Points, model.outputs[sizes.index(MESH_POINTS * 3)].reshape(MESH_POINTS, 1, 3))
        self._solid = np.zeros((3, 4), np.float32)
        """From points of the crop to those of the frame."""
        self._logit = cast(NDArray[np.float32], model.outputs[sizes.index(1)].reshape(1))

    def read(self, pixels: Pixels, region: Region) -> tuple[Points, float]:
        """Find the landmarks of the face in a region.

        Returns:
            (468, 3) landmarks in pixels of the frame, in a new array, and how sure the model is, 0..1.

        Raises:
            RuntimeRunError: The model failed.
        """
        to_frame = region.crop_to_frame(self._size_px)
        done = cv2.warpAffine(
            pixels,
            to_frame,
            (self._size_px, self._size_px),
            dst=self._crop,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        assert done is self._crop
        self._input.write(self._crop)
        self._model.run()
        self._solid[:2, (0, 1, 3)] = to_frame
        self._solid[2, 2] = region.side_px / self._size_px  # depth comes in the unit of x and y
        mesh = cast(Points, cv2.transform(self._points, self._solid)).reshape(MESH_POINTS, 3)
        # Axis by axis in memory, which is how all that is done with the points goes through them.
        return np.asfortranarray(mesh), 1 / (1 + math.exp(-min(max(float(self._logit[0]), -80), 80)))
