"""Files that already lie on this machine."""

from __future__ import annotations

from pathlib import Path

from edgefuse.errors import FetchError
from edgefuse.store.transport import Request, Transport


class FileTransport:
    """Uses the file where it is."""

    def fetch(self, request: Request) -> Path:
        """Give the file itself; nothing is copied."""
        path = Path(request.address).expanduser()
        if not path.is_file():
            raise FetchError(
                f"cannot fetch {request.address}: there is no such file; put it there, or correct the manifest"
            )
        return path


PLUGIN: Transport = FileTransport()
