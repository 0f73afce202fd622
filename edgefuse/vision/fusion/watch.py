"""Watches the faces of a stream and says how strongly each is fused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.canonical import turn_of
from edgefuse.vision.face.patches import PatchSampler, load_patches
from edgefuse.vision.fusion.occlusion import Occlusion
from edgefuse.vision.fusion.presence import PAUSED, Presence, Trust, first, step
from edgefuse.vision.fusion.signs import Signs, overlap_with_others, trust
from edgefuse.vision.types import Face, Frame

KEPT_S = 2.0
"""How long a face that is gone is remembered; the tracker gives ids back for one second."""
MIN_FACING = 0.6
"""Patches turned further away are not judged: when the head turns, background and ears slide under them."""


@dataclass(slots=True)
class Watched:
    """What is known of one track."""

    presence: Presence
    seen_ns: int
    occlusion: Occlusion = field(default_factory=Occlusion)


class Watch:
    """The faces that were seen lately."""

    def __init__(self) -> None:
        self._sampler = PatchSampler()
        self._patches = load_patches()
        self._face_patches = np.count_nonzero(self._patches.is_face)
        self._watched: dict[int, Watched] = {}

    def opacities(self, faces: Sequence[Face], targets: Collection[int], frame: Frame) -> list[float]:
        """Give the opacity of each face, 0..1; to be asked once a frame, before its pixels are drawn over.

        Args:
            faces: All that are followed in this frame, each with a finite mesh.
            targets: Ids of the tracks to fuse; others fade out if they are still fused.
            frame: Where they are.
        """
        opacities = [self._opacity(face, faces, frame, is_target=face.track_id in targets) for face in faces]
        self._mind_the_missing({face.track_id for face in faces}, frame.captured_ns)
        return opacities

    def _opacity(self, face: Face, faces: Sequence[Face], frame: Frame, *, is_target: bool) -> float:
        """Take one face's next step."""
        watched = self._watched.get(face.track_id)
        if watched is None:
            watched = Watched(PAUSED, frame.captured_ns)
            self._watched[face.track_id] = watched
            presence = first(self._trust(face, faces, frame, watched.occlusion)) if is_target else PAUSED
        else:
            sum_ = self._trust(face, faces, frame, watched.occlusion) if is_target else Trust.DOUBT
            presence = step(watched.presence, sum_, frame.captured_ns)
        watched.presence, watched.seen_ns = presence, frame.captured_ns
        return presence.opacity

    def _trust(self, face: Face, faces: Sequence[Face], frame: Frame, occlusion: Occlusion) -> Trust:
        """Read the signs of one face."""
        assert face.mesh is not None, "only faces with a mesh are watched"
        turn = turn_of(face.mesh)
        look, is_inside = self._sampler.look(frame.pixels, face.mesh)
        is_inside &= self._patches.is_face
        is_seen = is_inside & (self._patches.facing(turn) >= MIN_FACING)
        signs = Signs(
            score=face.score,
            facing=float(turn[2, 2]),
            in_frame=np.count_nonzero(is_inside) / self._face_patches,
            covered=occlusion.compare(look, is_seen, frame.captured_ns) if is_seen.any() else 0.0,
            overlapped=overlap_with_others(face, faces),
        )
        return trust(signs)

    def _mind_the_missing(self, seen: Collection[int], now_ns: int) -> None:
        """Faces that vanished come back as if from a pause, or, after a while, as new ones."""
        self._watched = {
            track_id: watched
            for track_id, watched in self._watched.items()
            if 0 <= now_ns - watched.seen_ns <= KEPT_S * NS_PER_S
        }
        for track_id in self._watched.keys() - seen:
            self._watched[track_id].presence = PAUSED
