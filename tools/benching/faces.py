"""Faces of several people, as the landmark model sees them, and what it takes to fuse them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benching.finding import Finder, fetch_clip, open_models, read_frames
from edgefuse.config.profile import OperatingPoint
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, fetch_media
from edgefuse.store.store import open_store
from edgefuse.vision.fusion.donor import load_donor
from edgefuse.vision.fusion.person import load_person
from edgefuse.vision.pool import Buffer
from edgefuse.vision.types import Face, Frame, Pixels, Points

POINT = OperatingPoint(effect_px=360, detect_px=128, rate_hz=30.0, detect_every=10)
PERSON_VARIANTS = (("random-face-mapping", "fp32-ir"), ("random-face-synthesis", "fp32-1024-ir"))
SEEDS = tuple(range(1, 13))
MESH_EVERY = 40
HEIGHT_PX = 720


@dataclass(frozen=True, slots=True)
class Target:
    """A face to fuse donors onto, and how strongly."""

    pixels: Pixels
    face: Face
    opacity: float = 1.0


def fetch_astronaut() -> Path:
    """Give the photo of the astronaut."""
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        return fetch_media(ASTRONAUT, store, fetcher)


def fetch_people(seeds: tuple[int, ...]) -> list[Path]:
    """Give the photos of synthetic people, drawn now if they were not before."""
    models = open_models("openvino", PERSON_VARIANTS)
    photos = [load_person(seed, models) for seed in seeds]
    models.close()
    return photos


def sample_meshes() -> Iterator[Points]:
    """Give meshes of the default clip, now and then, of the astronaut and of synthetic people."""
    models = open_models("tflite")
    for photo in (fetch_astronaut(), *fetch_people(SEEDS)):
        yield load_donor(photo, models, POINT, POINT.effect_px).textures[0].mesh
    for frame, face in find_faces():
        if frame.index % MESH_EVERY == 0 and face.mesh is not None:
            yield face.mesh


def find_faces(clip: Path | None = None) -> Iterator[tuple[Frame, Face]]:
    """Give the frames of a clip, else the default one, scaled to 720 rows, in which there is a face with landmarks."""
    frames = read_frames(clip or fetch_clip())
    return follow_face(replace(frame, pixels=enlarge(frame.pixels)) for frame in frames)


def follow_face(frames: Iterable[Frame]) -> Iterator[tuple[Frame, Face]]:
    """Give those of equally large frames in a row in which there is a face with landmarks."""
    models = open_models("tflite")
    finder: Finder | None = None
    for frame in frames:
        finder = finder or Finder(models, frame.pixels.shape[:2], POINT.detect_every, is_smoothed=True)
        face = finder.find(frame)
        if face is not None:
            yield frame, face


def enlarge(pixels: Pixels) -> Pixels:
    """Scale a frame to 720 rows; in memory of its own, as a camera's frame."""
    width_px = pixels.shape[1] * HEIGHT_PX // pixels.shape[0]
    view = Buffer(HEIGHT_PX * width_px * 3).view(HEIGHT_PX, width_px)
    cv2.resize(pixels, (width_px, HEIGHT_PX), dst=view, interpolation=cv2.INTER_CUBIC)
    return np.asarray(view)
