"""Edits of ONNX graphs, and one canonical form of them.

Converters name and order things by hash tables and leave their version and paths in the file. In the canonical form
the same model gives the same bytes on every machine. Needs ``onnx``, so only the converters' environment has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any  # protobuf's repeated fields carry no type

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

OPSET = 13  # the newest that OpenVINO 2022.3 reads
IR_VERSION = 7  # came with opset 13


def rewrite_prelu(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace PRelu(x, a) by Relu(x) + a * Min(x, 0), which gives the same bits.

    ONNX Runtime has no fast kernel for PRelu; docs/models.md has the figures.
    """
    nodes = []
    for i, node in enumerate(model.graph.node):
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        x, slope = node.input
        positive, negative, scaled = (f"{node.output[0]}/{part}" for part in ("positive", "negative", "scaled"))
        zero = f"prelu_zero_{i}"
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), zero))
        nodes += [
            helper.make_node("Relu", [x], [positive]),
            helper.make_node("Min", [x, zero], [negative]),
            helper.make_node("Mul", [negative, slope], [scaled]),
            helper.make_node("Add", [positive, scaled], node.output),
        ]
    _replace(model.graph.node, nodes)
    return model


def resize(model: onnx.ModelProto, size_px: int) -> onnx.ModelProto:
    """Give a fully convolutional NCHW network another square input; its outputs' shapes follow."""
    for axis in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        axis.dim_value = size_px
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    _replace(model.graph.output, inferred.graph.output)
    return model


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Compute in float16; inputs and outputs stay float32.

    Not by a library: the networks here need no more than new weights and casts at the border.
    """
    graph = model.graph
    scales = {name for node in graph.node if node.op_type == "Resize" for name in node.input[1:]}
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and tensor.name not in scales:  # Resize takes float32 scales only
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    half = {value.name: f"{value.name}/half" for value in (*graph.input, *graph.output)}
    for node in graph.node:
        _replace(node.input, [half.get(name, name) for name in node.input])
        _replace(node.output, [half.get(name, name) for name in node.output])
    first = [helper.make_node("Cast", [v.name], [half[v.name]], to=TensorProto.FLOAT16) for v in graph.input]
    last = [helper.make_node("Cast", [half[v.name]], [v.name], to=TensorProto.FLOAT) for v in graph.output]
    _replace(graph.node, [*first, *graph.node, *last])
    return model


def canonical(model: onnx.ModelProto) -> onnx.ModelProto:
    """Order nodes by a walk back from the outputs, name everything by its place, drop what says where it came from."""
    graph = model.graph
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    nodes = list(_walk(graph))
    weights = {tensor.name: tensor for tensor in graph.initializer}
    kept: dict[str, onnx.TensorProto] = {}
    for i, node in enumerate(nodes):
        for name in node.input:
            if name in weights and name not in kept:
                kept[name] = numpy_helper.from_array(numpy_helper.to_array(weights[name]), f"w{len(kept)}")
                names[name] = kept[name].name
        for name in node.output:
            names.setdefault(name, f"t{i}")
    names[""] = ""  # an optional input that is left out
    made = [
        helper.make_node(
            node.op_type,
            [names[name] for name in node.input],
            [names[name] for name in node.output],
            name=f"n{i}",
            **{a.name: helper.get_attribute_value(a) for a in sorted(node.attribute, key=lambda a: a.name)},
        )
        for i, node in enumerate(nodes)
    ]
    inputs, outputs = ([_plain_value(value) for value in side] for side in (graph.input, graph.output))
    bare = helper.make_graph(made, "edgefuse", inputs, outputs, initializer=list(kept.values()))
    version = next(o.version for o in model.opset_import if not o.domain)
    opsets = [helper.make_opsetid("", version)]
    return helper.make_model(bare, opset_imports=opsets, ir_version=min(model.ir_version, IR_VERSION))


def to_bytes(model: onnx.ModelProto) -> bytes:
    """Give the content of the file of a model."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _walk(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Give the nodes in an order that only the graph's structure decides, each after those that it needs."""
    makers = {name: node for node in graph.node for name in node.output}
    done: set[int] = set()
    stack = [(makers[value.name], False) for value in reversed(graph.output)]
    while stack:
        node, is_ready = stack.pop()
        if id(node) in done:
            continue
        if is_ready:
            done.add(id(node))
            yield node
            continue
        stack.append((node, True))
        stack += [(makers[name], False) for name in reversed(node.input) if name in makers]


def _plain_value(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    tensor = value.type.tensor_type
    return helper.make_tensor_value_info(value.name, tensor.elem_type, [d.dim_value for d in tensor.shape.dim])


def _replace(field: Any, items: Iterable[Any]) -> None:
    """Set a repeated field of a message to items that may be its own."""
    items = list(items)
    del field[:]
    field.extend(items)
