"""Pairs of a real model and what an update may make of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgefuse.config.manifest import Variant
from edgefuse.factory.layout import find_tensors
from edgefuse.factory.matching import Content
from edgefuse.store.store import Store

_SMALLEST_BYTES = 256  # of a tensor that training changes
Change = Callable[[NDArray[np.float32]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Pair:
    """An update of a model file."""

    model: str
    change: str
    base: Content
    target: Content


def list_pairs(model: str, variant: Variant, store: Store) -> Iterator[Pair]:
    """Make every update of a variant that its format allows; the same ones each time."""
    base = load_content(variant, store)
    yield Pair(model, "half fine-tuned", base, fine_tune(base))
    for relative in (1e-5, 1e-3):
        yield Pair(model, f"all weights ±{relative:.0e}", base, scatter(base, relative))
    if variant.format == "onnx":
        yield Pair(model, "one layer more", base, _read(_add_layer(base)))
        yield Pair(model, "one layer more, all ±1e-05", base, scatter(_read(_add_layer(base)), 1e-5))
        small = _quantise(base)
        yield Pair(model, "int8, half fine-tuned", small, _quantise(fine_tune(base)))
        yield Pair(model, "int8, all weights ±1e-03", small, _quantise(scatter(base, 1e-3)))


def load_content(variant: Variant, store: Store) -> Content:
    """Give the largest file of a variant with its tensors."""
    files = {file.name: store.path(file.sha256).read_bytes() for file in variant.files}
    largest = max(variant.files, key=lambda file: file.size_bytes).name
    return Content(files[largest], tuple(find_tensors(variant.format, files)[largest]))


def fine_tune(content: Content) -> Content:
    """Change the second half of the network as Adam does with gradients that are noise.

    A hundred steps at a rate of 1e-5, each step as large as the rate and of a random sign, move every weight by a
    normally distributed distance of 1e-4 on average.
    """
    random = np.random.default_rng(1)
    place = len(content.data) // 2
    return _change(content, lambda weights: weights + random.normal(0.0, 1e-4, weights.size), place)


def scatter(content: Content, relative: float) -> Content:
    """Change every weight by a random share of itself, evenly distributed up to ``relative``."""
    random = np.random.default_rng(2)
    return _change(content, lambda weights: weights * (1.0 + random.uniform(-relative, relative, weights.size)), 0)


def _change(content: Content, change: Change, first_place: int) -> Content:
    data = bytearray(content.data)
    for tensor in content.tensors:
        if tensor.width in (2, 4) and tensor.length >= _SMALLEST_BYTES and tensor.offset >= first_place:
            span = slice(tensor.offset, tensor.offset + tensor.length)
            form = f"<f{tensor.width}"
            weights = np.frombuffer(data[span], form)
            data[span] = change(weights.astype(np.float32)).astype(form).tobytes()
    return Content(bytes(data), content.tensors)


def _read(data: bytes) -> Content:
    return Content(data, tuple(find_tensors("onnx", {"model": data})["model"]))


def _add_layer(content: Content) -> bytes:
    """Put a 1x1 convolution that is close to nothing behind the convolution in the middle."""
    model = onnx.load_from_string(content.data)
    graph = model.graph
    places = [place for place, node in enumerate(graph.node) if node.op_type == "Conv"]
    place = places[len(places) // 2]
    before = graph.node[place]
    weights = {weight.name: weight for weight in graph.initializer}
    channels = weights[before.input[1]].dims[0]
    noise = np.random.default_rng(3).normal(0.0, 0.01, (channels, channels))
    kernel = (np.eye(channels) + noise).astype(np.float32)[:, :, None, None]
    output, before.output[0] = before.output[0], "one_more_input"
    graph.node.insert(place + 1, onnx.helper.make_node("Conv", ["one_more_input", "one_more_kernel"], [output]))
    graph.initializer.insert(len(graph.initializer) // 2, onnx.numpy_helper.from_array(kernel, "one_more_kernel"))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _quantise(content: Content) -> Content:
    """Store weights as int8, one scale a channel, with ONNX Runtime's own tool."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "model.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(content.data)
        quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8)
        return _read(target.read_bytes())
