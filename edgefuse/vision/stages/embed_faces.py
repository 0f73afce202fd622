"""Gives every followed face its embedding, which tells who it is; renewed now and then, not in every frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.align import align
from edgefuse.vision.face.smooth import gap_s
from edgefuse.vision.model import ImageInput
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Face, Packet, Pixels

TASK = "embed_faces"
TEMPLATE = "arcface_112_v2"
"""All embedders so far were trained on it."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often to look."""

    renew_s: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.5
    """A face keeps its embedding for so long, or until its track ends."""


@dataclass(frozen=True, slots=True)
class Known:
    """The last embedding of one track."""

    embedding: NDArray[np.float32]
    captured_ns: int


class EmbedFaces:
    """The embedder with the memory of its crop, and what it said of each track."""

    def __init__(self, options: Options, context: StageContext) -> None:
        self._renew_s = options.renew_s
        self._model = context.models.model(TASK)
        self._input = ImageInput(self._model.variant.inputs[0], self._model.inputs[0])
        self._crop: Pixels = np.zeros((self._input.height_px, self._input.width_px, 3), np.uint8)
        self._known: dict[int, Known] = {}

    def run(self, packet: Packet) -> Packet:
        """Fill in ``embedding`` of the faces that are followed and have points."""
        faces = tuple(self._embedded(face, packet) for face in packet.faces)
        ids = {face.track_id for face in faces}
        self._known = {track_id: known for track_id, known in self._known.items() if track_id in ids}
        return replace(packet, faces=faces)

    def _embedded(self, face: Face, packet: Packet) -> Face:
        """Give the face with its embedding, old or new."""
        if not face.track_id or face.points is None:
            return face
        known = self._known.get(face.track_id)
        age_s = None if known is None else gap_s(known.captured_ns, packet.frame.captured_ns)
        if known is None or age_s is None or age_s >= self._renew_s:
            known = Known(self._embed(packet.frame.pixels, face.points), packet.frame.captured_ns)
            self._known[face.track_id] = known
        return replace(face, embedding=known.embedding)

    def _embed(self, pixels: Pixels, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the model on one face; gives a new (D,) float32 array of length 1."""
        align(pixels, points, TEMPLATE, self._crop)
        self._input.write(self._crop)
        self._model.run()
        values = self._model.outputs[0].reshape(-1).astype(np.float32)
        values /= max(float(np.linalg.norm(values)), 1e-12)
        return values

    def close(self) -> None:
        """Nothing of its own is open."""


PLUGIN: StageType = StageType(Options, EmbedFaces, thread="find", tasks=(TASK,))
