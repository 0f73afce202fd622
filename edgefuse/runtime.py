"""The contract of a runtime: it opens files of some formats and gives sessions whose tensors are bound once.

Implementations live in ``edgefuse/runtimes/``, one file each, and end with ``PLUGIN: Runtime = ...``. No vendor exception
leaves them: what a vendor raises becomes one of the errors named here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # the supervisor loads this module and must not load numpy
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]
else:
    Array = Any  # known to type checkers above

from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Format


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to open a model."""

    target: str = "cpu"
    """In the runtime's own words; every runtime lists its own in its module docstring."""
    threads: int = 1
    cache_dir: Path | None = None
    """Where compiled engines are kept; nothing is kept without it."""


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
        """Fix the arrays that every ``run`` reads and writes; they must be C-contiguous and stay alive.

        Raises:
            RuntimeLoadError: An array's shape or dtype differs from the model's; told before native code sees it.
        """
        ...

    def run(self) -> None:
        """Read the bound inputs, write the bound outputs.

        Raises:
            RuntimeRunError: Nothing is bound, or the native code failed.
        """
        ...

    def close(self) -> None:
        """Give all memory back; a second call does nothing."""
        ...


class Runtime(Protocol):
    """One inference library."""

    @property
    def formats(self) -> frozenset[Format]:
        """Formats that it reads."""
        ...

    def probe(self) -> RuntimeFact:
        """Prove by a tiny inference which targets work; runs in a child process, because native code may die.

        A runtime that is missing or broken is told in the fact (``is_usable``, ``reason`` with the command that mends it),
        not raised.
        """
        ...

    def open(self, path: Path, options: SessionOptions) -> Session:
        """Open a model file.

        Raises:
            RuntimeMissingError: The library is not installed.
            RuntimeLoadError: The file is refused: unknown format, custom operators, a target that is not there.
        """
        ...
