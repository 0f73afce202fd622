"""The contract of a runtime: it opens files of some formats and gives sessions whose tensors are bound once.

Implementations live in ``edgefuse/runtimes/``, one file each, and end with ``PLUGIN: Runtime = ...``. No vendor
exception leaves them: what a vendor raises becomes one of the errors named here. Targets are lower-case words such as
``cpu gpu cuda myriad``; every runtime lists its own in its module docstring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:  # the supervisor loads this module and must not load numpy
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]
else:
    Array = Any  # known to type checkers above

from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Format, Precision
from edgefuse.errors import RuntimeLoadError


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to open a model."""

    target: str = "cpu"
    threads: int = 1
    precision: Precision = "fp32"
    """Coarsest arithmetic that the target may choose; only targets that choose at all look at it."""
    cache_dir: Path | None = None
    """Folder in which compiled engines are kept; nothing is kept without it."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One input or output as the opened file itself declares it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """A numpy dtype name."""


class Session(Protocol):
    """One opened model whose tensors stay where they were bound."""

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """What must be bound, in the file's order; a dynamic axis is -1."""
        ...

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """What is written, in the file's order."""
        ...

    @property
    def provider(self) -> str:
        """Where it really runs, as the runtime reports it after opening, never as it was asked for."""
        ...

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Fix the arrays that every ``run`` reads and writes; the session keeps them alive.

        Arrays are C-contiguous, aligned, of native byte order, and the outputs writable. The shapes bound here are the
        shapes of a model with dynamic axes. Binding again replaces what was bound.

        Raises:
            RuntimeLoadError: An array does not fit the model, which native code never sees, or the session is closed.
        """
        ...

    def run(self) -> None:
        """Read the bound inputs, write the bound outputs; the first call after ``bind`` is the slow one.

        Raises:
            RuntimeRunError: Nothing is bound, the native code failed, or a dynamic output fits no bound array.
        """
        ...

    def close(self) -> None:
        """Give all memory back; a second call does nothing."""
        ...


class Runtime(Protocol):
    """One inference library."""

    @property
    def formats(self) -> frozenset[Format]:
        """Formats that some supported version of it reads; the fact of ``probe`` tells what the installed one does."""
        ...

    def probe(self) -> RuntimeFact:
        """Prove by a tiny inference which targets and formats work; runs in a child process, as native code may die.

        A runtime that is missing or broken is told in the fact (``is_usable``, ``reason`` with the command that mends
        it), not raised.
        """
        ...

    def open(self, path: Path, options: SessionOptions) -> Session:
        """Open a model file; its suffix tells the format: ``.tflite .onnx .xml``, the last with its ``.bin`` beside it.

        Raises:
            RuntimeMissingError: The library is not installed.
            RuntimeLoadError: The file is refused: unknown format, custom operators, a target that is not there. Where a
                library would quietly run on another target, that is refused too.
        """
        ...

    def read_temps_c(self) -> Mapping[str, float]:
        """Read the accelerators that nothing but this library can ask, by target; one that does not answer is left out.

        The system's own zones are read by ``edgefuse.thermal``.
        """
        ...


def check_arrays(role: Literal["input", "output"], infos: Sequence[TensorInfo], arrays: Sequence[Array]) -> None:
    """Compare arrays with the tensors that they are to be bound to.

    Raises:
        RuntimeLoadError: Their number differs, or one does not fit.
    """
    if len(arrays) != len(infos):
        raise RuntimeLoadError(f"cannot bind {role}s: the model has {len(infos)}, got {len(arrays)} arrays")
    for info, array in zip(infos, arrays, strict=True):
        if reason := _misfit(info, array, is_written=role == "output"):
            raise RuntimeLoadError(f"cannot bind {role} {info.name}: {reason}")


def _misfit(info: TensorInfo, array: Array, *, is_written: bool) -> str:
    """Say why native code must not see this array, or nothing."""
    if array.dtype.name != info.dtype or not array.dtype.isnative:
        return f"expected {info.dtype}, got {array.dtype.str if not array.dtype.isnative else array.dtype.name}"
    fits = len(array.shape) == len(info.shape) and all(
        expected in (-1, got) for expected, got in zip(info.shape, array.shape, strict=True)
    )
    if not fits:
        return f"expected shape {info.shape}, got {array.shape}"
    if not array.flags.c_contiguous or not array.flags.aligned:
        return "the array is not contiguous; pass numpy.ascontiguousarray of it"
    if is_written and not array.flags.writeable:
        return "the array is read-only"
    return ""


def one_line(error: Exception) -> str:
    """Give a vendor's message on one line."""
    return " ".join(str(error).split()) or type(error).__name__
