"""ONNX models by ONNX Runtime.

Targets: ``cpu cuda tensorrt``. ONNX Runtime goes on with the next provider when one does not start; here that is an
error, so that a plan never believes in a GPU that does not work. ``cuda`` and ``tensorrt``: not run on hardware.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # the vendor's module is imported by name; its shape is in onnxruntime_inference_collection.py

from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Format
from edgefuse.errors import RuntimeLoadError, RuntimeMissingError, RuntimeRunError
from edgefuse.runtime import Array, Runtime, Session, SessionOptions, TensorInfo, check_arrays, one_line
from edgefuse.runtimes import prove

_CPU, _CUDA, _TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
_CHAINS = {"cpu": (_CPU,), "cuda": (_CUDA, _CPU), "tensorrt": (_TENSORRT, _CUDA, _CPU)}
_LOG_ERRORS_ONLY = 3
_NOISE = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/.*?\) ")
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
}


class OnnxSession:
    """One inference session; the bound arrays are handed over by address once, so ``run`` copies nothing."""

    def __init__(
        self, session: Any, name: str, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...]
    ) -> None:
        self._session = session
        self._name = name
        self.inputs = inputs
        self.outputs = outputs
        self.provider: str = session.get_providers()[0]
        self._binding: Any = None
        self._arrays: tuple[Array, ...] = ()  # ONNX Runtime keeps addresses only

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        if self._session is None:
            raise RuntimeLoadError(f"cannot bind {self._name}: it is closed")
        check_arrays("input", self.inputs, inputs)
        check_arrays("output", self.outputs, outputs)
        binding = self._session.io_binding()
        for info, array in zip(self.inputs, inputs, strict=True):
            binding.bind_input(info.name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for info, array in zip(self.outputs, outputs, strict=True):
            binding.bind_output(info.name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        self._binding, self._arrays = binding, (*inputs, *outputs)

    def run(self) -> None:
        if self._binding is None:
            raise RuntimeRunError(f"cannot run {self._name}: nothing is bound")
        try:
            self._session.run_with_iobinding(self._binding)
        except _vendor_errors() as e:
            raise RuntimeRunError(f"cannot run {self._name}: {_reason(e)}") from e

    def close(self) -> None:
        self._binding = self._session = None
        self._arrays = ()


class OnnxRuntime:
    """The ``onnxruntime`` module, whichever package brought it."""

    formats: frozenset[Format] = frozenset({"onnx"})

    def probe(self) -> RuntimeFact:
        try:
            library = _load_library()
        except RuntimeMissingError as e:
            return RuntimeFact(id="onnxruntime", is_usable=False, reason=str(e))
        listed = library.get_available_providers()
        targets = [target for target, chain in _CHAINS.items() if chain[0] in listed]
        return prove(self, "onnxruntime", library.__version__, targets)

    def open(self, path: Path, options: SessionOptions) -> Session:
        library = _load_library()
        try:
            session = library.InferenceSession(
                str(path), _session_options(library, options), providers=_providers(library, options), enable_fallback=0
            )
            _check_provider(session, options.target)
            infos = (tuple(map(_info, side)) for side in (session.get_inputs(), session.get_outputs()))
            return OnnxSession(session, path.name, *infos)
        except _vendor_errors() as e:
            raise RuntimeLoadError(f"cannot open {path.name} on onnxruntime {options.target}: {_reason(e)}") from e

    def read_temps_c(self) -> dict[str, float]:
        return {}


def _load_library() -> Any:
    try:
        library = importlib.import_module("onnxruntime")
    except ModuleNotFoundError as e:
        raise RuntimeMissingError("cannot load onnxruntime: runtime is not installed (pip install onnxruntime)") from e
    except ImportError as e:
        raise RuntimeMissingError(f"cannot load onnxruntime: {one_line(e)} (pip install onnxruntime)") from e
    library.set_default_logger_severity(_LOG_ERRORS_ONLY)
    return library


def _vendor_errors() -> tuple[type[Exception], ...]:
    """Give what the library raises; its native errors have no common parent but Exception."""
    native = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    classes = (value for value in vars(native).values() if isinstance(value, type) and issubclass(value, Exception))
    return (*classes, ValueError, RuntimeError, OSError)


def _reason(error: Exception) -> str:
    """Give the library's message without its error numbers and its own source files."""
    return _NOISE.sub("", one_line(error))


def _session_options(library: Any, options: SessionOptions) -> Any:
    made = library.SessionOptions()
    made.intra_op_num_threads = options.threads
    made.inter_op_num_threads = 1
    made.log_severity_level = _LOG_ERRORS_ONLY
    # Idle threads that spin heat a small board: FaceMesh on two threads, 5 ms apart, took 8.5 CPU ms a run, now 4.0.
    made.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return made


def _providers(library: Any, options: SessionOptions) -> list[tuple[str, dict[str, str]]]:
    """Give the chain of a target with each provider's options."""
    if options.target not in _CHAINS:
        raise ValueError(f"there is no target '{options.target}'; choose from {', '.join(_CHAINS)}")
    listed = library.get_available_providers()
    chain = [provider for provider in _CHAINS[options.target] if provider in listed]
    if _CHAINS[options.target][0] not in chain:
        raise ValueError(f"this build has no {_CHAINS[options.target][0]}; it has {', '.join(listed)}")
    return [(provider, _tensorrt_options(options) if provider == _TENSORRT else {}) for provider in chain]


def _tensorrt_options(options: SessionOptions) -> dict[str, str]:
    made = {
        "trt_fp16_enable": str(options.precision != "fp32"),
        "trt_int8_enable": str(options.precision == "int8"),
    }
    if options.cache_dir is not None:
        options.cache_dir.mkdir(parents=True, exist_ok=True)  # TensorRT makes its last part only
        folder = str(options.cache_dir)
        made |= {"trt_engine_cache_enable": "True", "trt_engine_cache_path": folder}
        made |= {"trt_timing_cache_enable": "True", "trt_timing_cache_path": folder}
    return made


def _check_provider(session: Any, target: str) -> None:
    """Refuse a session that runs elsewhere than it was asked to."""
    wanted, got = _CHAINS[target][0], session.get_providers()[0]
    if got != wanted:
        raise ValueError(
            f"{wanted} did not start, it would run on {got}; ONNX Runtime names the missing library on stderr"
        )


def _info(value: Any) -> TensorInfo:
    """Describe a tensor; axes with a name instead of a size are dynamic."""
    if value.type not in _DTYPES:
        raise ValueError(f"{value.name} is a {value.type}, which edgefuse cannot bind")
    return TensorInfo(value.name, tuple(s if isinstance(s, int) else -1 for s in value.shape), _DTYPES[value.type])


PLUGIN: Runtime = OnnxRuntime()
