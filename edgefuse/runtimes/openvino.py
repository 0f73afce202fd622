"""ONNX, TensorFlow Lite and IR models by OpenVINO, from 2022.3 (which needs Python 3.10 and reads no ``.tflite``) on.

Targets: ``cpu gpu npu myriad``, OpenVINO's device names in lower case. ``myriad`` is the Neural Compute Stick 2, which
2022.3 was the last to know and which takes static shapes only. ``gpu npu myriad``: not run on hardware.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any  # the vendor's two APIs are imported by name; their shape is in openvino's pyopenvino

import numpy as np

from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Format
from edgefuse.errors import RuntimeLoadError, RuntimeMissingError, RuntimeRunError
from edgefuse.runtime import Array, Runtime, Session, SessionOptions, TensorInfo, check_arrays, one_line
from edgefuse.runtimes import prove

_TARGETS = ("cpu", "gpu", "npu", "myriad")
_VENDOR_ERRORS = (RuntimeError, ValueError, TypeError)
_NOISE = ("Exception from ", "Check '", "FrontEnd API failed", "Model wasn't fully converted", "Summary:")
# Parts of OpenVINO's messages, and what they mean to a person.
_PLAIN_WORDS = {
    'Device with "MYRIAD" name is not registered': "this OpenVINO carries no MYRIAD plugin; the stick needs Intel's "
    "2022.3 LTS archive, named by worker_python in the profile",
    "NC_ERROR": "no Neural Compute Stick answers; plug it in, and check its udev rules for 03e7:2485 and 03e7:f63b",
}


class OpenVinoSession:
    """One compiled model with one request; bound arrays are the request's own tensors, so ``run`` copies nothing."""

    def __init__(self, model: Any, compile_model: Callable[[Any], Any], name: str, device: str) -> None:
        self._model = model if model.is_dynamic() else None
        self._compile_model = compile_model
        self._compiled = compile_model(model)
        self._name = name
        self.inputs = _infos(self._compiled.inputs)
        self.outputs = _infos(self._compiled.outputs)
        self.provider = _provider(self._compiled, device)
        self._infer: Callable[[], object] | None = None
        self._arrays: tuple[Array, ...] = ()  # shared tensors do not keep their arrays alive

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        if self._compiled is None:
            raise RuntimeLoadError(f"cannot bind {self._name}: it is closed")
        check_arrays("input", self.inputs, inputs)
        check_arrays("output", self.outputs, outputs)
        try:
            self._fit(inputs)
            check_arrays("output", _infos(self._compiled.outputs), outputs)
            request = self._compiled.create_infer_request()
            for i, array in enumerate(inputs):
                request.set_input_tensor(i, _shared_tensor(array))
            for i, array in enumerate(outputs):
                request.set_output_tensor(i, _shared_tensor(array))
        except _VENDOR_ERRORS as e:
            raise RuntimeLoadError(f"cannot bind {self._name}: {_reason(e)}") from e
        self._infer, self._arrays = _infer_of(request), (*inputs, *outputs)

    def run(self) -> None:
        if self._infer is None:
            raise RuntimeRunError(f"cannot run {self._name}: nothing is bound")
        try:
            self._infer()
        except _VENDOR_ERRORS as e:
            raise RuntimeRunError(f"cannot run {self._name}: {_reason(e)}") from e

    def close(self) -> None:
        self._infer = self._compiled = self._model = None
        self._arrays = ()

    def _fit(self, inputs: Sequence[Array]) -> None:
        """Compile dynamic axes anew with the sizes that were bound.

        OpenVINO could run them as they are, but 2026 with one thread loses the error of an output that does not fit.
        """
        shapes = [array.shape for array in inputs]
        if self._model is None or [info.shape for info in _infos(self._compiled.inputs)] == shapes:
            return
        self._model.reshape({i: list(shape) for i, shape in enumerate(shapes)})
        self._compiled = self._compile_model(self._model)
        if unsure := [info.name for info in _infos(self._compiled.outputs) if -1 in info.shape]:
            raise ValueError(f"the shape of output {', '.join(unsure)} is known after the run only")


class OpenVino:
    """One ``Core`` for the whole process, made at first use: each further one loads all plug-ins again."""

    formats: frozenset[Format] = frozenset({"onnx", "tflite", "openvino_ir"})

    def probe(self) -> RuntimeFact:
        try:
            library = _load_library()
        except RuntimeMissingError as e:
            return RuntimeFact(id="openvino", is_usable=False, reason=str(e))
        found = {device.partition(".")[0].lower() for device in _core().available_devices}
        targets = [target for target in _TARGETS if target in found]
        version = library.get_version().partition("-")[0]
        return prove(self, "openvino", version, targets)

    def open(self, path: Path, options: SessionOptions) -> Session:
        _load_library()
        try:
            if options.target not in _TARGETS:
                raise ValueError(f"there is no target '{options.target}'; choose from {', '.join(_TARGETS)}")
            model = _core().read_model(str(path))
            if options.target == "myriad" and model.is_dynamic():
                raise ValueError("the stick takes static shapes only; choose a variant with static shapes")
            device, properties = options.target.upper(), _properties(options)
            return OpenVinoSession(model, lambda m: _core().compile_model(m, device, properties), path.name, device)
        except _VENDOR_ERRORS as e:
            is_gone = any(part in str(e) for part in _PLAIN_WORDS)  # the device, of which no model is to blame
            kind = RuntimeMissingError if is_gone else RuntimeLoadError
            raise kind(f"cannot open {path.name} on openvino {options.target}: {_reason(e)}") from e

    def read_temps_c(self) -> dict[str, float]:
        """Read the stick, which answers as long as a model is loaded; not run on hardware.

        Source: OpenVINO 2022.3, "MYRIAD device", supported metrics: ``DEVICE_THERMAL``.
        """
        with suppress(*_VENDOR_ERRORS):
            return {"myriad": float(_core().get_property("MYRIAD", "DEVICE_THERMAL"))}
        return {}


def _load_library() -> Any:
    """Import the module that has ``Core``: ``openvino`` since 2023.1, ``openvino.runtime`` before.

    Its import would start a process that tells Google Analytics of it. Where the package that does so is not there,
    OpenVINO takes one of its own that tells nobody; None here is how Python says that it is not there.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        library = importlib.import_module("openvino")
        return library if hasattr(library, "Core") else importlib.import_module("openvino.runtime")
    except ModuleNotFoundError as e:
        raise RuntimeMissingError("cannot load openvino: runtime is not installed (pip install openvino)") from e
    except ImportError as e:
        raise RuntimeMissingError(f"cannot load openvino: {one_line(e)} (pip install openvino)") from e


def _core() -> Any:
    with _MAKING_CORE:
        return _make_core()


@functools.cache
def _make_core() -> Any:
    library = _load_library()
    # The binding looks numpy up when it first needs a dtype. Two threads that do so at once wait for ever: one has the
    # lock of that look-up and wants the interpreter's, the other has the interpreter's and wants that of the look-up.
    library.Type.f32.to_dtype()
    return library.Core()


_MAKING_CORE = threading.Lock()  # models are opened by several threads at once, and one core must do for all


def _properties(options: SessionOptions) -> dict[str, str]:
    """Give the settings of a target, in words that 2022.3 and 2026 share."""
    if options.target == "cpu":
        # Left alone, OpenVINO chooses bf16 on processors that have it. One stream: one request is in flight.
        return {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": str(options.threads),
            "NUM_STREAMS": "1",
        }
    properties = {}
    if options.cache_dir is not None and options.target != "myriad":
        properties["CACHE_DIR"] = str(options.cache_dir)
    if options.target == "gpu" and "INFERENCE_PRECISION_HINT" in _core().get_property("GPU", "SUPPORTED_PROPERTIES"):
        # Left alone, the GPU computes in f16 whatever the file holds; int8 lies in the file, around it is f16.
        properties["INFERENCE_PRECISION_HINT"] = "f32" if options.precision == "fp32" else "f16"
    return properties


def _shared_tensor(array: Array) -> Any:
    """Wrap an array without a copy; 2022.3 refuses the zero strides of ``array[np.newaxis]``, so they are set anew."""
    return _load_library().Tensor(array.reshape(-1).reshape(array.shape), shared_memory=True)


def _infer_of(request: Any) -> Callable[[], object]:
    """Give the fastest call that copies no output into a new array, as ``infer`` does if it is not told otherwise."""
    if "share_outputs" in inspect.signature(request.infer).parameters:
        return functools.partial(request.infer, share_outputs=True)

    def start_and_wait() -> None:  # 2022.3 cannot be told; the way through its thread costs 45 us
        request.start_async()
        request.wait()

    return start_and_wait


def _provider(compiled: Any, device: str) -> str:
    """Tell who executes, as the compiled model reports it; 2022.3 cannot be asked, and never takes another device."""
    try:
        return ",".join(compiled.get_property("EXECUTION_DEVICES"))
    except RuntimeError:
        return device


def _infos(ports: Sequence[Any]) -> tuple[TensorInfo, ...]:
    return tuple(map(_info, ports))


def _info(port: Any) -> TensorInfo:
    """Describe an input or an output; dynamic axes are -1."""
    shape = tuple(-1 if axis.is_dynamic else axis.get_length() for axis in port.get_partial_shape())
    name = port.get_any_name() if port.get_names() else ""
    return TensorInfo(name, shape, np.dtype(port.get_element_type().to_dtype()).name)


def _reason(error: Exception) -> str:
    """Give OpenVINO's message on one line without its own source files, or plain words for the ones that need them."""
    for part, words in _PLAIN_WORDS.items():
        if part in str(error):
            return words
    lines = [line for line in str(error).splitlines() if not line.startswith(_NOISE)]
    return one_line(RuntimeError("\n".join(lines))) if lines else one_line(error)


PLUGIN: Runtime = OpenVino()
