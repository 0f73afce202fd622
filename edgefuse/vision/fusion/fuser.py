"""Fusing donors onto faces: the steps in their order, and what is remembered of each face."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.fusion.area import area_around
from edgefuse.vision.fusion.blend import Blender, Matte
from edgefuse.vision.fusion.donor import Donor
from edgefuse.vision.fusion.facets import make_facets
from edgefuse.vision.fusion.light import LightMeter, Relighter, Shine, point_homes
from edgefuse.vision.fusion.warp import MeshWarp
from edgefuse.vision.types import Pixels, Points

LIGHT_SHARE = 0.1
"""Of the way to the light just measured, each frame: light changes slowly, and noise must not make the face flicker."""


class Fuser:
    """Donors, the work buffers, and each target's light."""

    def __init__(
        self, donors: Sequence[Donor], longest_px: int, height_px: int, width_px: int, *, keeps_eyes_and_mouth: bool
    ) -> None:
        """Allocate for frames of up to a size and work pictures of up to ``longest_px`` a side.

        Args:
            donors: One or more.
            longest_px: Longer side of the largest work picture.
            height_px: Of the largest frame.
            width_px: Of the largest frame.
            keeps_eyes_and_mouth: Eyes and inside of the mouth stay the target's.
        """
        self._donors = donors
        self._meter = LightMeter()
        self._relighters = [Relighter(donor.textures[0], donor.shine) for donor in donors]
        self._homes = point_homes(donors[0].textures[0].mesh)
        self._warp = MeshWarp(longest_px)
        self._matte = Matte(longest_px, keeps_eyes_and_mouth=keeps_eyes_and_mouth)
        self._blender = Blender(longest_px, height_px, width_px)
        self._shines: dict[int, Shine] = {}

    def forget_all_but(self, track_ids: Collection[int]) -> None:
        """Forget the light on faces that are gone."""
        self._shines = {track: shine for track, shine in self._shines.items() if track in track_ids}

    def fuse(
        self, pixels: Pixels, mesh: Points, track_id: int, effect_px: int, strength: float = 1.0, *, donor: int = 0
    ) -> None:
        """Lay a donor over one face of a frame, in place.

        Args:
            pixels: The frame.
            mesh: (468, 3) of the face, finite.
            track_id: Whose light is remembered; 0 for a face without a past.
            effect_px: Longer side of the work picture.
            strength: 0..1, less than 1 while the donor fades in or out.
            donor: Which of the donors.
        """
        area = area_around(box_around(mesh), pixels.shape, effect_px)
        if area is None:
            return
        target = area.cut(pixels)
        facets = make_facets(area.to_map(mesh))
        shine = self._meter.measure(target, mesh[:, :2] - (area.left_px, area.top_px), facets.facing[self._homes])
        texture = self._donors[donor].texture(max(area.work_height_px, area.work_width_px))
        lit = self._relighters[donor].light(texture, self._smooth(track_id, shine))
        numbers = self._warp.draw(facets, area.map_height_px, area.map_width_px)
        size = area.work_height_px, area.work_width_px
        alpha = self._matte.draw(facets, numbers, *size)
        self._blender.lay(self._warp.bend(lit, facets, numbers, *size), alpha, target, strength)

    def _smooth(self, track_id: int, measured: Shine) -> Shine:
        """Follow the light on a track slowly."""
        before = self._shines.get(track_id)
        if before is not None and track_id != 0:
            measured = before + np.float32(LIGHT_SHARE) * (measured - before)
        self._shines[track_id] = measured
        return measured
