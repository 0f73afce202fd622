"""Follows faces from frame to frame by their landmarks, gives them ids, and says when the detector must look again.

A face is looked for where its last landmarks were; only faces that nobody follows yet come from the detector. The
detector is asked for when nothing is followed, when a face was lost, when it sees a face in which the landmark model
sees none, and every ``OperatingPoint.detect_every`` frames; the last two only while more faces may be followed, or
where an effect must know of all. Unless one must, the last search keeps no frame waiting, and newcomers are taken up
one frame later. Faces without landmarks are passed on with ``track_id`` 0 and no mesh: what hides faces must hide them
too. Where faces meet, ``edgefuse.vision.face.identity`` tells who is who; the one behind is passed on likewise, in a
box around the places where it may be, and looked for in every frame.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.geometry import box_around, box_overlap, box_share, region_around, scale_box
from edgefuse.vision.face.identity import sketch, strangeness
from edgefuse.vision.face.lost import SAME_FACE_OVERLAP, Lost, LostFaces
from edgefuse.vision.face.mesh_model import MeshModel
from edgefuse.vision.face.patches import Look, PatchSampler
from edgefuse.vision.face.track import REGION_MARGIN, Track
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Face, Packet, Search

TASK = "track_faces"

OWN_SCALE, OWN_SHARE = 1.5, 0.9
"""A detection of a followed face has at least this share in the track's box, scaled so about its middle: all of it on
every frame of the default clip, and what hides faces hides about as much."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many faces to follow, and how."""

    max_faces: Annotated[int, msgspec.Meta(ge=1)] = 4
    """Faces that are followed at the same time; each costs a run of the landmark model a frame."""
    min_score: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.5
    """A face is lost when the landmark model is less sure than this that it sees one; as MediaPipe."""
    is_smoothed: bool = True
    """Smooth the landmarks in time; off, they are what the model says."""


class TrackFaces:
    """The faces that are followed now and those that were just lost."""

    def __init__(self, options: Options, context: StageContext) -> None:
        self._options = options
        self._attention = context.attention
        self._mesh_model = MeshModel(context.models.model(TASK))
        self._sampler = PatchSampler()
        self._tracks: list[Track] = []
        self._lost = LostFaces()
        self._last_id = 0
        self._frames_since_search = 0

    def run(self, packet: Packet) -> Packet:
        """Follow known faces, take up new ones, decide whether the detector looks at the next frame."""
        is_searched = packet.search is Search.WHOLE
        is_begun = is_searched or self._attention.is_search_due
        self._attention.is_search_due, self._attention.may_search_wait = True, False  # stays so if a model fails below
        # What a search in the frame before found is compared with where the tracks were then.
        late = [] if is_searched else self._others(packet)
        known = len(self._tracks)
        self._tracks = self._keep_apart([track for track in self._tracks if self._follow(track, packet)], packet)
        has_lost = len(self._tracks) < known
        detected = self._others(packet) if is_searched else late
        unconfirmed = [face for face in detected if not self._take_up(face, packet)]
        self._frames_since_search = 0 if is_begun else self._frames_since_search + 1
        hidden = self._lost.hidden(packet.frame.captured_ns)
        is_urgent = not self._tracks or has_lost or bool(hidden) or (bool(unconfirmed) and self._wants_newcomers())
        is_interval_over = self._frames_since_search + 1 >= self._search_every(packet)
        self._attention.is_search_due = is_urgent or (is_interval_over and self._wants_newcomers())
        self._attention.may_search_wait = not is_urgent and self._attention.search_every is None
        faces = (*(track.face for track in self._tracks), *unconfirmed, *hidden)
        return replace(packet, faces=faces, search=Search.WHOLE if is_searched else Search.TRACKED)

    def _others(self, packet: Packet) -> list[Face]:
        """Give the detected faces that nobody follows."""
        return [face for face in packet.faces if not _is_inside(face, self._tracks)]

    def _wants_newcomers(self) -> bool:
        """Tell whether it would matter if the detector found another face: there is room, or an effect must know."""
        return len(self._tracks) < self._options.max_faces or self._attention.search_every is not None

    def _search_every(self, packet: Packet) -> int:
        """Give the most frames from one search to the next: what the point allows, or less if an effect asks for it."""
        wish = self._attention.search_every
        return packet.point.detect_every if wish is None else min(wish, packet.point.detect_every)

    def _follow(self, track: Track, packet: Packet) -> bool:
        """Move one track on to this frame and tell whether the face is still there."""
        captured_ns = packet.frame.captured_ns
        if track.frames_since_mesh + 1 < packet.point.mesh_every:
            track.predict(captured_ns)
            return True
        if self._look(track, packet):
            return True
        others = (other for other in self._tracks if other is not track)
        hider = next((other for other in others if box_overlap(track.face.box, other.face.box)), None)
        self._lost.add(Lost(track.face, track.sketch, captured_ns, hider))
        return False

    def _keep_apart(self, tracks: list[Track], packet: Packet) -> list[Track]:
        """Where tracks have met on one face, leave only the one whose face it is; sketch those that are alone."""
        if len(tracks) < 2:
            return tracks
        captured_ns = packet.frame.captured_ns
        looks = {track.track_id: self._look_of(track, packet) for track in tracks}
        kept: list[Track] = []
        # Whoever fits best what is known of it comes first; the sort is stable, so that the older one wins a tie.
        for track in sorted(tracks, key=lambda t: _doubt(t, looks[t.track_id], captured_ns)):
            owner = next((other for other in kept if _is_followed(track.face, [other])), None)
            if owner is None:
                kept.append(track)
            else:
                self._lost.add(Lost(track.face, track.sketch, captured_ns, owner))
        for track in kept:
            if not any(box_overlap(track.face.box, other.face.box) for other in tracks if other is not track):
                track.sketch = sketch(track.sketch, looks[track.track_id], track.face.box, captured_ns)
        return [track for track in tracks if track in kept]

    def _look_of(self, track: Track, packet: Packet) -> Look:
        """Read how a followed face looks in this frame."""
        assert track.face.mesh is not None, "a track has a mesh"
        return self._sampler.look(packet.frame.pixels, track.face.mesh)[0]

    def _look(self, track: Track, packet: Packet) -> bool:
        """Run the landmark model where the track's face should be and tell whether it is there."""
        mesh, score = self._mesh_model.read(packet.frame.pixels, track.region)
        box = box_around(mesh)
        if score < self._options.min_score or not _is_in_frame(box, packet.frame.pixels.shape):
            return False
        track.observe(mesh, box, score, packet.frame.captured_ns)
        return True

    def _take_up(self, face: Face, packet: Packet) -> bool:
        """Begin to follow a detected face if there is room and the landmark model sees it too."""
        if len(self._tracks) >= self._options.max_faces:
            return False
        region = region_around(face.box, face.eyes, REGION_MARGIN)
        track = Track(self._last_id + 1, region, is_smoothed=self._options.is_smoothed)
        if not self._look(track, packet) or _is_followed(track.face, self._tracks):
            return False
        now_ns = packet.frame.captured_ns
        if self._lost.has_any(now_ns):
            before = self._lost.take_back(face, track.face.box, self._look_of(track, packet), now_ns)
            track.rename(before or track.track_id)
        self._last_id = max(self._last_id, track.track_id)
        self._tracks.append(track)
        return True

    def close(self) -> None:
        """Nothing of its own is open."""


def _is_followed(face: Face, tracks: list[Track]) -> bool:
    """Tell whether one of the tracks is on that face."""
    return any(box_overlap(face.box, track.face.box) > SAME_FACE_OVERLAP for track in tracks)


def _is_inside(face: Face, tracks: list[Track]) -> bool:
    """Tell whether a detected face is what one of the tracks is on; one that sticks out is somebody else."""
    return any(
        box_share(face.box, track.face.box) > SAME_FACE_OVERLAP
        and box_share(face.box, scale_box(track.face.box, OWN_SCALE)) > OWN_SHARE
        for track in tracks
    )


def _doubt(track: Track, look: Look, now_ns: int) -> float:
    """Tell how little what a track sees is like its face; a new one, of which nothing is known, yields to all."""
    return np.inf if track.sketch is None else strangeness(track.sketch, look, track.face.box, now_ns)


def _is_in_frame(box: NDArray[np.float32], shape: tuple[int, ...]) -> bool:
    """Tell whether a box has a size and any part of it lies in a frame of (height, width, …)."""
    x1, y1, x2, y2 = box.tolist()
    return bool(x2 - x1 >= 1 and y2 - y1 >= 1 and x2 > 0 and y2 > 0 and x1 < shape[1] and y1 < shape[0])


PLUGIN: StageType = StageType(Options, TrackFaces, thread="find", tasks=(TASK,))
