"""Running model files on edgefuse's own runtimes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefuse import registry
from edgefuse.config.manifest import Format, Variant
from edgefuse.memory import resident_mb
from edgefuse.planning.golden import golden_input
from edgefuse.runtime import Runtime, Session, SessionOptions
from edgefuse.vision.model import ImageInput

Outputs = list[NDArray[np.float32]]
"""What a model gave: for N crops, one (N, ...) array an output."""
RUNTIMES = ("tflite", "onnxruntime", "openvino")
"""Those that run on any processor; the first that reads a format is the reference for it."""


def runtimes_for(form: Format) -> tuple[str, ...]:
    """Name the runtimes that read a format, the reference first."""
    return tuple(name for name in RUNTIMES if form in _load(name).formats)


def open_session(runtime: str, path: Path) -> Session:
    """Open a file with one thread."""
    return _load(runtime).open(path, SessionOptions(threads=1))


def run_golden(runtime: str, path: Path, variant: Variant) -> Outputs:
    """Give the outputs for the golden inputs."""
    session = open_session(runtime, path)
    outputs = _bind(session, variant)[1]
    session.run()
    session.close()
    return outputs


def run_crops(runtime: str, path: Path, variant: Variant, crops: NDArray[np.uint8]) -> Outputs:
    """Run a model on pictures.

    Args:
        runtime: Id of the runtime.
        path: The model file.
        variant: Its description; the first input is the picture.
        crops: (N, size_px, size_px, 3) uint8 BGR.

    Returns:
        For each output an (N, ...) array of what the model gave for each picture.
    """
    session = open_session(runtime, path)
    inputs, outputs = _bind(session, variant)
    picture = ImageInput(variant.inputs[0], inputs[0])
    results = [np.empty((len(crops), *output.shape[1:]), output.dtype) for output in outputs]
    for i, crop in enumerate(crops):
        picture.write(crop)
        session.run()
        for result, output in zip(results, outputs, strict=True):
            result[i] = output[0]
    session.close()
    return results


def measure_memory_mb(path: Path, variant: Variant) -> int:
    """Give what a session holds: the growth of a fresh process by a second one, on the runtime that takes most."""
    context = multiprocessing.get_context("spawn")  # a fork would share what this process holds already
    with context.Pool(1, maxtasksperchild=1) as pool:
        grown = [pool.apply(_grow_mb, (runtime, path, variant)) for runtime in runtimes_for(variant.format)]
    return max(1, round(max(grown)))


def _grow_mb(runtime: str, path: Path, variant: Variant) -> float:
    sessions = []
    for _ in range(2):  # the first one also pays for the library
        before_mb = resident_mb()
        sessions.append(open_session(runtime, path))
        _bind(sessions[-1], variant)
        sessions[-1].run()
    return resident_mb() - before_mb


def _bind(session: Session, variant: Variant) -> tuple[Sequence[NDArray[np.generic]], Outputs]:
    """Bind the golden inputs, and outputs of the manifest's shapes."""
    inputs = [golden_input(spec) for spec in variant.inputs]
    outputs = [np.zeros(spec.shape, spec.dtype) for spec in variant.outputs]
    session.bind(inputs, outputs)
    return inputs, outputs


def _load(runtime: str) -> Runtime:
    plugin: Runtime = registry.load("edgefuse.runtimes", runtime)
    return plugin
