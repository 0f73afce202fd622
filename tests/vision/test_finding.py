"""The find side on real models and real faces; figures come from the commands in ``tools/bench``."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes.discs import packet
from numpy.typing import NDArray

from edgefuse import registry
from edgefuse.config.profile import OperatingPoint
from edgefuse.runtime import SessionOptions
from edgefuse.store.release import Release
from edgefuse.store.store import Store
from edgefuse.vision.model import Models, bind_model
from edgefuse.vision.pool import TensorPool
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages import detect_faces, track_faces
from edgefuse.vision.types import Attention, Face, Pixels

CHECKOUT = Path(__file__).resolve().parents[2]
DETECTORS = [
    ("blazeface-short", "fp32-128-tflite", "tflite"),
    ("blazeface-full", "fp32-192-tflite", "tflite"),
    ("yunet", "fp32-640-onnx", "onnxruntime"),
    ("yunet", "fp32-640-onnx", "openvino"),
]


def open_model(store: Store, release: Release, model: str, variant: str, runtime: str) -> Any:
    chosen = release.find(model, variant)
    session = registry.load("edgefuse.runtimes", runtime).open(store.path_of(chosen.files), SessionOptions())
    return bind_model(release.manifest(model), chosen, session, TensorPool())


@pytest.fixture(scope="module")
def photo(astronaut: Path) -> Pixels:
    pixels = cv2.imread(str(astronaut))
    assert pixels is not None
    return np.asarray(pixels, np.uint8)


def detect(models: Models, pixels: Pixels) -> tuple[Face, ...]:
    point = OperatingPoint(effect_px=64, detect_px=128, rate_hz=30.0, detect_every=1)
    context = StageContext(models, (point,), *pixels.shape[:2], Attention())
    found = detect_faces.DetectFaces(detect_faces.Options(), context).run(packet(pixels, point=point))
    if models.has("track_faces"):
        found = track_faces.TrackFaces(track_faces.Options(), context).run(found)
    return found.faces


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_detector_finds_the_astronaut(
    store: Store, release: Release, photo: Pixels, detector: tuple[str, str, str]
) -> None:
    models = Models(
        (
            open_model(store, release, *detector),
            open_model(store, release, "facemesh", "fp32-192-tflite", "tflite"),
        )
    )
    (face,) = detect(models, photo)
    # The centres of her eyes, read off by eye.
    np.testing.assert_allclose(face.eyes, ((202, 101), (247, 103)), atol=3)
    assert face.track_id == 1 and face.mesh is not None
    models.close()


def test_yunet_is_decoded_as_opencv_does(store: Store, release: Release, photo: Pixels) -> None:
    model = open_model(store, release, "yunet", "fp32-640-onnx", "onnxruntime")
    (ours,) = detect(Models((model,)), photo)
    theirs = cv2.FaceDetectorYN.create(str(store.path_of(model.variant.files)), "", (640, 640), 0.5)
    scale = 640 / 512
    rows: NDArray[np.float32] = np.asarray(theirs.detect(cv2.resize(photo, (640, 640)))[1])
    x, y, width, height = rows[0, :4] / scale
    np.testing.assert_allclose(ours.box, (x, y, x + width, y + height), atol=0.5)
    assert ours.points is not None
    np.testing.assert_allclose(ours.points, rows[0, 4:14].reshape(5, 2) / scale, atol=0.5)
    model.session.close()


def bench(name: str, *arguments: object) -> Any:
    command = [sys.executable, "-m", f"benching.{name}", "--json", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (CHECKOUT, CHECKOUT / "tools")))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_landmarks_agree_with_mediapipe(default_clip: Path) -> None:
    report = bench("mesh_agreement", "--clip", default_clip)
    assert report["raw"]["frames"] > 1300
    # The bar of the project is 1.5 % on 99 % of the frames; measured 100 % raw and smoothed.
    assert report["raw"]["within_limit"] >= 0.99 and report["smoothed"]["within_limit"] >= 0.99
    # The same weights on the same crops: only float16 rounding and OpenCV's versions differ; measured 0.02 %.
    assert report["raw"]["mean_percent"] < 0.1


@pytest.mark.slow
def test_smoothing_halves_jitter_and_costs_no_accuracy_in_motion(astronaut: Path) -> None:
    report = bench("smoothing")
    assert report["smoothed_jitter_px"] < 0.55 * report["raw_jitter_px"]  # measured 0.44
    assert report["smoothed_error_px"] < 1.05 * report["raw_error_px"]  # measured 1.00
