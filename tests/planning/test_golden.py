from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgefuse import registry
from edgefuse.config.manifest import GoldenOutput, ModelFile, Source, TensorSpec, Variant
from edgefuse.errors import RuntimeLoadError
from edgefuse.planning import golden
from edgefuse.runtime import Session, SessionOptions

IMAGE = TensorSpec(name="image", shape=(1, 6, 8, 3), layout="nhwc", mean=127.5, scale=1 / 127.5)


def open_formula(tmp_path: Path, **formula: float) -> Session:
    """Open a fake model with one input and one output of 40 values that follow from it."""
    path = tmp_path / "formula.json"
    output = {"name": "scores", "shape": [40], **formula}
    path.write_bytes(msgspec.json.encode({"inputs": [{"name": "image", "shape": IMAGE.shape}], "outputs": [output]}))
    session: Session = registry.load("edgefuse.runtimes", "fake").open(path, SessionOptions())
    return session


def variant(values: tuple[float, ...] = (), tolerance: float = 1e-3) -> Variant:
    file = ModelFile(name="formula.json", sha256="0" * 64, size_bytes=1, source=Source(file="formula.json"))
    return Variant(
        id="fp32-8-fake",
        format="fake",
        precision="fp32",
        size_px=8,
        files=(file,),
        inputs=(IMAGE,),
        outputs=(TensorSpec(name="scores", shape=(40,)),),
        golden={"scores": GoldenOutput(values=values, tolerance=tolerance)} if values else {},
    )


def promised() -> tuple[float, ...]:
    return golden.sample(golden.golden_input(IMAGE).reshape(-1)[:40])


def test_input_has_the_range_that_the_manifest_describes() -> None:
    values = golden.golden_input(IMAGE)
    assert (values.shape, values.dtype) == ((1, 6, 8, 3), np.float32)
    assert -1 <= values.min() < -0.5 and 0.5 < values.max() <= 1


def test_input_is_the_same_picture_in_every_layout() -> None:
    nchw = msgspec.structs.replace(IMAGE, shape=(1, 3, 6, 8), layout="nchw")
    np.testing.assert_array_equal(golden.golden_input(nchw).transpose(0, 2, 3, 1), golden.golden_input(IMAGE))


@pytest.mark.parametrize(("dtype", "zero_point"), [("uint8", 0), ("int8", -128)])
def test_integer_input_holds_whole_pixels_around_its_zero_point(dtype: str, zero_point: int) -> None:
    spec = msgspec.convert(
        {"name": "image", "shape": IMAGE.shape, "layout": "nhwc", "dtype": dtype, "zero_point": zero_point}, TensorSpec
    )
    pixels = np.round(golden.golden_input(IMAGE) * 127.5 + 127.5)
    np.testing.assert_array_equal(golden.golden_input(spec).astype(int) - zero_point, pixels)


def test_sample_takes_sixteen_values_from_the_first_to_the_last() -> None:
    values = golden.sample(np.arange(301.0).reshape(7, 43))
    assert (len(values), values[0], values[-1]) == (16, 0.0, 300.0)


def test_outputs_as_promised_pass_and_how_near_they_are_is_told(tmp_path: Path) -> None:
    assert golden.check(open_formula(tmp_path), variant(promised())) < 1e-6
    assert golden.check(open_formula(tmp_path, offset=0.0005), variant(promised())) == pytest.approx(5e-4, rel=1e-2)


def test_output_out_of_tolerance_is_refused_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(RuntimeLoadError, match=r"^cannot trust 'fp32-8-fake' on fake: .* differs by 0.01 .* 0.001 is"):
        golden.check(open_formula(tmp_path, offset=0.01), variant(promised()))


def test_output_of_zeros_is_refused_even_without_golden_values(tmp_path: Path) -> None:
    with pytest.raises(RuntimeLoadError, match=r"output scores is all zero"):
        golden.check(open_formula(tmp_path, gain=0.0), variant())


def test_output_that_is_not_finite_is_refused_even_without_golden_values(tmp_path: Path) -> None:
    # Larger than float32 reaches; numpy warns where the formula is computed, a network would not.
    with np.errstate(over="ignore"), pytest.raises(RuntimeLoadError, match=r"output scores has values that are not"):
        golden.check(open_formula(tmp_path, offset=1e39), variant())


def test_manifest_with_too_few_golden_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeLoadError, match=r"has 16 golden values, the manifest lists 3"):
        golden.check(open_formula(tmp_path), variant(promised()[:3]))
