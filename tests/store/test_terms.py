"""Where a release may go."""

import pytest
from fakes.planned import make_host, make_profile

from edgefuse.store.terms import Constraints

BOARD = make_profile("tflite", id="door")
HOST = make_host("tflite", "onnxruntime")  # both of version 1


@pytest.mark.parametrize(
    ("constraints", "misfit"),
    [
        (Constraints(), ""),
        (Constraints(profiles=("door", "gate")), ""),
        (Constraints(profiles=("gate",)), "it is for gate only"),
        (Constraints(edgefuse="1.9"), ""),
        (Constraints(edgefuse="1.10"), ""),
        (Constraints(edgefuse="1.11"), "it needs edgefuse 1.11 or newer, 1.10.2 is here"),
        (Constraints(runtimes={"tflite": "1"}), ""),
        (Constraints(runtimes={"tflite": "1.1"}), "it needs tflite 1.1 or newer, 1 is here"),
        (Constraints(runtimes={"openvino": "2024"}), ""),
    ],
)
def test_release_goes_only_where_its_constraints_allow(constraints: Constraints, misfit: str) -> None:
    assert constraints.find_misfit(BOARD, HOST, "1.10.2") == misfit
