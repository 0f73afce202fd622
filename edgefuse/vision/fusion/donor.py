"""A donor: the face of a photo, made ready once for every size that an effect works at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edgefuse import registry
from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import EdgefuseError
from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.fusion.area import area_around
from edgefuse.vision.fusion.contrast import soften
from edgefuse.vision.fusion.facets import Facets, make_facets
from edgefuse.vision.fusion.features import plain_skin, smile_of
from edgefuse.vision.fusion.light import LightMeter, Shine, point_homes
from edgefuse.vision.fusion.parsing import know_hair
from edgefuse.vision.fusion.retouch import Mask, fade_forehead, retouch
from edgefuse.vision.fusion.texture import Cutout, Texture, opacity_at
from edgefuse.vision.fusion.warp import draw_triangles
from edgefuse.vision.media.picture import read_picture
from edgefuse.vision.model import Models
from edgefuse.vision.pool import Buffer
from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Attention, Face, Frame, Packet, Pixels, Search

MIN_FACE_PX = 64
"""A smaller face has no features to give."""
MAX_PHOTO_PX = 2048
"""Larger photos are scaled down: no effect works at a size that would need more."""
PREPARED_PX = 360
"""Least longer side of the picture that a face is cut out of: hair and skin are told apart worse in smaller ones."""
MIN_TEXTURE_PX = 32
EDGE_FADE_SHARE = 0.03
"""Width of the blur between triangles that are seen well and those that are not."""
LOOKS = 3
"""Looks of the landmark model at a photo: each takes its region from the last one's landmarks, so they settle."""

_TURNS = (None, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180)
_BORDER_SHARES = (0.0, 0.5)
"""Borders put around a photo: detectors miss faces that fill it."""


@dataclass(frozen=True, slots=True)
class Donor:
    """A face to fuse onto others."""

    textures: tuple[Texture, ...]
    """Largest first, each half as large as the one before: sampling a much larger one would shimmer."""
    shine: Shine
    """Of its skin; weightless where hair hangs or it is seen edge-on."""
    smile: float
    """0 closed lips, 1 teeth, which would be squeezed to a line between lips that are closed."""

    def texture(self, size_px: int) -> Texture:
        """Give the smallest texture that has no fewer pixels than a work picture of that size, else the largest."""
        large_enough = [texture for texture in self.textures if texture.size_px >= size_px]
        return large_enough[-1] if large_enough else self.textures[0]


def load_donor(photo: Path, models: Models, point: OperatingPoint, longest_px: int) -> Donor:
    """Make a donor of the largest face of a photo.

    Args:
        photo: Any picture that OpenCV reads.
        models: The same that find faces in frames.
        point: Selects the detector.
        longest_px: Largest size that an effect will work at.

    Raises:
        EdgefuseError: The photo cannot be read, shows no face, or only one that is too small.
        StoreError: What was found out about a synthetic person cannot be written.
    """
    pixels, face = find_in_photo(photo, models, point)
    return make_donor(pixels, face, longest_px, know_hair(photo, pixels, face, models))


def find_in_photo(photo: Path, models: Models, point: OperatingPoint) -> tuple[Pixels, Face]:
    """Give a photo, turned upright, and its largest face; arguments and errors as of ``load_donor``."""
    for pixels in _views(_read(photo)):
        if (face := _find(pixels, models, point)) is not None:
            break
    else:
        raise _refusal(photo, "no face found", "take a photo of one person who looks at the camera")
    face_px = int(np.ptp(face.box.reshape(2, 2), axis=0).max())
    if face_px < MIN_FACE_PX:
        raise _refusal(photo, f"its face has {face_px} pixels", f"take one with at least {MIN_FACE_PX}")
    return pixels, face


def make_donor(pixels: Pixels, face: Face, longest_px: int, hair: Mask | None = None) -> Donor:
    """Make a donor of a face that was found.

    Args:
        pixels: What the face was found in.
        face: With its mesh.
        longest_px: Largest size that an effect will work at.
        hair: From ``find_hair``.

    Raises:
        EdgefuseError: The face does not lie in the picture.
    """
    assert face.mesh is not None
    area = area_around(box_around(face.mesh), pixels.shape, max(longest_px, PREPARED_PX))
    if area is None:
        raise EdgefuseError("cannot use a face: it does not lie in the picture; take a photo that shows all of it")
    size = (area.work_width_px, area.work_height_px)
    scaled = np.asarray(cv2.resize(area.cut(pixels), size, interpolation=cv2.INTER_AREA), np.uint8)
    mesh = area.to_work(face.mesh)
    facets = make_facets(mesh)
    cutout = retouch(scaled, mesh, None if hair is None else _scaled(area.cut(hair), size))
    _fade_edge_on(cutout, facets)
    seen = facets.facing[point_homes(mesh)] * opacity_at(cutout, mesh[plain_skin()])
    smile = smile_of(mesh)
    cutout = soften(cutout, mesh, smile)
    shine = LightMeter().measure(cutout[:, :, :3].copy(), mesh, seen)
    fade_forehead(cutout, mesh)
    texture = Texture(cutout, mesh)
    return Donor(tuple(_halvings(_shrunk(texture, min(1.0, longest_px / texture.size_px)))), shine, smile)


def _scaled(mask: Mask, size: tuple[int, int]) -> Mask:
    """Scale a mask to (width, height)."""
    return np.asarray(cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.bool_)


def _fade_edge_on(cutout: Cutout, facets: Facets) -> None:
    """Take alpha from what is seen edge-on: a photo has too few pixels of it, and background among them."""
    height, width = cutout.shape[:2]
    numbers = np.empty((height, width), np.int16)
    draw_triangles(facets, numbers)
    alpha = np.rint(facets.facing * 255).astype(np.uint8)[numbers]
    side = round(EDGE_FADE_SHARE * max(height, width)) | 1
    cutout[:, :, 3] = np.minimum(cutout[:, :, 3], cv2.blur(alpha, (side, side)))


def _halvings(texture: Texture) -> Iterator[Texture]:
    """Give a texture and, down to the smallest that is of use, the next one at half its size."""
    yield texture
    while texture.size_px >= 2 * MIN_TEXTURE_PX:
        texture = _shrunk(texture, 0.5)
        yield texture


def _shrunk(texture: Texture, share: float) -> Texture:
    """Scale a texture down to a share of its size."""
    height, width = (max(1, round(side * share)) for side in texture.pixels.shape[:2])
    scale = np.array((width / texture.pixels.shape[1], height / texture.pixels.shape[0], 1.0))
    pixels = np.asarray(cv2.resize(texture.pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return Texture(pixels, np.asarray((texture.mesh + 0.5) * scale - 0.5, np.float32))


def _refusal(photo: Path, reason: str, advice: str) -> EdgefuseError:
    return EdgefuseError(f"cannot use {photo} as a face: {reason}; {advice}")


def _read(photo: Path) -> Pixels:
    """Read a photo, turned as its EXIF data says, scaled down where it is very large."""
    try:
        pixels = read_picture(photo)
    except OSError as e:
        raise _refusal(photo, (e.strerror or str(e)).lower(), "name a file that can be read") from e
    except ValueError as e:
        raise _refusal(photo, "it is not a picture", "take a JPEG or PNG file") from e
    scale = MAX_PHOTO_PX / max(pixels.shape)
    if scale < 1:
        pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels


def _views(photo: Pixels) -> Iterator[Pixels]:
    """Give the photo in ways that a detector may like better: upright first, then turned; each without border first."""
    for turn in _TURNS:
        turned = photo if turn is None else np.asarray(cv2.rotate(photo, turn), np.uint8)
        for share in _BORDER_SHARES:
            border = round(max(photo.shape) * share)
            framed = cv2.copyMakeBorder(turned, border, border, border, border, cv2.BORDER_CONSTANT)
            yield np.ascontiguousarray(framed, np.uint8)


def _find(pixels: Pixels, models: Models, point: OperatingPoint) -> Face | None:
    """Run the find stages on a still picture and give its largest face with a mesh."""
    height, width = pixels.shape[:2]
    buffer = Buffer(height * width * 3)
    view = buffer.view(height, width)
    view[:] = pixels
    context = StageContext(models, (point,), height, width, Attention())
    kinds: list[StageType] = [registry.load("edgefuse.vision.stages", name) for name in ("detect_faces", "track_faces")]
    stages = [kind.make(_default(kind), context) for kind in kinds]
    packet = Packet(Frame(view, 0, 0, buffer), point)
    for index in range(LOOKS):
        packet = Packet(replace(packet.frame, index=index, captured_ns=index), point, search=Search.NONE)
        for stage in stages:
            packet = stage.run(packet)
    for stage in stages:
        stage.close()
    meshed = [face for face in packet.faces if face.mesh is not None]
    return max(meshed, key=lambda face: float(np.prod(face.box[2:] - face.box[:2])), default=None)


def _default(kind: StageType) -> msgspec.Struct:
    """Give a stage's options without settings."""
    options: msgspec.Struct = kind.options()
    return options
