"""Watches the faces of a stream and says how strongly each is fused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.canonical import turn_of
from edgefuse.vision.face.patches import Grid, Look, PatchSampler, load_patches
from edgefuse.vision.fusion.covering import Covering
from edgefuse.vision.fusion.occlusion import COVERED_SHARE, MIN_FACING, Occlusion
from edgefuse.vision.fusion.presence import PAUSED, Presence, Trust, first, step
from edgefuse.vision.fusion.signs import DOUBTED, TRUSTED, Signs, overlap_with_others, trust
from edgefuse.vision.types import Face, Frame

KEPT_S = 2.0
"""How long a face that is gone is remembered; the tracker gives ids back for one second."""


@dataclass(slots=True)
class Watched:
    """What is known of one track."""

    presence: Presence
    seen_ns: int
    occlusion: Occlusion = field(default_factory=Occlusion)
    is_strange: bool = False
    """By its colours in the last frame, something covers it."""
    was_parsed_covered: bool = False
    """The model said so and has not called it clear since: the colours remembered may be those of what covers it."""

    def compare(self, look: Look, is_seen: Grid, now_ns: int, parsed: float | None) -> float:
        """Tell how much is covered by its colours; arguments as of ``Occlusion.compare`` and ``Covering.share``."""
        is_parsed_covered = parsed is not None and parsed > DOUBTED.parsed
        covered = self.occlusion.compare(look, is_seen, now_ns, may_learn=not is_parsed_covered)
        self.was_parsed_covered |= is_parsed_covered
        if self.was_parsed_covered and parsed is not None and parsed <= TRUSTED.parsed:
            self.was_parsed_covered = False
            if covered >= COVERED_SHARE:
                self.occlusion, covered = Occlusion(), 0.0  # what is strange now is the face
        return covered


class Watch:
    """The faces that were seen lately."""

    def __init__(self, covering: Covering | None = None) -> None:
        self._covering = covering
        self._sampler = PatchSampler()
        self._patches = load_patches()
        self._face_patches = np.count_nonzero(self._patches.is_face)
        self._watched: dict[int, Watched] = {}

    def opacities(
        self, faces: Sequence[Face], targets: Collection[int], frame: Frame, parse_every: int | None = None
    ) -> list[float]:
        """Give the opacity of each face, 0..1; to be asked once a frame, before its pixels are drawn over.

        Args:
            faces: All that are followed in this frame, each with a finite mesh.
            targets: Ids of the tracks to fuse; others fade out if they are still fused.
            frame: Where they are.
            parse_every: As in ``OperatingPoint``.
        """
        if self._covering:
            self._covering.begin({face.track_id for face in faces})
        opacities = [self._opacity(face, faces, frame, is_target=face.track_id in targets) for face in faces]
        self._mind_the_missing({face.track_id for face in faces}, frame.captured_ns)
        if self._covering:
            self._covering.look([face for face in faces if face.track_id in targets], frame.pixels, parse_every)
        return opacities

    def close(self) -> None:
        """End the thread of the model."""
        if self._covering:
            self._covering.close()

    def _opacity(self, face: Face, faces: Sequence[Face], frame: Frame, *, is_target: bool) -> float:
        """Take one face's next step."""
        watched = self._watched.get(face.track_id)
        if watched is None:
            watched = Watched(PAUSED, frame.captured_ns)
            self._watched[face.track_id] = watched
            presence = first(self._trust(face, faces, frame, watched)) if is_target else PAUSED
        else:
            sum_ = self._trust(face, faces, frame, watched) if is_target else Trust.DOUBT
            presence = step(watched.presence, sum_, frame.captured_ns)
        watched.presence, watched.seen_ns = presence, frame.captured_ns
        return presence.opacity

    def _trust(self, face: Face, faces: Sequence[Face], frame: Frame, watched: Watched) -> Trust:
        """Read the signs of one face."""
        assert face.mesh is not None, "only faces with a mesh are watched"
        turn = turn_of(face.mesh)
        look, is_inside = self._sampler.look(frame.pixels, face.mesh)
        is_inside &= self._patches.is_face
        is_seen = is_inside & (self._patches.facing(turn) >= MIN_FACING)
        covered, parsed = self._covered(look, is_seen, face.track_id, frame, watched)
        signs = Signs(
            score=face.score,
            facing=float(turn[2, 2]),
            in_frame=np.count_nonzero(is_inside) / self._face_patches,
            covered=covered,
            parsed=parsed,
            overlapped=overlap_with_others(face, faces),
        )
        return trust(signs)

    def _covered(self, look: Look, is_seen: Grid, track_id: int, frame: Frame, watched: Watched) -> tuple[float, float]:
        """Tell how much of a face is covered: by its colours, and by the model."""
        parsed = self._covering.share(track_id) if self._covering else None
        covered = watched.compare(look, is_seen, frame.captured_ns, parsed) if is_seen.any() else 0.0
        is_strange = covered >= COVERED_SHARE
        if self._covering and watched.is_strange and not is_strange:
            self._covering.forget(track_id)  # it spoke of what has left
            watched.was_parsed_covered, parsed = False, None
        watched.is_strange = is_strange
        return covered, parsed or 0.0

    def _mind_the_missing(self, seen: Collection[int], now_ns: int) -> None:
        """Faces that vanished come back as if from a pause, or, after a while, as new ones."""
        self._watched = {
            track_id: watched
            for track_id, watched in self._watched.items()
            if 0 <= now_ns - watched.seen_ns <= KEPT_S * NS_PER_S
        }
        for track_id in self._watched.keys() - seen:
            self._watched[track_id].presence = PAUSED
