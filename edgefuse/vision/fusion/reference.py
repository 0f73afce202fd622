"""The person of a photo, as faces in frames are compared with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from edgefuse import registry
from edgefuse.config.profile import OperatingPoint
from edgefuse.vision.fusion.donor import find_in_photo
from edgefuse.vision.fusion.targets import Embedding
from edgefuse.vision.model import Models
from edgefuse.vision.pool import Buffer
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Attention, Frame, Packet

STAGES = ("align_faces", "embed_faces")
"""What follows finding; in frames the same stages do it."""


def load_reference(photo: Path, models: Models, point: OperatingPoint) -> Embedding:
    """Give the embedding of the largest face of a photo.

    Args:
        photo: Any picture that OpenCV reads.
        models: Those that find and embed faces in frames.
        point: Selects the detector.

    Raises:
        EdgefuseError: The photo cannot be read, shows no face, or only one that is too small.
    """
    pixels, face = find_in_photo(photo, models, point)
    height_px, width_px = pixels.shape[:2]
    context = StageContext(models, (point,), height_px, width_px, Attention())
    packet = Packet(Frame(np.ascontiguousarray(pixels), 0, 0, Buffer(0)), point, (replace(face, track_id=1),))
    for name in STAGES:
        kind: StageType = registry.load("edgefuse.vision.stages", name)
        stage = kind.make(kind.options(), context)
        packet = stage.run(packet)
        stage.close()
    embedding = packet.faces[0].embedding
    assert embedding is not None, "embed_faces embeds every followed face"
    return embedding
