"""Lays a donor's face over the faces of a frame: mesh warp, skin colour, feathered hull.

It fails open: a face of which too little is known or seen is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.fusion import person
from edgefuse.vision.fusion.area import area_around
from edgefuse.vision.fusion.blend import Blender, Matte
from edgefuse.vision.fusion.colour import Skin, SkinMeter, recolour
from edgefuse.vision.fusion.donor import load_donor
from edgefuse.vision.fusion.warp import MeshWarp
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Face, Packet

MIN_FACE_PX = 12
"""Smaller faces show nothing that could be replaced."""
MAX_FACE_FRAMES = 8.0
"""A face so many times longer than the frame is an error of the model."""

LOYALTY = 0.2
"""Another face must be surer by this before it becomes the target, or two faces would take turns."""

SKIN_SHARE = 0.1
"""Of the way to the skin just measured, each frame: light changes slowly, and noise must not make the face flicker."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose face goes onto whose."""

    face: str | None = None
    """Photo of the donor; without it, the synthetic person of ``seed``."""
    seed: int = 4
    """4 is an adult in even light who looks at the camera with closed lips."""
    targets: Literal["best", "all"] = "best"
    """The face that the models are most sure of, or every face."""
    min_score: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.5
    """Faces that the models are less sure of are left as they are."""


class FuseMesh:
    """The donor, the work buffers and each target's skin."""

    def __init__(self, options: Options, context: StageContext) -> None:
        longest_px = max(point.effect_px for point in context.ladder)
        photo = person.load_person(options.seed, context.models) if options.face is None else Path(options.face)
        self._options = options
        self._donor = load_donor(photo, context.models, context.ladder[0], longest_px)
        self._warp = MeshWarp(longest_px)
        self._matte = Matte(longest_px)
        self._meter = SkinMeter()
        self._blender = Blender(context.height_px, context.width_px)
        self._skins: dict[int, Skin] = {}
        self._best_id = 0
        self.passed_over = 0
        """Faces left as they were, for want of a mesh that can be trusted."""

    def run(self, packet: Packet) -> Packet:
        """Fuse the donor onto the targets in the frame's pixels."""
        known = {face.track_id for face in packet.faces}
        self._skins = {track: skin for track, skin in self._skins.items() if track in known}
        sure = [face for face in packet.faces if face.score >= self._options.min_score]
        usable = [face for face in sure if _has_usable_mesh(face, max(packet.frame.pixels.shape))]
        self.passed_over += len(sure) - len(usable)
        for face in self._targets(usable):
            self._fuse(packet, face)
        return packet

    def close(self) -> None:
        """Nothing is open."""

    def _targets(self, faces: Sequence[Face]) -> Sequence[Face]:
        """Choose whom to fuse."""
        if self._options.targets == "all" or not faces:
            return faces
        best = max(faces, key=lambda face: face.score + LOYALTY * (face.track_id == self._best_id))
        self._best_id = best.track_id
        return (best,)

    def _fuse(self, packet: Packet, face: Face) -> None:
        """Fuse one face."""
        pixels, mesh = packet.frame.pixels, face.mesh
        assert mesh is not None, "only faces with a mesh are targets"
        area = area_around(box_around(mesh), pixels.shape, packet.point.effect_px)
        if area is None:
            return
        target = area.cut(pixels)
        height, width = area.work_height_px, area.work_width_px
        work_mesh = area.to_work(mesh)
        numbers = self._warp.draw(work_mesh, height, width)
        alpha = self._matte.draw(work_mesh, numbers)
        face_px = int(np.ptp(work_mesh[:, :2], axis=0).max())
        picture = self._warp.bend(self._donor.texture(face_px), work_mesh, numbers)
        measured = self._meter.measure(target, mesh[:, :2] - (area.left_px, area.top_px))
        if measured is not None:
            recolour(picture, self._donor.skin, self._smooth(face.track_id, measured))
        self._blender.lay(picture, alpha, target)

    def _smooth(self, track_id: int, measured: Skin) -> Skin:
        """Follow the skin of a track slowly; a face without a track has no past."""
        before = self._skins.get(track_id)
        skin = measured if track_id == 0 or before is None else before.toward(measured, SKIN_SHARE)
        self._skins[track_id] = skin
        return skin


def _has_usable_mesh(face: Face, frame_px: int) -> bool:
    """Tell whether the mesh of a face is one: finite, and of a size that a face can have."""
    if face.mesh is None or not np.isfinite(face.mesh).all():
        return False
    face_px = float(np.ptp(face.mesh[:, :2], axis=0).max())
    return MIN_FACE_PX <= face_px <= MAX_FACE_FRAMES * frame_px


def _preparing_tasks(options: Options) -> tuple[str, ...]:
    """Ask for the models that draw the donor, unless there is one."""
    has_donor = options.face is not None or person.person_path(options.seed).is_file()
    return () if has_donor else (person.TASK,)


PLUGIN: StageType = StageType(Options, FuseMesh, thread="compose", preparing_tasks=_preparing_tasks)
