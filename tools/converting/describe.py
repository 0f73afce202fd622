"""Manifest entries of model files, from what the files themselves and the runtimes say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from converting import session
from converting.recipe import Recipe
from edgefuse.config.manifest import GoldenOutput, ModelFile, Source, TensorSpec, Variant
from edgefuse.planning import golden
from edgefuse.runtime import TensorInfo

OPSETS = {"from-tflite": 13, "resize": 11}
"""What ``graph.py`` writes; a resized graph keeps the original's."""

TOLERANCES = {"fp32": 1e-3, "fp16": 2.5e-2}
"""Accepted difference of a golden value, in parts of its output's range.

In float32, runtimes differ by the order of their sums: up to 1e-4, the gate's limit; ten times that still tells a wrong
kernel. In float16 the worst value on the crops was off by 1.2e-2 (YuNet); twice that.
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
        spans: Range of each output on real input.
    """
    tolerance = TOLERANCES[variant.precision]
    outputs = {
        spec.name: GoldenOutput(
            values=tuple(_rounded(v) for v in golden.sample(output)), tolerance=float(f"{tolerance * span:.2g}")
        )
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


def _rounded(value: float) -> float:
    """Keep six digits, more than any tolerance here sees."""
    return float(f"{value:.6g}")
