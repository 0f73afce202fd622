"""What a conversion must meet before its manifest entry is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converting.errors import ConvertError
from converting.session import Outputs
from edgefuse import registry
from edgefuse.config.manifest import Manifest, Variant
from edgefuse.vision.detector import DecoderType

MIN_SCORE = 0.5  # as sure as a face must be to be drawn
EYE_CORNERS = (33, 263)  # the outer ones, in MediaPipe's order of landmarks
USUAL = 0.95
"""Share of the crops that ranges are taken over: on the others BlazeFace's values reach 200 times as far as usual."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a variant made of the crops."""

    variant: Variant
    outputs: Outputs


@dataclass(frozen=True, slots=True)
class Measures:
    """How far a variant is from its reference on the same crops; nothing where a measure does not apply."""

    difference: float | None = None
    """Largest difference of any value on the usual crops, in parts of the range that its output has there."""
    lost: float | None = None
    """Share of crops on which other faces are found."""
    moved_pt: float | None = None
    """Mean movement of the landmarks, in percent of the distance between the eyes."""

    def __str__(self) -> str:
        told = ((name, getattr(self, name)) for name in MEASURES)
        return ", ".join(f"{name} {value:.2g}" for name, value in told if value is not None)


MEASURES = ("difference", "lost", "moved_pt")


@dataclass(frozen=True, slots=True)
class Gate:
    """Largest accepted measures of one kind of conversion."""

    limits: Measures
    min_overlap: float
    """Boxes whose intersection over union is less are other faces."""

    def misses(self, measures: Measures) -> list[str]:
        """Name the measures that are over their limit."""
        rows = ((name, getattr(measures, name), getattr(self.limits, name)) for name in MEASURES)
        return [
            f"{name} is {measure:.3g}, {limit:.3g} is allowed"
            for name, measure, limit in rows
            if measure is not None and limit is not None and measure > limit
        ]


GATES = {
    "fp32": Gate(Measures(difference=1e-4, lost=0, moved_pt=0.05), min_overlap=0.99),
    "fp16": Gate(Measures(lost=0.005, moved_pt=0.05), min_overlap=0.9),
    # Another input size sees other pixels; it must find the people that the original finds.
    "resize": Gate(Measures(lost=0.05), min_overlap=0.5),
}


def measure(manifest: Manifest, expected: Result, got: Result, gate: Gate) -> Measures:
    """Compare outputs with the reference's; those of another input size by the faces alone.

    Raises:
        ConvertError: An output is not finite.
    """
    if not all(np.isfinite(output).all() for output in got.outputs):
        raise ConvertError(f"cannot accept {got.variant.id} of '{manifest.id}': it gives infinite values")
    scale = expected.variant.size_px / got.variant.size_px
    difference = _difference(expected.outputs, got.outputs) if scale == 1 else None
    if manifest.task != "detect_faces":
        return Measures(difference, moved_pt=_moved_pt(expected.outputs[0], got.outputs[0]))
    wanted, found = _boxes(manifest, expected), _boxes(manifest, got)
    lost = [not _are_same(a, b * scale, gate.min_overlap) for a, b in zip(wanted, found, strict=True)]
    return Measures(difference, lost=float(np.mean(lost)))


def ranges(outputs: Outputs) -> list[float]:
    """Give how far the values of each output reach on a usual crop from the smallest to the largest, zero included."""
    return [_usual(np.maximum(rows.max(1), 0) - np.minimum(rows.min(1), 0)) for rows in map(_rows, outputs)]


def _difference(expected: Outputs, got: Outputs) -> float:
    """Give the largest difference of any value on the usual crops in parts of its output's range."""
    pairs = zip(expected, got, ranges(expected), strict=True)
    return max(_usual(_rows(np.abs(a - b)).max(1)) / span for a, b, span in pairs)


def _rows(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """Flatten what was given for each crop."""
    return output.reshape(len(output), -1)


def _usual(of_crops: NDArray[np.float32]) -> float:
    """Give the largest of one value a crop, the unusual crops left out; few crops are all usual."""
    return float(np.quantile(of_crops, USUAL, method="higher"))


def _moved_pt(expected: NDArray[np.float32], got: NDArray[np.float32]) -> float:
    """Give the mean movement of (N, ...) landmarks, x y z each, in percent of the distance between the eyes."""
    a, b = (points.reshape(len(points), -1, 3)[..., :2] for points in (expected, got))
    left, right = (a[:, corner] for corner in EYE_CORNERS)
    apart = np.linalg.norm(left - right, axis=-1, keepdims=True)
    return float((np.linalg.norm(a - b, axis=-1) / apart).mean() * 100)


def _boxes(manifest: Manifest, result: Result) -> list[NDArray[np.float32]]:
    """Decode the outputs of every crop to (faces, 4) boxes in pixels of the variant's input."""
    decoder_type: DecoderType = registry.load("edgefuse.vision.detectors", manifest.decoder)
    decoder = decoder_type(result.variant)
    crops = zip(*result.outputs, strict=True)
    found = (decoder.decode([output[np.newaxis] for output in crop], MIN_SCORE) for crop in crops)
    return [np.array([face.box for face in faces], np.float32).reshape(-1, 4) for faces in found]


def _are_same(wanted: NDArray[np.float32], found: NDArray[np.float32], min_overlap: float) -> bool:
    """Tell whether two sets of boxes are of the same faces."""
    if len(wanted) != len(found):
        return False
    return all(max(_overlap(box, other) for other in found) >= min_overlap for box in wanted)


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Give intersection over union of two boxes, x1 y1 x2 y2."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    return common / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)
