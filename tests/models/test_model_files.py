"""The real files, on the real runtimes, as far as `edgefuse models fetch` and `tools/convert` have filled the store."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from converting import session

from edgefuse import paths, registry
from edgefuse.config.manifest import Variant, load_manifests
from edgefuse.planning import golden
from edgefuse.store.media import ASTRONAUT
from edgefuse.store.store import Store, open_store
from edgefuse.vision.detector import DecoderType

MANIFESTS = {manifest.id: manifest for manifest in load_manifests(paths.manifest_dir())}
RUNS = [
    pytest.param(v, runtime, id=f"{m.id}-{v.id}-{runtime}")
    for m in MANIFESTS.values()
    for v in m.variants
    for runtime in session.runtimes_for(v.format)
]
FACE_PX = np.array([174, 68, 274, 168], np.float32)
"""x1 y1 x2 y2 of the face in the photo, read off by eye."""


@pytest.fixture
def store() -> Store:
    return open_store()


def need(store: Store, sha256: str, command: str) -> None:
    if not store.has(sha256):
        pytest.skip(f"not in the store ({command})")


@pytest.mark.parametrize(("variant", "runtime"), RUNS)
def test_golden_values_come_out(store: Store, variant: Variant, runtime: str) -> None:
    for file in variant.files:
        need(store, file.sha256, "edgefuse models fetch --optional && tools/convert")
    opened = session.open_session(runtime, store.path_of(variant.files))
    golden.check(opened, variant)
    opened.close()


@pytest.mark.parametrize(
    ("model", "variant_id"),
    [
        ("blazeface-short", "fp32-128-tflite"),
        ("blazeface-full", "fp32-192-tflite"),
        ("yunet", "fp32-640-onnx"),
        ("yunet", "fp32-320-onnx"),
        ("yunet", "fp32-160-tflite"),
    ],
)
def test_a_detector_finds_the_one_face_in_a_photo(store: Store, model: str, variant_id: str) -> None:
    manifest = MANIFESTS[model]
    variant = manifest.variant(variant_id)
    need(store, variant.files[0].sha256, "edgefuse models fetch && tools/convert")
    need(store, ASTRONAUT.sha256, "tools/convert --update")
    photo = cv2.imread(str(store.path(ASTRONAUT.sha256)), cv2.IMREAD_COLOR)
    assert photo is not None
    picture = cv2.resize(photo, (variant.size_px, variant.size_px), interpolation=cv2.INTER_AREA)
    runtime = session.runtimes_for(variant.format)[0]
    outputs = session.run_crops(runtime, store.path_of(variant.files), variant, picture[np.newaxis])
    decoder_type: DecoderType = registry.load("edgefuse.vision.detectors", manifest.decoder)
    (face,) = decoder_type(variant).decode(outputs, min_score=0.6)
    box = face.box * photo.shape[0] / variant.size_px
    assert np.abs(box - FACE_PX).max() < 25  # detectors differ in how much of the forehead is face
