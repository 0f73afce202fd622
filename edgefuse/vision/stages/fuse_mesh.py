"""Lays a donor's face over the faces of a frame: mesh warp, skin colour, feathered hull.

It fails open: a face of which too little is known or seen is left as it is, fading in and out where that changes
(``edgefuse.vision.fusion.presence``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec

from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import ConfigError
from edgefuse.vision.fusion import parsing, person
from edgefuse.vision.fusion.covering import Covering
from edgefuse.vision.fusion.donor import load_donor
from edgefuse.vision.fusion.fuser import Fuser
from edgefuse.vision.fusion.reference import load_reference
from edgefuse.vision.fusion.signs import has_usable_mesh
from edgefuse.vision.fusion.targets import Policy, Targets
from edgefuse.vision.fusion.watch import Watch
from edgefuse.vision.model import Models
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Packet


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose face goes onto whose."""

    face: str | None = None
    """Photo of the donor; without it, the synthetic person of ``seed``."""
    seed: int = 29
    """29 is an adult in even light who looks at the camera, and whom an embedder finds again on all faces tried."""
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
        self._fuser = Fuser((donor,), longest_px, context.height_px, context.width_px, keeps_eyes_and_mouth=True)
        self._targets = _open_targets(options, context)
        self._watch = Watch(_open_covering(context))

    def run(self, packet: Packet) -> Packet:
        """Fuse the donor onto the targets in the frame's pixels, and count those that stay as they are."""
        self._fuser.forget_all_but({face.track_id for face in packet.faces})
        sure = [face for face in packet.faces if face.score >= self._options.min_score]
        usable = [face for face in sure if has_usable_mesh(face, max(packet.frame.pixels.shape))]
        targets = self._targets.choose(usable, packet.frame.captured_ns)
        opacities = self._watch.opacities(usable, targets, packet.frame, packet.point.parse_every)
        for face, opacity in zip(usable, opacities, strict=True):
            if opacity > 0 and face.mesh is not None:
                self._fuser.fuse(packet.frame.pixels, face.mesh, face.track_id, packet.point.effect_px, opacity)
        paused = sum(face.track_id in targets and not o for face, o in zip(usable, opacities, strict=True))
        return replace(packet, passed_over=len(sure) - len(usable) + paused)

    def close(self) -> None:
        """End the thread in which a model looks for what covers faces."""
        self._watch.close()


def _open_covering(context: StageContext) -> Covering | None:
    """Let the model that tells hands from faces look at frames, where the ladder asks for it and the model is there."""
    is_asked = _lasting_tasks(context.ladder) and context.models.has(parsing.TASK)
    return Covering(context.models.model(parsing.TASK)) if is_asked else None


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


def _preparing_tasks(options: Options) -> tuple[str, ...]:
    """Ask for the model that tells hair from skin, and for those that draw the donor, unless that was done before."""
    photo = person.person_path(options.seed) if options.face is None else Path(options.face)
    hair = parsing.hair_path(photo)
    asked = () if hair is not None and hair.is_file() else (parsing.TASK,)
    return asked if options.face is not None or photo.is_file() else (*asked, person.TASK)


def _lasting_tasks(ladder: tuple[OperatingPoint, ...]) -> tuple[str, ...]:
    """Keep that model where a point asks for it."""
    return (parsing.TASK,) if any(point.parse_every for point in ladder) else ()


def _prepare(options: Options, models: Models) -> None:
    """Draw the donor, unless it is a photo or was drawn before."""
    if options.face is None:
        person.load_person(options.seed, models)


def _wanted_stages(options: Options) -> tuple[str, ...]:
    """Ask for embeddings where a person is looked for."""
    return ("embed_faces",) if options.targets == "reference" else ()


PLUGIN: StageType = StageType(
    Options,
    FuseMesh,
    thread="compose",
    preparing_tasks=_preparing_tasks,
    lasting_tasks=_lasting_tasks,
    prepare=_prepare,
    wanted_stages=_wanted_stages,
    is_synthetic=lambda _: True,
)
