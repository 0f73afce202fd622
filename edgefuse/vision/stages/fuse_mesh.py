"""Lays a donor's face over the faces of a frame: mesh warp, skin colour, feathered hull.

It fails open: a face of which too little is known or seen is left as it is, fading in and out where that changes
(``edgefuse.vision.fusion.presence``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from edgefuse.errors import ConfigError
from edgefuse.vision.fusion import person
from edgefuse.vision.fusion.donor import load_donor
from edgefuse.vision.fusion.fuser import Fuser
from edgefuse.vision.fusion.reference import load_reference
from edgefuse.vision.fusion.targets import Policy, Targets
from edgefuse.vision.fusion.watch import Watch
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Face, Packet

MIN_FACE_PX = 12
"""Smaller faces show nothing that could be replaced."""
MAX_FACE_FRAMES = 8.0
"""A face so many times longer than the frame is an error of the model."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose face goes onto whose."""

    face: str | None = None
    """Photo of the donor; without it, the synthetic person of ``seed``."""
    seed: int = 4
    """4 is an adult in even light who looks at the camera with closed lips."""
    targets: Policy = "best"
    """The face that the models are most sure of, the largest one, the person of ``reference``, or every face."""
    reference: str | None = None
    """Photo of the one person to fuse the donor onto, for ``targets: reference``."""
    min_score: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.5
    """Faces that the models are less sure of are left as they are."""


class FuseMesh:
    """The donor on whoever is the target."""

    def __init__(self, options: Options, context: StageContext) -> None:
        longest_px = max(point.effect_px for point in context.ladder)
        photo = person.load_person(options.seed, context.models) if options.face is None else Path(options.face)
        self._options = options
        donor = load_donor(photo, context.models, context.ladder[0], longest_px)
        self._fuser = Fuser(donor, longest_px, context.height_px, context.width_px)
        self._targets = _open_targets(options, context)
        self._watch = Watch()
        self.passed_over = 0
        """Faces left as they were, for want of a mesh that can be trusted."""

    def run(self, packet: Packet) -> Packet:
        """Fuse the donor onto the targets in the frame's pixels."""
        self._fuser.forget_all_but({face.track_id for face in packet.faces})
        sure = [face for face in packet.faces if face.score >= self._options.min_score]
        usable = [face for face in sure if _has_usable_mesh(face, max(packet.frame.pixels.shape))]
        self.passed_over += len(sure) - len(usable)
        targets = self._targets.choose(usable, packet.frame.captured_ns)
        opacities = self._watch.opacities(usable, targets, packet.frame)
        for face, opacity in zip(usable, opacities, strict=True):
            if opacity > 0 and face.mesh is not None:
                self._fuser.fuse(packet.frame.pixels, face.mesh, face.track_id, packet.point.effect_px, opacity)
        return packet

    def close(self) -> None:
        """Nothing is open."""


def _open_targets(options: Options, context: StageContext) -> Targets:
    """Look at the reference's photo, if there is one."""
    if (options.targets == "reference") != (options.reference is not None):
        raise ConfigError(
            f"cannot fuse onto '{options.targets}' with {options.reference or 'no photo'} as reference: "
            "set both targets=reference and reference=PHOTO, or none of them"
        )
    if options.reference is None:
        return Targets(options.targets)
    person_sought = load_reference(Path(options.reference), context.models, context.ladder[0])
    return Targets(options.targets, person_sought)


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


def _wanted_stages(options: Options) -> tuple[str, ...]:
    """Ask for embeddings where a person is looked for."""
    return ("embed_faces",) if options.targets == "reference" else ()


PLUGIN: StageType = StageType(
    Options, FuseMesh, thread="compose", preparing_tasks=_preparing_tasks, wanted_stages=_wanted_stages
)
