"""Runtimes, one file each, found by file name; and the tiny network by which each of them proves itself."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np

from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Format
from edgefuse.errors import RuntimeLoadError, RuntimeMissingError, RuntimeRunError
from edgefuse.runtime import Runtime, SessionOptions

_FOLDER = Path(__file__).parent / "probe_models"
# One network in three formats, made by tools/make_probe_models. A format that is not here cannot be proven.
PROBE_MODELS: dict[Format, Path] = {
    "tflite": _FOLDER / "probe.tflite",
    "onnx": _FOLDER / "probe.onnx",
    "openvino_ir": _FOLDER / "probe.xml",
}
# Its second output for the input 0/32 .. 31/32, computed by its maker from the definition of a convolution.
_MEANS = (0.29541016, 0.14160156, 0.31469727)
_TOLERANCE = 2e-2  # accelerators compute in fp16 or bf16; zeros and mixed-up layouts are off by more than 0.1


def prove(runtime: Runtime, runtime_id: str, version: str, targets: Iterable[str]) -> RuntimeFact:
    """Run the tiny network on every target in every format; give what computes it, and why a target does not."""
    proven: list[tuple[str, Format]] = []
    failures = []
    for target in targets:
        reasons = {form: _failure(runtime, target, PROBE_MODELS[form]) for form in sorted(runtime.formats)}
        proven += [(target, form) for form, reason in reasons.items() if not reason]
        if all(reasons.values()):
            failures.append(f"{target}: {next(iter(reasons.values()))}")
    return RuntimeFact(
        id=runtime_id,
        version=version,
        targets=tuple(dict.fromkeys(target for target, _ in proven)),
        formats=tuple(dict.fromkeys(form for _, form in proven)),
        is_usable=bool(proven),
        reason="; ".join(failures),
    )


def _failure(runtime: Runtime, target: str, model: Path) -> str:
    """Run the tiny network once; say what went wrong, or nothing."""
    picture = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2) / 32
    try:
        with closing(runtime.open(model, SessionOptions(target=target))) as session:
            outputs = [np.zeros(info.shape, np.float32) for info in session.outputs]
            session.bind([picture], outputs)
            session.run()
    except (RuntimeMissingError, RuntimeLoadError, RuntimeRunError) as e:
        return str(e)
    means = outputs[1].ravel()
    if np.allclose(means, _MEANS, rtol=0, atol=_TOLERANCE):
        return ""
    return f"cannot trust {target}: the probe network gives {means.tolist()}, not {list(_MEANS)}"
