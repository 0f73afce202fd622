"""Edits of ONNX graphs, on graphs of a few nodes."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from converting import graph
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]


def make_model(nodes: list[onnx.NodeProto], side_px: int, channels: int = 2, **weights: Floats) -> onnx.ModelProto:
    """Make a model from picture ``x`` to ``y`` of the same shape."""
    shape = [1, channels, side_px, side_px]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    made = helper.make_graph(nodes, "test", [x], [y], initializers)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", graph.OPSET)], producer_name="test")


def make_prelu() -> onnx.ModelProto:
    slopes = np.array([0.25, -1.1], np.float32).reshape(2, 1, 1)
    return make_model([helper.make_node("PRelu", ["x", "slopes"], ["y"])], 4, slopes=slopes)


def make_branches(first: str, second: str, order: int) -> onnx.ModelProto:
    nodes = [helper.make_node("Relu", ["x"], [first]), helper.make_node("Neg", ["x"], [second])][::order]
    return make_model([*nodes, helper.make_node("Add", [first, second], ["y"])], 4)


def make_enlarged() -> onnx.ModelProto:
    """Halve the picture and double it again, plus a weight that float16 rounds."""
    nodes = [
        helper.make_node("AveragePool", ["x"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["small", "", "scales"], ["large"], mode="nearest"),
        helper.make_node("Add", ["large", "weight"], ["y"]),
    ]
    return make_model(nodes, 4, scales=np.array([1, 1, 2, 2], np.float32), weight=np.array([0.1], np.float32))


def run(model: onnx.ModelProto, picture: Floats) -> Floats:
    session = onnxruntime.InferenceSession(graph.to_bytes(graph.canonical(model)), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": picture})
    return np.asarray(y, np.float32)


def draw(side_px: int) -> Floats:
    return np.random.default_rng(3).normal(size=(1, 2, side_px, side_px)).astype(np.float32)


def test_the_rewritten_prelu_gives_the_same_bits() -> None:
    rewritten = graph.rewrite_prelu(make_prelu())
    assert "PRelu" not in {node.op_type for node in rewritten.graph.node}
    np.testing.assert_array_equal(run(rewritten, draw(4)), run(make_prelu(), draw(4)))


def test_names_order_and_producer_do_not_change_the_bytes() -> None:
    models = (make_branches("a", "b", order=1), make_branches("z", "y2", order=-1))
    first, second = (graph.to_bytes(graph.canonical(model)) for model in models)
    assert first == second


def test_another_slope_changes_the_bytes() -> None:
    other = make_prelu()
    other.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((2, 1, 1), np.float32), "slopes"))
    assert graph.to_bytes(graph.canonical(make_prelu())) != graph.to_bytes(graph.canonical(other))


def test_canonical_keeps_what_a_model_computes() -> None:
    np.testing.assert_array_equal(run(make_branches("a", "b", order=1), draw(4)), np.maximum(draw(4), 0) - draw(4))


def test_a_resized_network_takes_and_gives_the_new_size() -> None:
    resized = graph.resize(make_enlarged(), 8)
    assert [d.dim_value for d in resized.graph.output[0].type.tensor_type.shape.dim] == [1, 2, 8, 8]
    assert run(resized, draw(8)).shape == (1, 2, 8, 8)


def test_a_halved_network_rounds_and_keeps_float32_outside() -> None:
    halved = graph.halve(make_enlarged())
    assert {value.type.tensor_type.elem_type for value in (*halved.graph.input, *halved.graph.output)} == {
        TensorProto.FLOAT
    }
    difference = np.abs(run(halved, draw(4)) - run(make_enlarged(), draw(4))).max()
    assert 0 < difference == pytest.approx(0, abs=2e-3)  # float16 has 11 bits
