"""The golden check: a model must turn one fixed input into the outputs that its manifest promises.

It catches what loading does not: zeros for a file that the runtime half understands, wrong kernels, swapped layouts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefuse.config.manifest import GoldenOutput, TensorSpec, Variant
from edgefuse.errors import RuntimeLoadError
from edgefuse.runtime import Session

VALUES_PER_OUTPUT = 16


def golden_input(spec: TensorSpec) -> NDArray[np.generic]:
    """Draw the fixed input: smooth waves of pixel values 0..255, the same picture in every layout.

    Args:
        spec: Shape, dtype, layout, mean and scale of the input; a ``plain`` input is drawn as one row of pixels.

    Returns:
        Array of ``spec.shape`` and ``spec.dtype``: (pixel - mean) * scale for floats; for integers the pixel plus the
        zero point, as far as the type reaches.
    """
    if spec.layout == "plain":
        height, width, channels = 1, int(np.prod(spec.shape)), 1
    elif spec.layout == "nhwc":
        _, height, width, channels = spec.shape
    else:
        _, channels, height, width = spec.shape
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    wave = np.sin((x + 1) * 6.0 / width * (c + 1)) + np.cos((y + 1) * 9.0 / height + c)
    pixels = np.round((wave + 2.0) * 63.75)[np.newaxis]
    if spec.layout == "nchw":
        pixels = pixels.transpose(0, 3, 1, 2)
    pixels = pixels.reshape(spec.shape)
    if np.issubdtype(np.dtype(spec.dtype), np.floating):
        pixels = (pixels - spec.mean) * spec.scale
    else:
        reach = np.iinfo(spec.dtype)
        pixels = np.clip(pixels + spec.zero_point, reach.min, reach.max)
    return np.ascontiguousarray(pixels, dtype=spec.dtype)


def sample(output: NDArray[np.generic]) -> tuple[float, ...]:
    """Give the values at evenly spaced places of the flattened output, as manifests record them."""
    places = np.linspace(0, output.size - 1, min(VALUES_PER_OUTPUT, output.size)).astype(int)
    return tuple(float(v) for v in output.reshape(-1)[places])


def check(session: Session, variant: Variant) -> float:
    """Run the golden input through a session and compare.

    Returns:
        The largest difference from what the manifest promises.

    Raises:
        RuntimeLoadError: An output differs from the manifest, is not finite, or is all zero.
        RuntimeRunError: The model failed while it ran.
    """
    inputs = [golden_input(spec) for spec in variant.inputs]
    outputs = [np.zeros(spec.shape, spec.dtype) for spec in variant.outputs]
    session.bind(inputs, outputs)
    session.run()
    worst = 0.0
    for spec, output in zip(variant.outputs, outputs, strict=True):
        try:
            worst = max(worst, _compare(output, variant.golden.get(spec.name)))
        except ValueError as e:
            text = f"cannot trust '{variant.id}' on {session.provider}: output {spec.name} {e}"
            raise RuntimeLoadError(text) from e
    return worst


def _compare(output: NDArray[np.generic], golden: GoldenOutput | None) -> float:
    """Give the largest difference of one output.

    Raises:
        ValueError: Something is wrong with it.
    """
    if not np.isfinite(output).all():
        raise ValueError("has values that are not finite")
    if not output.any():
        raise ValueError("is all zero")
    if golden is None:
        return 0.0
    values = sample(output)
    if len(values) != len(golden.values):
        raise ValueError(f"has {len(values)} golden values, the manifest lists {len(golden.values)}")
    worst = max(abs(a - b) for a, b in zip(values, golden.values, strict=True))
    if worst > golden.tolerance:
        raise ValueError(f"differs by {worst:.3g} from the manifest, {golden.tolerance:.3g} is allowed")
    return worst
