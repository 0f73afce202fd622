"""Which parts of a frame must be hidden, decided so that doubt hides more, never less.

    blind  ── a whole search ──────────────────────────────────────────► seeing
    seeing ── nothing known of a frame, and no face held ──────────────► blind
    seeing ── no whole search for ``hold_s``, or a lost face that none
              has looked for since its hold ended ─────────────────────► blind

Blind, the whole frame is hidden; it is so at the start. Seeing, every face is hidden where it is. A face that is lost
stays hidden where it was, growing, for ``hold_s``, even if searches do not find it: detectors miss faces behind hands.
Pure decisions, without pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.geometry import box_around, box_share
from edgefuse.vision.types import Face, Search

Outline = NDArray[np.float32]
"""(N, 2) float32: a convex polygon in pixels of the frame; may reach over its border."""

MESH_MARGIN_SHARE = 0.25
"""Added around a mesh on every side, in units of its size: it ends at the hairline and before the ears."""
BOX_MARGIN_SHARE = 0.3
"""The same around a detector's box, which says less about where the head ends."""
GROWTH_PER_S = 0.25
"""How fast the veil of a lost face grows: its share of the veil's size."""
SAME_FACE_OVERLAP = 0.5
"""A newcomer that shares more than this of the larger box with a lost face is that face. By the smaller box a
child before a hidden face would take its veil."""

_ELLIPSE_POINTS = 24


@dataclass(frozen=True, slots=True)
class Veil:
    """What hides one face."""

    outline: Outline
    track_id: int
    seen_ns: int

    def outline_at(self, now_ns: int) -> Outline:
        """Give the outline, larger the longer the face was not seen."""
        return _grow(self.outline, GROWTH_PER_S * (now_ns - self.seen_ns) / NS_PER_S)


@dataclass(frozen=True, slots=True)
class Cover:
    """All that is hidden in a frame."""

    veils: tuple[Veil, ...] = ()
    searched_ns: int | None = None
    """When a whole search was last seen; nothing while blind."""

    @property
    def is_whole(self) -> bool:
        """Nobody knows what the frame shows: hide all of it."""
        return self.searched_ns is None


def step(cover: Cover, sightings: Sequence[Veil], search: Search, now_ns: int, hold_s: float) -> Cover:
    """Decide what to hide in the next frame.

    Args:
        cover: What was hidden in the last frame.
        sightings: The faces known in this frame.
        search: How well they are known.
        now_ns: When the frame was captured; a source that starts again may jump back.
        hold_s: How long a lost face stays hidden, and how long the last whole search counts.
    """
    lost = [replace(v, seen_ns=min(v.seen_ns, now_ns)) for v in _unseen(cover.veils, sightings)]
    held = [veil for veil in lost if now_ns - veil.seen_ns <= hold_s * NS_PER_S]
    veils = (*sightings, *held)
    if search is Search.WHOLE:
        return Cover(veils, now_ns)
    if cover.searched_ns is None:
        return Cover(veils)
    is_stale = now_ns - cover.searched_ns > hold_s * NS_PER_S
    has_unfound = len(held) < len(lost)
    is_unknown = search is not Search.TRACKED and not veils
    return Cover(veils, None if is_stale or has_unfound or is_unknown else min(cover.searched_ns, now_ns))


def make_veil(face: Face, seen_ns: int) -> Veil | None:
    """Give what hides a face, forehead and ears included; nothing if its place is not a finite number."""
    box_ring = _ellipse(face.box)
    if face.mesh is not None and np.isfinite(face.mesh).all():
        outline = _grow(face.mesh[:, :2], 2 * MESH_MARGIN_SHARE)
    else:
        outline = _grow(box_ring, 2 * BOX_MARGIN_SHARE)
    if not np.isfinite(outline).all():
        return None
    return Veil(cv2.convexHull(outline).reshape(-1, 2).astype(np.float32), face.track_id, seen_ns)


def _unseen(veils: Sequence[Veil], sightings: Sequence[Veil]) -> list[Veil]:
    """Give the veils whose face is in none of the sightings."""
    known = {sighting.track_id for sighting in sightings if sighting.track_id}
    unseen = [veil for veil in veils if veil.track_id not in known]
    before = {veil.track_id for veil in veils if veil.track_id}
    for newcomer in (sighting for sighting in sightings if sighting.track_id not in before):
        overlaps = [_overlap(newcomer, veil) for veil in unseen]
        if overlaps and max(overlaps) > SAME_FACE_OVERLAP:
            del unseen[overlaps.index(max(overlaps))]
    return unseen


def _overlap(a: Veil, b: Veil) -> float:
    """Give the share 0..1 of the larger box that lies in the other."""
    boxes = box_around(a.outline), box_around(b.outline)
    return min(box_share(*boxes), box_share(*reversed(boxes)))


def _grow(outline: Outline, share: float) -> Outline:
    """Scale points around the centre of their box by ``1 + share``."""
    centre = box_around(outline).reshape(2, 2).mean(axis=0)
    grown: Outline = ((outline - centre) * (1 + share) + centre).astype(np.float32)
    return grown


def _ellipse(box: NDArray[np.float32]) -> Outline:
    """Give points of the ellipse that touches a box from inside."""
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_POINTS, endpoint=False)
    corners = box.reshape(2, 2)
    ring = np.stack((np.cos(angles), np.sin(angles)), axis=1) * (corners[1] - corners[0]) / 2
    return np.asarray(ring + corners.mean(axis=0), np.float32)
