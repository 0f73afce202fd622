"""Golden values of a variant that has none yet, as a runtime of this machine gives them.

``python -m edgefuse.factory.promise`` is the child that runs it: it reads a ``TrialRequest`` and prints golden outputs,
both as JSON. They are only as right as that runtime; a person looks at what the model does before promising them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from edgefuse import registry
from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import GoldenOutput, Precision, Variant
from edgefuse.errors import RuntimeLoadError
from edgefuse.planning.candidate import make_setup
from edgefuse.planning.child import ChildError, answer_parent, ask_child
from edgefuse.planning.trial import TIMEOUT_S, TrialRequest
from edgefuse.runtime import Runtime, SessionOptions
from edgefuse.store.store import Store

TOLERANCES: Mapping[Precision, float] = {"fp32": 1e-3, "fp16": 2.5e-2, "int8": 5e-2}
"""In parts of the largest golden value: how far runtimes differ that are right, as ``tools/convert`` has it."""
FLOOR = 1e-3
"""Closest tolerance, in parts of the output's range."""
Golden = dict[str, GoldenOutput]


def make_golden(variant: Variant, fact: RuntimeFact, store: Store) -> Golden:
    """Run a variant on the golden input in a child process, and give what it gave.

    Raises:
        RuntimeLoadError: It cannot be run.
        StoreError: A file is not in the store.
    """
    setup = make_setup(variant, fact.id, fact.version, fact.targets[0], threads=1)
    path = str(store.path_of(variant.files))
    request = TrialRequest(variant=variant, path=path, setup=setup, duration_s=0)
    try:
        answer = ask_child("edgefuse.factory.promise", question=msgspec.json.encode(request), timeout_s=TIMEOUT_S)
        return msgspec.json.decode(answer, type=Golden)
    except (ChildError, msgspec.DecodeError) as e:
        raise RuntimeLoadError(f"cannot run '{variant.id}' on {fact.id}: {e}") from e


def _run(request: TrialRequest) -> Golden:
    """Do the child's work."""
    import numpy as np

    from edgefuse.planning import golden

    variant = request.variant
    runtime: Runtime = registry.load("edgefuse.runtimes", request.setup.runtime)
    options = SessionOptions(target=request.setup.target, threads=1, precision=variant.precision)
    session = runtime.open(Path(request.path), options)
    outputs = [np.zeros(spec.shape, spec.dtype) for spec in variant.outputs]
    session.bind([golden.golden_input(spec) for spec in variant.inputs], outputs)
    session.run()
    return {
        spec.name: _promise(golden.sample(output), float(np.ptp(output)), variant.precision)
        for spec, output in zip(variant.outputs, outputs, strict=True)
    }


def _promise(values: tuple[float, ...], span: float, precision: Precision) -> GoldenOutput:
    tolerance = max(TOLERANCES[precision] * max(map(abs, values)), FLOOR * span)
    return GoldenOutput(values=tuple(float(f"{v:.6g}") for v in values), tolerance=float(f"{tolerance:.2g}"))


if __name__ == "__main__":
    answer_parent(lambda: msgspec.json.encode(_run(msgspec.json.decode(sys.stdin.buffer.read(), type=TrialRequest))))
