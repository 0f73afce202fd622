"""The real files of every variant on the real runtimes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from converting import session

from edgefuse import paths, registry
from edgefuse.config.manifest import Variant, load_manifests
from edgefuse.planning import golden
from edgefuse.store.store import Store
from edgefuse.vision.detector import DecoderType

MANIFESTS = {manifest.id: manifest for manifest in load_manifests(paths.manifest_dir())}
RUNS = [
    pytest.param(m.id, v, runtime, id=f"{m.id}-{v.id}-{runtime}")
    for m in MANIFESTS.values()
    for v in m.variants
    for runtime in session.runtimes_for(v.format)
]
FACE_PX = np.array([174, 68, 274, 168], np.float32)
"""x1 y1 x2 y2 of the face in the photo, read off by eye."""


@pytest.mark.parametrize(("model", "variant", "runtime"), RUNS)
def test_golden_values_come_out(
    converted: Store, fetch_from_npm: Callable[[str], None], model: str, variant: Variant, runtime: str
) -> None:
    if variant.files[0].source.kind == "npm":
        fetch_from_npm(model)
    opened = session.open_session(runtime, converted.path_of(variant.files))
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
def test_a_detector_finds_the_one_face_in_a_photo(
    converted: Store, astronaut: Path, model: str, variant_id: str
) -> None:
    manifest = MANIFESTS[model]
    variant = manifest.variant(variant_id)
    photo = cv2.imread(str(astronaut), cv2.IMREAD_COLOR)
    assert photo is not None
    picture = cv2.resize(photo, (variant.size_px, variant.size_px), interpolation=cv2.INTER_AREA)
    runtime = session.runtimes_for(variant.format)[0]
    outputs = session.run_crops(runtime, converted.path_of(variant.files), variant, picture[np.newaxis])
    decoder_type: DecoderType = registry.load("edgefuse.vision.detectors", manifest.decoder)
    (face,) = decoder_type(variant).decode(outputs, min_score=0.6)
    box = face.box * photo.shape[0] / variant.size_px
    assert np.abs(box - FACE_PX).max() < 25  # detectors differ in how much of the forehead is face
