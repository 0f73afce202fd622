"""What a block of frames tells of two pipelines that both worked on them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from edgefuse import clock
from edgefuse.ipc import Times
from edgefuse.vision.face.geometry import box_share
from edgefuse.vision.types import Face
from edgefuse.worker.stage_runner import Spent

SAME_FACE_IOU = 0.5  # as detectors are commonly scored: PASCAL VOC
_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Block:
    """The frames that were counted so far."""

    old: list[Spent] = field(default_factory=list)
    new: list[Spent] = field(default_factory=list)
    old_faces: int = 0
    both_faces: int = 0

    def add(self, old: Spent, old_faces: Sequence[Face], new: Spent, new_faces: Sequence[Face]) -> None:
        """Count a frame."""
        self.old.append(old)
        self.new.append(new)
        self.old_faces += len(old_faces)
        self.both_faces += count_found(old_faces, new_faces)

    @property
    def new_limit_hz(self) -> float:
        """Frames a second that the newcomer could deliver, find and compose at the same time."""
        threads = ([spent.find_ns for spent in self.new], [spent.compose_ns for spent in self.new])
        return clock.NS_PER_S / max(statistics.median(thread) for thread in threads)


def sum_up(spent: Sequence[Spent]) -> Times:
    """Give median and 95th percentile."""
    ordered_ns = sorted(frame.total_ns for frame in spent)
    p95_ns = ordered_ns[math.ceil(0.95 * len(ordered_ns)) - 1]
    return Times(statistics.median(ordered_ns) / _NS_PER_MS, p95_ns / _NS_PER_MS)


def count_found(faces: Sequence[Face], others: Sequence[Face]) -> int:
    """Count the faces that are among others, too; each of those stands for one face."""
    left = list(others)
    for face in faces:
        overlaps = [_iou(face, other) for other in left]
        if overlaps and max(overlaps) >= SAME_FACE_IOU:
            del left[overlaps.index(max(overlaps))]
    return len(others) - len(left)


def _iou(face: Face, other: Face) -> float:
    """Give the area that two boxes have in common, as a share of the area of both together."""
    of_face, of_other = box_share(face.box, other.box), box_share(other.box, face.box)
    return 1 / (1 / of_face + 1 / of_other - 1) if of_face and of_other else 0.0
