"""A runtime without a network: a JSON file says how each output follows from the first input.

It serves tests and dry runs on machines where nothing else is installed. Only a profile that names ``fake`` and a
manifest with a variant of format ``fake`` bring it into a plan. Target: ``cpu``. A model reads::

    {"inputs": [{"name": "image", "shape": [1, 4, 4, 2], "dtype": "float32"}],
     "outputs": [{"name": "copy", "shape": [1, 32], "dtype": "float32", "gain": 2.0, "offset": 1.0}]}

Value i of an output is ``gain * x[i mod len(x)] + offset``, where x is the first input, flattened. Axes of size -1 are
dynamic; an output that has one is as long as the first input.

What is wrong with bad models can be had too, beside the inputs and outputs: ``"run_ms": 5`` makes each run last so
long, ``"growth_kb": 100`` takes so much memory a run and gives it back when closed, and ``"fault": {"is": "crash",
"after_runs": 3}`` makes the fourth run crash the process; ``hang`` never returns, ``fail`` raises, and with ``zeros``
all outputs are zero from then on.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Format
from edgefuse.errors import RuntimeLoadError, RuntimeRunError
from edgefuse.runtime import Array, Runtime, Session, SessionOptions, TensorInfo, check_arrays, one_line


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input of the model."""

    name: str
    shape: tuple[int, ...]
    dtype: Literal["float32", "float16", "uint8", "int8", "int32", "int64"] = "float32"


class Output(Input, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One output of the model, and its formula."""

    gain: float = 1.0
    offset: float = 0.0


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong, and when."""

    kind: Literal["crash", "hang", "fail", "zeros"] = msgspec.field(name="is")
    after_runs: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Runs of a session that go well before."""


class FakeModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    inputs: Annotated[tuple[Input, ...], msgspec.Meta(min_length=1)]
    outputs: Annotated[tuple[Output, ...], msgspec.Meta(min_length=1)]
    run_ms: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """How long a run takes, beside its formulas."""
    growth_kb: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Memory that each run takes and only closing gives back."""
    fault: Fault | None = None


class Step:
    """One output's formula with the memory that it needs, taken once so that running takes none."""

    def __init__(self, image: Array, spec: Output, output: Array) -> None:
        self._x, self._y, self._spec = image.reshape(-1), output.reshape(-1), spec
        self._places = np.arange(output.size) % image.size
        self._taken = np.empty(output.size, image.dtype)
        self._values = np.empty(output.size, np.float64)

    def run(self) -> None:
        np.take(self._x, self._places, out=self._taken, mode="clip")  # "raise" would work on a copy
        np.multiply(self._taken, self._spec.gain, out=self._values)
        np.add(self._values, self._spec.offset, out=self._values)
        np.copyto(self._y, self._values, casting="unsafe")


class FakeSession:
    """One opened formula file."""

    provider = "fake"

    def __init__(self, model: FakeModel, name: str) -> None:
        self._model = model
        self._name = name
        self._is_open = True
        self._runs = 0
        self._steps: tuple[Step, ...] = ()
        self._outputs: tuple[Array, ...] = ()
        self._taken: list[bytes] = []
        self.inputs = tuple(TensorInfo(spec.name, spec.shape, spec.dtype) for spec in model.inputs)
        self.outputs = tuple(TensorInfo(spec.name, spec.shape, spec.dtype) for spec in model.outputs)

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        if not self._is_open:
            raise RuntimeLoadError(f"cannot bind {self._name}: it is closed")
        check_arrays("input", self.inputs, inputs)
        check_arrays("output", self.outputs, outputs)
        for info, output in zip(self.outputs, outputs, strict=True):
            if -1 in info.shape and output.size != inputs[0].size:
                raise RuntimeLoadError(f"cannot bind output {info.name}: expected {inputs[0].size} values")
        self._steps = tuple(
            Step(inputs[0], spec, output) for spec, output in zip(self._model.outputs, outputs, strict=True)
        )
        self._outputs = tuple(outputs)

    def run(self) -> None:
        if not self._steps:
            raise RuntimeRunError(f"cannot run {self._name}: nothing is bound")
        for step in self._steps:
            step.run()
        if self._model.run_ms:
            time.sleep(self._model.run_ms / 1000)
        if self._model.growth_kb:
            self._taken.append(b"\1" * (1000 * self._model.growth_kb))  # zeros would take no memory
        if self._model.fault is not None and self._runs >= self._model.fault.after_runs:
            self._go_wrong(self._model.fault)
        self._runs += 1

    def _go_wrong(self, fault: Fault) -> None:
        match fault.kind:
            case "crash":
                signal.raise_signal(signal.SIGSEGV)  # in this thread, before anything else can happen in it
            case "hang":
                threading.Event().wait()
            case "fail":
                raise RuntimeRunError(f"cannot run {self._name}: it fails after {fault.after_runs} runs")
            case "zeros":
                for output in self._outputs:
                    output.fill(0)

    def close(self) -> None:
        self._is_open = False
        self._steps = self._outputs = ()
        self._taken.clear()


class Fake:
    """Formulas in JSON."""

    formats: frozenset[Format] = frozenset({"fake"})

    def probe(self) -> RuntimeFact:
        """Tell that it works: it is numpy alone, and cannot be missing."""
        return RuntimeFact(id="fake", version="1", targets=("cpu",), formats=("fake",))

    def open(self, path: Path, options: SessionOptions) -> Session:
        try:
            if options.target != "cpu":
                raise ValueError(f"there is no target '{options.target}'; choose cpu")
            return FakeSession(msgspec.json.decode(path.read_bytes(), type=FakeModel), path.name)
        except (OSError, ValueError, msgspec.DecodeError) as e:
            raise RuntimeLoadError(f"cannot open {path.name} on fake {options.target}: {one_line(e)}") from e

    def read_temps_c(self) -> dict[str, float]:
        return {}


PLUGIN: Runtime = Fake()
