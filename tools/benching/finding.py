"""Detector and tracker on one runtime with one thread, and the frames of a clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgefuse import registry
from edgefuse.config.profile import OperatingPoint
from edgefuse.runtime import Runtime, SessionOptions
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import DEFAULT_CLIP, fetch_media
from edgefuse.store.release import current_release
from edgefuse.store.store import open_store
from edgefuse.vision.model import Model, Models, bind_model
from edgefuse.vision.pool import Buffer, TensorPool
from edgefuse.vision.source import make_source
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages import detect_faces, track_faces
from edgefuse.vision.types import Attention, Face, Frame, Packet

VARIANTS = (("blazeface-short", "fp32-128-tflite"), ("facemesh", "fp32-192-tflite"))


class Finder:
    """Finds the faces of frame after frame, as the find thread does."""

    def __init__(self, models: Models, size: tuple[int, int], detect_every: int, *, is_smoothed: bool) -> None:
        """Make the stages.

        Args:
            models: See ``open_models``.
            size: Height and width of the largest frame.
            detect_every: As in ``OperatingPoint``.
            is_smoothed: As in the options of ``track_faces``.
        """
        self._point = OperatingPoint(effect_px=256, detect_px=128, rate_hz=30.0, detect_every=detect_every)
        context = StageContext(models, (self._point,), *size, Attention())
        self._detect = detect_faces.DetectFaces(detect_faces.Options(), context)
        self._track = track_faces.TrackFaces(track_faces.Options(max_faces=1, is_smoothed=is_smoothed), context)

    def find(self, frame: Frame) -> Face | None:
        """Give the face with landmarks, if there is one."""
        found = self._track.run(self._detect.run(Packet(frame, self._point)))
        return next((face for face in found.faces if face.mesh is not None), None)


def open_models(runtime_id: str, variants: Sequence[tuple[str, str]] = VARIANTS) -> Models:
    """Open models from the store, which is filled first: BlazeFace and FaceMesh unless others are named."""
    store, pool = open_store(), TensorPool()
    release = current_release(store)
    runtime: Runtime = registry.load("edgefuse.runtimes", runtime_id)
    opened: list[Model] = []
    with open_fetcher(store, lambda *_: None) as fetcher:
        for model_id, variant_id in variants:
            variant = release.find(model_id, variant_id)
            for file in variant.files:
                fetcher.fetch(file)
            session = runtime.open(store.path_of(variant.files), SessionOptions(threads=1))
            opened.append(bind_model(release.manifest(model_id), variant, session, pool))
            opened[-1].run()
    return Models(opened)


def fetch_clip() -> Path:
    """Give the default clip."""
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        return fetch_media(DEFAULT_CLIP, store, fetcher)


def read_frames(clip: Path) -> Iterator[Frame]:
    """Decode a clip; every frame lies in the same buffer."""
    source = make_source(f"file:{clip}")
    stream = source.open()
    buffer = Buffer(stream.height_px * stream.width_px * 3)
    index = 0
    while (capture := source.read(buffer)) is not None:
        yield Frame(capture.pixels, index, capture.captured_ns, buffer)
        index += 1
    source.close()
