"""Tests of the YuNet decoder, on outputs that are written by hand in the layouts that converters make."""

import math

import numpy as np
import pytest
from fakes.model_files import model_file
from numpy.typing import NDArray

from edgefuse.config.manifest import TensorSpec, Variant
from edgefuse.errors import RuntimeLoadError
from edgefuse.vision.detectors.yunet import YuNetDecoder

SIZE_PX = 320
WIDTHS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
Tables = dict[tuple[str, int], NDArray[np.float32]]


def empty() -> Tables:
    return {
        (kind, s): np.zeros(((SIZE_PX // s) ** 2, w), np.float32) for kind, w in WIDTHS.items() for s in (8, 16, 32)
    }


def outputs_in(layout: str, tables: Tables) -> tuple[Variant, list[NDArray[np.float32]]]:
    """Give the tables as one of the layouts, and the variant that describes it."""
    arrays, specs = [], []
    for (kind, stride), table in tables.items():
        side = SIZE_PX // stride
        array = table[np.newaxis]
        if layout == "nhwc":
            array = table.reshape(1, side, side, -1)
        elif layout == "nchw":
            array = table.reshape(1, side, side, -1).transpose(0, 3, 1, 2)
        arrays.append(np.ascontiguousarray(array))
        spec_layout = "plain" if layout == "plain" else layout
        specs.append(TensorSpec(name=f"{kind}_{stride}", shape=array.shape, layout=spec_layout))  # type: ignore[arg-type]
    variant = Variant(
        id="v",
        format="onnx",
        precision="fp32",
        size_px=SIZE_PX,
        files=(model_file(),),
        inputs=(),
        outputs=tuple(specs),
    )
    return variant, arrays


@pytest.mark.parametrize("layout", ["plain", "nhwc", "nchw"])
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_a_candidate_is_placed_by_its_cell_and_stride(layout: str, stride: int) -> None:
    tables = empty()
    column, row = 3, 5
    cell = row * (SIZE_PX // stride) + column
    tables["cls", stride][cell], tables["obj", stride][cell] = 0.9, 0.4
    tables["bbox", stride][cell] = (0.5, 0.25, math.log(2), math.log(4))
    tables["kps", stride][cell] = np.arange(10) / 10
    variant, arrays = outputs_in(layout, tables)
    (face,) = YuNetDecoder(variant).decode(arrays, 0.5)
    assert face.score == pytest.approx(math.sqrt(0.36))
    np.testing.assert_allclose(face.box, np.array((2.5, 3.25, 4.5, 7.25)) * stride, rtol=1e-5)
    points = (np.arange(10).reshape(5, 2) / 10 + (column, row)) * stride
    assert face.points is not None
    np.testing.assert_allclose(face.points, points, rtol=1e-5)
    np.testing.assert_allclose(face.eyes, points[:2], rtol=1e-5)


def test_one_face_seen_at_two_strides_is_one_face() -> None:
    tables = empty()
    for stride, cell in ((8, 10 * 40 + 10), (16, 5 * 20 + 5)):
        tables["cls", stride][cell] = tables["obj", stride][cell] = 0.8
        tables["bbox", stride][cell] = (0, 0, math.log(64 / stride), math.log(64 / stride))
    variant, arrays = outputs_in("plain", tables)
    (face,) = YuNetDecoder(variant).decode(arrays, 0.5)
    np.testing.assert_allclose(face.box, (48, 48, 112, 112), rtol=1e-5)


def test_nothing_found_is_no_face() -> None:
    variant, arrays = outputs_in("plain", empty())
    assert YuNetDecoder(variant).decode(arrays, 0.0) == []


def test_a_model_of_another_family_is_refused_when_it_is_opened() -> None:
    tables = empty()
    del tables["obj", 16]
    with pytest.raises(RuntimeLoadError, match="1 outputs are 400x1, not 2"):
        YuNetDecoder(outputs_in("plain", tables)[0])
