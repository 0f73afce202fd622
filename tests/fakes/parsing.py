"""A parsing model that takes white for face, black for hair, and grey for a hand."""

from collections.abc import Sequence

import numpy as np
from fakes.discs import FakeSession, bound_model
from numpy.typing import NDArray

from edgefuse.config.manifest import TensorSpec
from edgefuse.errors import RuntimeRunError
from edgefuse.vision.model import Model

PARSE_PX = 64
FACE_LEVEL, HAND_LEVEL, HAIR_LEVEL = 250, 128, 10
HAIR, BODY, FACE = 1, 2, 3


def parsing_model(*, is_broken: bool = False) -> Model:
    """Bind the model; a broken one fails whenever it is asked."""
    image = TensorSpec(name="image", shape=(1, PARSE_PX, PARSE_PX, 3), layout="nhwc", colour="rgb", scale=1 / 255)
    classes = TensorSpec(name="classes", shape=(1, PARSE_PX, PARSE_PX, 6))

    def parse(inputs: Sequence[NDArray[np.generic]], outputs: Sequence[NDArray[np.generic]]) -> None:
        if is_broken:
            raise RuntimeRunError("cannot run: broken")
        light = inputs[0][0].astype(np.float32).mean(axis=2)
        outputs[0][:] = 0
        outputs[0][0, :, :, HAIR] = light < 1 / 3
        outputs[0][0, :, :, FACE] = light > 2 / 3
        outputs[0][0, :, :, BODY] = 0.5

    return bound_model("parse_faces", "classes", PARSE_PX, ((image,), (classes,)), parse)


def runs_of(model: Model) -> int:
    """Tell how often a model was asked."""
    assert isinstance(model.session, FakeSession)
    return model.session.runs
