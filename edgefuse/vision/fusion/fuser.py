"""Fusing donors onto faces: the steps in their order, and what is remembered of each face."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.fusion.area import Area, area_around
from edgefuse.vision.fusion.blend import Blender, Matte
from edgefuse.vision.fusion.carrying import TriangleMaps
from edgefuse.vision.fusion.donor import Donor
from edgefuse.vision.fusion.facets import make_facets
from edgefuse.vision.fusion.features import smile_of
from edgefuse.vision.fusion.focus import LEAST_SCALE, Focus, FocusMeter
from edgefuse.vision.fusion.light import Gains, LightMeter, Relighter, point_homes
from edgefuse.vision.fusion.memory import EVERY, Memory
from edgefuse.vision.fusion.texture import Texture
from edgefuse.vision.fusion.warp import HALF, MeshWarp
from edgefuse.vision.types import Pixels, Points


class Fuser:
    """Donors, the work buffers, and what is remembered of each target."""

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
        self._focus_meter = FocusMeter(round(longest_px / LEAST_SCALE))
        self._focuses = [Focus(donor.textures) for donor in donors] if keeps_eyes_and_mouth else []
        self._relighters = [Relighter(donor.textures[0], donor.shine) for donor in donors]
        self._homes = point_homes(donors[0].textures[0].mesh)
        self._maps = TriangleMaps(-(-longest_px // HALF))
        self._warp = MeshWarp(longest_px)
        self._matte = Matte(longest_px, keeps_eyes_and_mouth=keeps_eyes_and_mouth)
        self._blender = Blender(longest_px, height_px, width_px)
        self._gains: Memory[Gains] = Memory()
        self._sharpness: Memory[float] = Memory(EVERY // 2)

    def forget_all_but(self, track_ids: Collection[int]) -> None:
        """Forget the light on faces that are gone, how sharp they were, and their shape."""
        self._gains.forget_all_but(track_ids)
        self._sharpness.forget_all_but(track_ids)
        self._maps.forget_all_but(track_ids)

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
        target, size = area.cut(pixels), (area.work_height_px, area.work_width_px)
        facets = make_facets(area.to_map(mesh))
        numbers = self._maps.draw(track_id, facets, area.map_height_px, area.map_width_px)
        texture = self._focused(donor, track_id, area, pixels, mesh)
        relighter = self._relighters[donor]

        def look_at_light() -> Gains:
            return relighter.gains(self._meter.measure(target, area.shift(mesh), facets.facing[self._homes]))

        gains = self._gains.follow(track_id, look_at_light, is_busy=self._maps.is_new)
        assert gains is not None, "light can be told of every face"
        lit = relighter.light(texture, gains)
        smile = self._donors[donor].smile
        lips = smile * (1 - smile_of(mesh)) if smile else 0.0  # of two who smile, the donor's fit
        alpha = self._matte.draw(facets, numbers, *size, lips)
        self._blender.lay(self._warp.bend(lit, facets, numbers, *size), alpha, target, strength)

    def _focused(self, donor: int, track_id: int, area: Area, pixels: Pixels, mesh: Points) -> Texture:
        """Give a donor blurred as its target is blurred; a face without eyes of its own does not tell."""
        work_px = max(area.work_width_px, area.work_height_px)
        texture = self._donors[donor].texture(work_px)
        scale = min(texture.size_px, work_px) / max(area.width_px, area.height_px)
        if not self._focuses or scale <= LEAST_SCALE:
            return texture

        def look_at_eyes() -> float | None:
            return self._focus_meter.measure(area.cut(pixels), area.shift(mesh))

        sharpness = self._sharpness.follow(track_id, look_at_eyes, is_busy=self._maps.is_new)
        return texture if sharpness is None else self._focuses[donor].match(texture, sharpness, scale)
