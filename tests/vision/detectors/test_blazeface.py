"""Tests of the BlazeFace decoder, on outputs that are written by hand."""

import numpy as np
import pytest
from fakes.model_files import model_file
from numpy.typing import NDArray

from edgefuse.config.manifest import TensorSpec, Variant
from edgefuse.errors import RuntimeLoadError
from edgefuse.vision.detectors.blazeface import BlazeFaceDecoder


def variant(size_px: int, anchors: int, coordinates: int = 16) -> Variant:
    outputs = (TensorSpec(name="r", shape=(1, anchors, coordinates)), TensorSpec(name="c", shape=(1, anchors, 1)))
    return Variant(
        id="v", format="tflite", precision="fp32", size_px=size_px, files=(model_file(),), inputs=(), outputs=outputs
    )


def empty(anchors: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.zeros((1, anchors, 16), np.float32), np.full((1, anchors, 1), -20, np.float32)


@pytest.mark.parametrize(
    ("size_px", "anchors", "place", "centre"),
    [
        (128, 896, 0, (4, 4)),
        (128, 896, 1, (4, 4)),
        (128, 896, 2, (12, 4)),
        (128, 896, 2 * 16, (4, 12)),
        (128, 896, 512, (8, 8)),
        (128, 896, 512 + 6, (24, 8)),
        (128, 896, 895, (120, 120)),
        (192, 2304, 0, (2, 2)),
        (192, 2304, 49, (6, 6)),
        (96, 504, 503, (88, 88)),
    ],
)
def test_an_anchor_is_the_middle_of_its_cell(
    size_px: int, anchors: int, place: int, centre: tuple[float, float]
) -> None:
    regressors, logits = empty(anchors)
    regressors[0, place, :8] = (1, 2, 10, 20, -3, -4, 3, -4)
    logits[0, place] = 0
    (face,) = BlazeFaceDecoder(variant(size_px, anchors)).decode((regressors, logits), 0.5)
    x, y = centre
    np.testing.assert_allclose(face.box, (x + 1 - 5, y + 2 - 10, x + 1 + 5, y + 2 + 10))
    np.testing.assert_allclose(face.eyes, ((x - 3, y - 4), (x + 3, y - 4)))
    assert face.score == pytest.approx(0.5)


def test_outputs_may_come_in_either_order() -> None:
    regressors, logits = empty(896)
    logits[0, 7] = 3
    regressors[0, 7, 2:4] = 9
    one = variant(128, 896)
    other = Variant(
        id="v", format="onnx", precision="fp32", size_px=128, files=one.files, inputs=(), outputs=one.outputs[::-1]
    )
    (a,) = BlazeFaceDecoder(one).decode((regressors, logits), 0.5)
    (b,) = BlazeFaceDecoder(other).decode((logits, regressors), 0.5)
    np.testing.assert_array_equal(a.box, b.box)


def test_faces_come_best_first_and_weak_ones_not_at_all() -> None:
    regressors, logits = empty(896)
    regressors[0, :, 2:4] = 5
    logits[0, [0, 100, 300], 0] = (1, 2, -1)
    scores = [face.score for face in BlazeFaceDecoder(variant(128, 896)).decode((regressors, logits), 0.5)]
    assert scores == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1))])


@pytest.mark.parametrize("logit", [-1e30, 1e30])
def test_extreme_logits_overflow_nothing(logit: float) -> None:
    regressors, logits = empty(896)
    logits[:] = logit
    faces = BlazeFaceDecoder(variant(128, 896)).decode((regressors, logits), 0.0)
    assert all(0 <= face.score <= 1 for face in faces)


@pytest.mark.parametrize("bad", [variant(128, 900), variant(128, 896, coordinates=12)])
def test_a_model_of_another_family_is_refused_when_it_is_opened(bad: Variant) -> None:
    with pytest.raises(RuntimeLoadError, match="cannot decode"):
        BlazeFaceDecoder(bad)
