"""Manifest entries of model files, from what the files themselves and the runtimes say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from converting import session
from converting.recipe import Recipe
from edgefuse.config.manifest import GoldenOutput, ModelFile, Precision, Source, TensorSpec, Variant
from edgefuse.planning import golden
from edgefuse.runtime import TensorInfo

OPSETS = {"from-tflite": 13, "resize": 11}
"""What ``graph.py`` writes; a resized graph keeps the original's."""

TOLERANCES = {"fp32": 1e-3, "fp16": 2.5e-2}
"""Accepted difference of a golden value, in parts of the largest golden value of its output.

In float32, runtimes differ by the order of their sums: up to 1e-4, the gate's limit; ten times that still tells a wrong
kernel. In float16 the golden values were off by up to 1e-2 (YuNet); 2.5 times that, because the stick's own rounding is
unknown.
"""
FLOOR = 1e-3
"""Accepted in every precision, in parts of the output's usual range on real input.

YuNet's scores all but vanish on the golden picture, to 1e-6, and there the order of the sums makes 3 % of them.
"""


def describe(recipe: Recipe, path: Path, source: Variant) -> Variant:
    """Describe a file that was just made; golden values and memory are not measured yet."""
    opened = session.open_session(session.runtimes_for(recipe.format)[0], path)
    inputs = tuple(_spec(info, spec) for info, spec in zip(opened.inputs, source.inputs, strict=True))
    outputs = tuple(_spec(info, spec) for info, spec in zip(opened.outputs, source.outputs, strict=True))
    opened.close()
    content = path.read_bytes()
    file = ModelFile(
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        source=Source(converted_from=recipe.source),
    )
    return Variant(
        id=recipe.variant,
        format=recipe.format,
        precision=recipe.precision,
        size_px=recipe.size_px,
        files=(file,),
        inputs=inputs,
        outputs=outputs,
        opset=(OPSETS.get(recipe.edit) or source.opset) if recipe.format == "onnx" else None,
    )


def with_measured(variant: Variant, path: Path, values: session.Outputs, spans: list[float]) -> Variant:
    """Add golden values and memory.

    Args:
        variant: What to add to.
        path: Its first file.
        values: The reference's outputs for the golden inputs.
        spans: Usual range of each output on real input.
    """
    outputs = {
        spec.name: _golden_output(golden.sample(output), span, variant.precision)
        for spec, output, span in zip(variant.outputs, values, spans, strict=True)
    }
    memory_mb = session.measure_memory_mb(path, variant)
    return msgspec.structs.replace(variant, golden=outputs, memory_mb=memory_mb)


def _spec(info: TensorInfo, source: TensorSpec) -> TensorSpec:
    """Take name, shape and type from the file, and the meaning from the model that it was made from."""
    layout = source.layout
    if layout != "plain":
        layout = "nhwc" if info.shape[-1] == 3 else "nchw"
    return msgspec.structs.replace(source, name=info.name, shape=info.shape, layout=layout)


def _golden_output(values: tuple[float, ...], span: float, precision: Precision) -> GoldenOutput:
    """Promise values as exactly as runtimes can keep it."""
    tolerance = max(TOLERANCES[precision] * max(map(abs, values)), FLOOR * span)
    return GoldenOutput(values=tuple(map(_rounded, values)), tolerance=float(f"{tolerance:.2g}"))


def _rounded(value: float) -> float:
    """Keep six digits, more than any tolerance here sees."""
    return float(f"{value:.6g}")
