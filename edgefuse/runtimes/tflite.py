"""TensorFlow Lite models by LiteRT, or by its predecessor tflite-runtime where LiteRT has no wheels (armv7l).

Targets: ``cpu`` (XNNPACK), and one a delegate library: ``gpu``. ``gpu``: not run on hardware.

LiteRT announces XNNPACK once a process on stderr; neither library has a switch for that line.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # the vendors' modules carry no types; their shape is in LiteRT's interpreter.py

import numpy as np

from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Format
from edgefuse.errors import RuntimeLoadError, RuntimeMissingError, RuntimeRunError
from edgefuse.runtime import Array, Runtime, Session, SessionOptions, TensorInfo, check_arrays, one_line
from edgefuse.runtimes import prove

_LIBRARIES = {"ai-edge-litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
# Source: bazel target //tensorflow/lite/delegates/gpu:libtensorflowlite_gpu_delegate.so
_DELEGATES = {"gpu": "libtensorflowlite_gpu_delegate.so"}
_VENDOR_ERRORS = (ValueError, RuntimeError, OSError)


class TfliteSession:
    """One interpreter. It keeps its own tensors, so ``run`` copies bound inputs in and bound outputs out."""

    def __init__(self, interpreter: Any, name: str, provider: str) -> None:
        self._interpreter = interpreter
        self._name = name
        self.provider = provider
        self._bound: tuple[Sequence[Array], Sequence[Array]] | None = None
        # Callables that give a view of a tensor's memory. A view that lives on while the model runs is an error.
        self._views_in, self._views_out = self._views()
        self.inputs = tuple(map(_info, interpreter.get_input_details()))
        self.outputs = tuple(map(_info, interpreter.get_output_details()))

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        if self._interpreter is None:
            raise RuntimeLoadError(f"cannot bind {self._name}: it is closed")
        check_arrays("input", self.inputs, inputs)
        check_arrays("output", self.outputs, outputs)
        self._bound = None
        self._resize(inputs)
        now = [_info_of_shape(detail, detail["shape"]) for detail in self._interpreter.get_output_details()]
        check_arrays("output", now, outputs)
        self._bound = (tuple(inputs), tuple(outputs))

    def run(self) -> None:
        if self._bound is None:
            raise RuntimeRunError(f"cannot run {self._name}: nothing is bound")
        inputs, outputs = self._bound
        for view, array in zip(self._views_in, inputs, strict=True):
            np.copyto(view(), array)
        try:
            self._interpreter.invoke()
        except _VENDOR_ERRORS as e:
            raise RuntimeRunError(f"cannot run {self._name}: {one_line(e)}") from e
        for view, array in zip(self._views_out, outputs, strict=True):
            np.copyto(array, view())

    def close(self) -> None:
        self._interpreter = self._bound = None
        self._views_in = self._views_out = ()

    def _resize(self, inputs: Sequence[Array]) -> None:
        """Give dynamic axes the sizes that were bound."""
        details = self._interpreter.get_input_details()
        changed = [(d, a) for d, a in zip(details, inputs, strict=True) if tuple(d["shape"]) != a.shape]
        if not changed:
            return
        try:
            for detail, array in changed:
                self._interpreter.resize_tensor_input(detail["index"], array.shape, strict=True)
            self._interpreter.allocate_tensors()
        except _VENDOR_ERRORS as e:
            raise RuntimeLoadError(f"cannot bind {self._name}: {one_line(e)}") from e
        self._views_in, self._views_out = self._views()

    def _views(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        tensor = self._interpreter.tensor
        details = (self._interpreter.get_input_details(), self._interpreter.get_output_details())
        inputs, outputs = (tuple(tensor(detail["index"]) for detail in side) for side in details)
        return inputs, outputs


class Tflite:
    """LiteRT, else tflite-runtime."""

    formats: frozenset[Format] = frozenset({"tflite"})

    def probe(self) -> RuntimeFact:
        try:
            package, _ = _load_library()
        except RuntimeMissingError as e:
            return RuntimeFact(id="tflite", is_usable=False, reason=str(e))
        version = f"{package} {importlib.metadata.version(package)}"
        targets = ["cpu", *filter(_has_delegate, _DELEGATES)]
        return prove(self, "tflite", version, targets)

    def open(self, path: Path, options: SessionOptions) -> Session:
        _, library = _load_library()
        try:
            interpreter = _open_interpreter(library, path, options)
            interpreter.allocate_tensors()
            provider = _provider(interpreter, options.target)
        except _VENDOR_ERRORS as e:
            raise RuntimeLoadError(f"cannot open {path.name} on tflite {options.target}: {one_line(e)}") from e
        return TfliteSession(interpreter, path.name, provider)

    def read_temps_c(self) -> dict[str, float]:
        return {}


def _load_library() -> tuple[str, Any]:
    """Import the better library that is installed; give its package name and its module."""
    for package, module in _LIBRARIES.items():
        try:
            library = importlib.import_module(module)
        except ModuleNotFoundError:
            continue
        except ImportError as e:
            raise RuntimeMissingError(f"cannot load {package}: {one_line(e)} ({_mend()})") from e
        if package == "tflite-runtime" and not np.__version__.startswith("1."):
            # Its import succeeds, its first Interpreter() dies: it was built for numpy 1 and pip does not know.
            raise RuntimeMissingError(
                f"cannot load {package}: it does not work with numpy {np.__version__} ({_mend()})"
            )
        return package, library
    raise RuntimeMissingError(f"cannot load tflite: runtime is not installed ({_mend()})")


def _mend() -> str:
    """Give the command that installs what there are wheels for: LiteRT has none for 32 bits."""
    return "pip install tflite-runtime 'numpy<2'" if sys.maxsize < 1 << 32 else "pip install ai-edge-litert"


def _open_interpreter(library: Any, path: Path, options: SessionOptions) -> Any:
    """Make the interpreter; with a delegate it has no XNNPACK beside it, so that it shows what the delegate took."""
    if options.target == "cpu":
        return library.Interpreter(str(path), num_threads=options.threads)
    if options.target not in _DELEGATES:
        raise ValueError(f"there is no target '{options.target}'; choose from cpu, {', '.join(_DELEGATES)}")
    if not _has_delegate(options.target):
        raise OSError(f"{_DELEGATES[options.target]} is not on the library path")
    return library.Interpreter(
        str(path),
        experimental_delegates=[library.load_delegate(_DELEGATES[options.target])],
        experimental_op_resolver_type=library.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        num_threads=options.threads,
    )


def _provider(interpreter: Any, target: str) -> str:
    """Tell who runs the operators; a delegate that takes none is refused, for all would run on the processor."""
    operators = interpreter._get_ops_details()  # the only place where the libraries tell; both have it
    is_delegated = any(operator["op_name"] == "DELEGATE" for operator in operators)
    if target == "cpu":
        return "XNNPACK" if is_delegated else "built-in kernels"
    if not is_delegated:
        raise ValueError("the delegate takes none of its operators")
    return target


def _has_delegate(target: str) -> bool:
    try:
        ctypes.CDLL(_DELEGATES[target])  # asked first: load_delegate leaves a traceback on stderr when it is not there
    except OSError:
        return False
    return True


def _info(detail: dict[str, Any]) -> TensorInfo:
    """Describe a tensor; the signature knows dynamic axes, and is empty where a file has none."""
    signature = detail["shape_signature"]
    return _info_of_shape(detail, signature if len(signature) == len(detail["shape"]) else detail["shape"])


def _info_of_shape(detail: dict[str, Any], shape: Sequence[int]) -> TensorInfo:
    return TensorInfo(detail["name"], tuple(int(size) for size in shape), np.dtype(detail["dtype"]).name)


PLUGIN: Runtime = Tflite()
