"""The contract of a transport: it brings one package, archive or plain file to this machine.

Implementations live in ``edgefuse/store/transports/``, one file for each kind of source, and end with
``PLUGIN: Transport = ...``. They check nothing: what comes out of a package is checked by the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgefuse.errors import FetchError

OnProgress = Callable[[str, int, int | None], None]
"""Takes the address, the bytes that are here, and how many there will be, where that is known."""


class UnreachableError(FetchError):
    """Nothing of this kind can be had now, so that asking for the next package is a waste of time."""


@dataclass(frozen=True, slots=True)
class Request:
    """One package that is wanted."""

    address: str
    """What the manifest says for this kind of source."""
    folder: Path
    """Belongs to this package alone, and is gone after the command that fetches."""
    limit_bytes: int
    """More than that is refused where the transport itself does the download."""
    on_progress: OnProgress

    @property
    def part(self) -> Path:
        """Where a download may gather: as long as this file stands, the folder is kept for the next command."""
        return self.folder / "part"


class Transport(Protocol):
    """One way to get packages."""

    def fetch(self, request: Request) -> Path:
        """Bring a package here.

        Returns:
            The package, in the request's folder or, where nothing had to be copied, elsewhere.

        Raises:
            UnreachableError: There is no network, or a program that is needed is not installed.
            FetchError: There is no such package, or it came only in part.
            StoreError: The folder cannot be written.
        """
        ...
