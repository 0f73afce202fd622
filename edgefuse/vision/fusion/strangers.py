"""Faces of people who do not exist, for those who shall not be known.

A stranger is laid over pixels that were concealed before, eyes and mouth included, and takes its light from them. So
nothing in it is of the person but place, pose, a rest of shape and expression, and what the concealing kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefuse.errors import EdgefuseError
from edgefuse.vision.fusion import person
from edgefuse.vision.fusion.donor import Donor, load_donor
from edgefuse.vision.fusion.fuser import Fuser
from edgefuse.vision.fusion.reference import load_reference
from edgefuse.vision.fusion.reshape import reshape
from edgefuse.vision.fusion.signs import has_usable_mesh
from edgefuse.vision.fusion.targets import Embedding
from edgefuse.vision.fusion.watch import Watch
from edgefuse.vision.model import Models
from edgefuse.vision.stage import StageContext
from edgefuse.vision.types import Face, Packet

SEEDS = (26, 15, 29, 27)
"""Adults who look at the camera in even light, and not like each other: whoever it is, one is unlike him."""
SHAPE_SHARE = 0.7
"""Of the way to the stranger's own shape; the rest lets mouths and lids move a little."""

Likeness = NDArray[np.float32]
"""(strangers,) float32: cosine between a face and each stranger."""


@dataclass(frozen=True, slots=True)
class Wearer:
    """A face that a stranger's is laid over."""

    face: Face
    opacity: float
    """Above 0, up to 1."""


class Strangers:
    """The strangers, and who wears which."""

    def __init__(self, context: StageContext) -> None:
        """Load all strangers; those of whom there is no photo are drawn first.

        Raises:
            EdgefuseError: A photo is not there, and the models to draw it are not either.
            StoreError: A photo cannot be written.
            RuntimeRunError: A model failed.
        """
        models, longest_px = context.models, max(point.effect_px for point in context.ladder)
        photos = load_strangers(models)
        donors = [_complete(load_donor(photo, models, context.ladder[0], longest_px)) for photo in photos]
        self._shapes = [donor.textures[0].mesh for donor in donors]
        self._identities = np.stack([load_reference(photo, models, context.ladder[0]) for photo in photos])
        self._fuser = Fuser(donors, longest_px, context.height_px, context.width_px, keeps_eyes_and_mouth=False)
        self._watch = Watch()
        self._worn: dict[int, int] = {}

    def choose(self, packet: Packet, track_ids: Collection[int]) -> list[Wearer]:
        """Say who wears a stranger in a frame; to be asked once, before its pixels are concealed.

        Args:
            packet: The frame and all that is known of its faces.
            track_ids: Of all who are hidden, lost ones included; all others are forgotten.
        """
        likenesses = {face.track_id: self._likeness(face.embedding) for face in packet.faces}
        self._worn = assign(self._worn, track_ids, likenesses, len(SEEDS))
        self._fuser.forget_all_but(track_ids)
        frame_px = max(packet.frame.pixels.shape)
        followed = [face for face in packet.faces if face.track_id in self._worn and has_usable_mesh(face, frame_px)]
        opacities = self._watch.opacities(followed, self._worn, packet.frame)
        return [Wearer(face, opacity) for face, opacity in zip(followed, opacities, strict=True) if opacity > 0]

    def lay(self, packet: Packet, wearer: Wearer) -> None:
        """Lay a stranger over a face of ``choose``, which is concealed now, in the frame's pixels."""
        face = wearer.face
        assert face.mesh is not None, "only faces with a mesh are chosen"
        donor = self._worn[face.track_id]
        mesh = reshape(face.mesh, self._shapes[donor], SHAPE_SHARE)
        self._fuser.fuse(packet.frame.pixels, mesh, face.track_id, packet.point.effect_px, wearer.opacity, donor=donor)

    def _likeness(self, embedding: Embedding | None) -> Likeness:
        """Compare a face with every stranger; one of which nothing is known is like nobody."""
        if embedding is None:
            return np.zeros(len(self._identities), np.float32)
        return np.asarray(self._identities @ embedding, np.float32)


def assign(
    worn: Mapping[int, int], track_ids: Collection[int], likenesses: Mapping[int, Likeness], strangers: int
) -> dict[int, int]:
    """Say which stranger each track wears from now on.

    Args:
        worn: Which each wore before.
        track_ids: Of all who are hidden now.
        likenesses: Of those whose faces are seen.
        strangers: How many there are.

    Returns:
        Each newcomer gets, of the strangers that the fewest wear, the one least like him: whoever comes back alone has
        the same face again, and two share one only where there are more tracks than strangers.
    """
    kept = {track: stranger for track, stranger in worn.items() if track in track_ids}
    for track in sorted(set(track_ids) - kept.keys()):
        taken, likeness = list(kept.values()), likenesses.get(track, np.zeros(strangers, np.float32))
        kept[track] = min(range(strangers), key=lambda s: (taken.count(s), float(likeness[s])))
    return kept


def _complete(donor: Donor) -> Donor:
    """Let a donor keep its own shadows and the skin that took the place of its hair: what is below has neither."""
    for texture in donor.textures:
        texture.pixels[:, :, 3] = 255
    weights = donor.shine[:, 3:]
    shine = donor.shine.copy()
    shine[:, :3] = weights * (shine[:, :3].sum(axis=0) / weights.sum())
    return replace(donor, shine=shine)


def load_strangers(models: Models) -> list[Path]:
    """Give the photos of all strangers; those that are not there are drawn.

    Raises:
        EdgefuseError: A photo is not there, and the models to draw it are not either.
        StoreError: A photo cannot be written.
        RuntimeRunError: A model failed.
    """
    if missing_seeds() and not person.can_make(models):
        raise EdgefuseError(
            "cannot make synthetic faces: the models for them are not here, or do not run here; hide faces with "
            "`--set anonymise.method=pixelate`, or get the models with `edgefuse models fetch --optional` "
            "(`edgefuse plan` says what runs)"
        )
    return [person.load_person(seed, models) for seed in SEEDS]


def missing_seeds() -> tuple[int, ...]:
    """Give the seeds of the strangers that must be drawn first."""
    return tuple(seed for seed in SEEDS if not person.person_path(seed).is_file())
