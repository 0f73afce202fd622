"""The contract of a detector's decoder; implementations live in ``edgefuse/vision/detectors/``, named as in YAML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgefuse.config.manifest import Variant
from edgefuse.vision.types import Face


class Decoder(Protocol):
    """Understands the outputs of one family of detectors at one input size."""

    def decode(self, outputs: Sequence[NDArray[np.generic]], min_score: float) -> list[Face]:
        """Turn raw outputs into faces, best first, overlapping ones merged.

        Args:
            outputs: In the order of the variant's ``outputs``.
            min_score: Faces below are dropped, 0..1.

        Returns:
            Faces in pixels of the network's input; the caller scales them to the frame.
        """
        ...


DecoderType = Callable[[Variant], Decoder]
"""The ``PLUGIN`` of a decoder's file: makes a decoder, with its anchors, for one variant."""
