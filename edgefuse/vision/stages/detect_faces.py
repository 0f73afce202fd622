"""Finds the faces of a whole frame when the tracker asks for it, or in every frame where there is no tracker.

A search that may wait keeps no frame waiting: the frame is only copied into the model's input, the model runs after the
packet was handed on, and what it finds comes out with the next packet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
import numpy as np

from edgefuse import registry
from edgefuse.errors import RuntimeRunError
from edgefuse.vision.detector import Decoder, DecoderType
from edgefuse.vision.face.letterbox import Letterbox
from edgefuse.vision.model import ImageInput, Model
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Face, Packet, Pixels, Search

TASK = "detect_faces"
MOST_FACES = 400
"""In a frame; whoever sees more sees wrong. A detector whose outputs are all zero sees up to thousands of them without
size, which nothing could hide, and which took seconds to follow."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What counts as a face."""

    min_score: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.5
    """Faces that the detector is less sure of are dropped; as MediaPipe."""


class Detector:
    """One opened detector with the memory of its input."""

    def __init__(self, model: Model) -> None:
        make: DecoderType = registry.load("edgefuse.vision.detectors", model.manifest.decoder)
        self._decoder: Decoder = make(model.variant)
        self._model = model
        self._input = ImageInput(model.variant.inputs[0], model.inputs[0])
        self._letterbox = Letterbox(self._input.width_px)

    def detect(self, pixels: Pixels, min_score: float) -> tuple[Face, ...]:
        """Find the faces of a frame, best first, in pixels of the frame.

        Raises:
            RuntimeRunError: The model failed.
        """
        self.show(pixels)
        return self.look(min_score)

    def show(self, pixels: Pixels) -> None:
        """Copy a frame into the input."""
        self._letterbox.write(pixels)
        self._input.write(self._letterbox.picture)

    def look(self, min_score: float) -> tuple[Face, ...]:
        """Find the faces of the frame that was shown last.

        Raises:
            RuntimeRunError: The model failed, or sees faces everywhere.
        """
        self._model.run()
        faces = self._decoder.decode(self._model.outputs, min_score)
        if len(faces) > MOST_FACES:
            raise RuntimeRunError(f"cannot use '{self._model.variant.id}': it sees {len(faces)} faces in one frame")
        return tuple(self._to_frame(face) for face in faces)

    def _to_frame(self, face: Face) -> Face:
        """Scale a face from the network's input to the frame."""
        box, eyes = (self._letterbox.to_frame(points.reshape(-1, 2)) for points in (face.box, face.eyes))
        points = None if face.points is None else self._letterbox.to_frame(face.points)
        return replace(face, box=box.reshape(4).astype(np.float32), eyes=eyes, points=points)


class DetectFaces:
    """Holds a detector for every point of the ladder; points that plan the same model share it."""

    def __init__(self, options: Options, context: StageContext) -> None:
        self._min_score = options.min_score
        self._attention = context.attention
        models = {point.detect_px: context.models.model(TASK, point.detect_px) for point in context.ladder}
        detectors = {id(model): Detector(model) for model in models.values()}
        self._detectors = {detect_px: detectors[id(model)] for detect_px, model in models.items()}
        self._waiting: Detector | None = None
        """Was shown a frame that it has not looked at yet."""
        self._found_late: tuple[Face, ...] = ()
        context.gap.append(self.catch_up)

    def run(self, packet: Packet) -> Packet:
        """Look at the whole frame if a search is due, or give what one found in the frame before."""
        self.catch_up()
        faces, self._found_late = self._found_late, ()
        if not self._attention.is_search_due:
            return replace(packet, faces=faces) if faces else packet
        detector = self._detectors[packet.point.detect_px]
        if self._attention.may_search_wait:
            detector.show(packet.frame.pixels)
            self._waiting = detector
            return replace(packet, faces=faces)
        return replace(packet, faces=detector.detect(packet.frame.pixels, self._min_score), search=Search.WHOLE)

    def catch_up(self) -> bool:
        """Do the search that was put off; should it fail, the next frame is searched without delay."""
        detector, self._waiting = self._waiting, None
        if detector is None:
            return False
        try:
            self._found_late = detector.look(self._min_score)
        except RuntimeRunError:
            self._attention.is_search_due, self._attention.may_search_wait = True, False
        return True

    def close(self) -> None:
        """Nothing of its own is open."""


PLUGIN: StageType = StageType(Options, DetectFaces, thread="find", tasks=(TASK,))
