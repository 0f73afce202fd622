"""Tests of pictures that go into models, and of what comes out."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest
from fakes.discs import bound_model, image
from numpy.typing import NDArray

from edgefuse.config.manifest import TensorSpec
from edgefuse.errors import PlanError, RuntimeRunError
from edgefuse.vision.model import ImageInput, Models

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_a_picture_is_written_as_its_spec_asks(layout: Literal["nhwc", "nchw"], colour: Literal["rgb", "bgr"]) -> None:
    shape = (1, 24, 32, 3) if layout == "nhwc" else (1, 3, 24, 32)
    spec = TensorSpec(name="x", shape=shape, layout=layout, colour=colour, mean=127.5, scale=1 / 128)
    tensor = np.zeros(shape, np.float32)
    ImageInput(spec, tensor).write(PICTURE)
    channels = PICTURE[:, :, ::-1] if colour == "rgb" else PICTURE
    expected = (channels.astype(np.float32) - 127.5) / 128
    written = tensor[0] if layout == "nhwc" else tensor[0].transpose(1, 2, 0)
    np.testing.assert_allclose(written, expected, atol=1e-6)


def test_an_integer_input_gets_the_pixels_themselves() -> None:
    spec = TensorSpec(name="x", shape=(1, 24, 32, 3), dtype="uint8", layout="nhwc", colour="bgr", scale=1 / 255)
    tensor = np.zeros(spec.shape, np.uint8)
    ImageInput(spec, tensor).write(PICTURE)
    np.testing.assert_array_equal(tensor[0], PICTURE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_output_that_is_not_finite_is_an_error(value: float) -> None:
    def look(_inputs: Sequence[NDArray[Any]], outputs: Sequence[NDArray[Any]]) -> None:
        outputs[0][0, 3] = value
        outputs[0][0, 4] = -value

    output = TensorSpec(name="logits", shape=(1, 8))
    model = bound_model("embed_faces", "none", 8, (image(8), (output,)), look)
    with pytest.raises(RuntimeRunError, match="output logits is not finite"):
        model.run()


def test_the_size_nearest_to_the_wish_is_chosen() -> None:
    def look(*_: object) -> None: ...

    output = (TensorSpec(name="y", shape=(1, 1)),)
    models = Models(bound_model("detect_faces", "none", size, (image(size), output), look) for size in (96, 128, 192))
    assert [models.model("detect_faces", wish).variant.size_px for wish in (0, 100, 128, 1000)] == [96, 96, 128, 192]
    with pytest.raises(PlanError, match="none was opened"):
        models.model("embed_faces")
