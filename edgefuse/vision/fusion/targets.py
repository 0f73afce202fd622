"""Whom to fuse among several faces, chosen so that the choice does not jump between faces that are equally good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgefuse.clock import NS_PER_S
from edgefuse.vision.types import Face

Policy = Literal["best", "largest", "all", "reference"]
Embedding = NDArray[np.float32]
"""(D,) float32, L2-normalised."""

HOLD_S = 1.0
"""Nobody else becomes the target for so long after it was lost: behind a hand it is still there."""


@dataclass(frozen=True, slots=True)
class Merit:
    """What makes one face a better target than another."""

    of: Callable[[Face, Embedding | None], float]
    """Gives the merit of a face, the reference's embedding being known or not."""
    lead: float
    """Another face must be better by this before it becomes the target."""
    least: float = -np.inf
    """Faces below cannot become the target."""
    least_kept: float = -np.inf
    """A target that falls below is none any more."""


def _score(face: Face, _reference: Embedding | None) -> float:
    return face.score


def _size(face: Face, _reference: Embedding | None) -> float:
    """Give the logarithm of the box's area, so that a lead is a ratio."""
    width, height = np.maximum(face.box[2:] - face.box[:2], 1.0).tolist()
    return float(np.log(width * height))


def _likeness(face: Face, reference: Embedding | None) -> float:
    """Give the cosine to the reference."""
    if reference is None or face.embedding is None:
        return -1.0
    return float(face.embedding @ reference)


MERITS: Final[Mapping[Policy, Merit]] = {
    "best": Merit(_score, lead=0.2),
    "largest": Merit(_size, lead=float(np.log(1.5))),
    # MobileFaceNet gives one person .82 and two persons .005 on average; hardly two persons reach .4.
    "reference": Merit(_likeness, lead=0.2, least=0.4, least_kept=0.25),
}
"""By policy; ``all`` needs none."""


class Targets:
    """Chooses by one policy, frame after frame."""

    def __init__(self, policy: Policy, reference: Embedding | None = None) -> None:
        """Begin without a target.

        Args:
            policy: ``best``: the face that the models are surest of; ``largest``; ``reference``: the person of an
                embedding; ``all``.
            reference: Whose face ``reference`` looks for.
        """
        self._merit = MERITS.get(policy)
        self._reference = reference
        self._track_id = 0
        self._seen_ns = 0

    def choose(self, faces: Sequence[Face], now_ns: int) -> frozenset[int]:
        """Give the track ids of the targets.

        Args:
            faces: Those that could be fused in this frame, all followed.
            now_ns: When the frame was captured; a source that starts again may jump back.
        """
        if self._merit is None:
            return frozenset(face.track_id for face in faces)
        merits = {face.track_id: self._merit.of(face, self._reference) for face in faces}
        if self._track_id in merits or not self._is_held(now_ns):
            self._track_id, self._seen_ns = _choose(merits, self._merit, self._track_id), now_ns
        return frozenset((self._track_id,)) & merits.keys()

    def _is_held(self, now_ns: int) -> bool:
        """Tell whether a target that is not seen may still come back."""
        return self._track_id != 0 and 0 <= now_ns - self._seen_ns < HOLD_S * NS_PER_S


def _choose(merits: Mapping[int, float], merit: Merit, before: int) -> int:
    """Give the id of the next target, which is the one before unless another is clearly better; 0 for nobody."""
    kept = merits.get(before, -np.inf)
    is_kept = before in merits and kept >= merit.least_kept
    least = max(merit.least, kept + merit.lead) if is_kept else merit.least
    better = {track_id: value for track_id, value in merits.items() if value >= least and track_id != before}
    if better:
        return max(better, key=better.__getitem__)
    return before if is_kept else 0
