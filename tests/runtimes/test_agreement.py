"""Every runtime gives the same numbers for the same network, in whatever format it comes."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgefuse import paths, registry
from edgefuse.config.manifest import Manifest, TensorSpec, Variant, load_manifests
from edgefuse.runtime import Runtime, SessionOptions
from edgefuse.store.store import Store

TOLERANCE = 1e-3  # of an output's range: float32 sums in another order stay below 1e-5, bf16 and wrong kernels do not
RUNTIMES: dict[str, Runtime] = {
    name: registry.load("edgefuse.runtimes", name) for name in registry.names("edgefuse.runtimes")
}
FACTS = {name: runtime.probe() for name, runtime in RUNTIMES.items()}
FACES = [m for m in load_manifests(paths.manifest_dir()) if m.task in ("detect_faces", "track_faces")]


def same_networks(manifest: Manifest) -> list[list[Variant]]:
    """Group the fp32 variants that differ in format alone."""

    def shapes(variant: Variant) -> tuple[tuple[int, ...], ...]:
        return tuple(spec.shape for spec in (*variant.inputs, *variant.outputs))

    exact = sorted((v for v in manifest.variants if v.precision == "fp32"), key=shapes)
    return [list(group) for _, group in groupby(exact, shapes)]


NETWORKS = [
    pytest.param(group, id=f"{manifest.id}-{group[0].size_px}")
    for manifest in FACES
    for group in same_networks(manifest)
]


def portrait(photo: Path, spec: TensorSpec) -> NDArray[np.generic]:
    """Draw the face of the photo as an input; on a picture without one, YuNet's scores have no range to speak of."""
    picture = cv2.imread(str(photo))
    assert picture is not None
    pixels = cv2.resize(picture[:300, 74:374], (spec.shape[2], spec.shape[2]))[np.newaxis]
    if spec.colour == "rgb":
        pixels = pixels[..., ::-1]
    if spec.layout == "nchw":
        pixels = pixels.transpose(0, 3, 1, 2)
    return np.ascontiguousarray((pixels - spec.mean) * spec.scale, spec.dtype)


def outputs_of(runtime: Runtime, variant: Variant, path: Path, photo: Path) -> list[NDArray[np.generic]]:
    with closing(runtime.open(path, SessionOptions())) as session:
        outputs = [np.full(spec.shape, np.nan, spec.dtype) for spec in variant.outputs]
        session.bind([portrait(photo, spec) for spec in variant.inputs], outputs)
        session.run()
    return outputs


@pytest.mark.parametrize("variants", NETWORKS)
def test_runtimes_and_formats_agree(variants: list[Variant], converted: Store, astronaut: Path) -> None:
    results = [
        outputs_of(RUNTIMES[name], variant, converted.path_of(variant.files), astronaut)
        for variant in variants
        for name, fact in FACTS.items()
        if variant.format in fact.formats
    ]
    assert len(results) > 1  # else nothing is compared
    for others in zip(*results, strict=True):
        first = others[0]
        span = float(np.ptp(first)) or float(np.abs(first).max())
        worst = np.max([np.abs(other - first).max() for other in others])  # not a number stays not a number
        assert span > 0 and worst <= TOLERANCE * span
