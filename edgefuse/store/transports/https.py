"""Plain HTTPS downloads that go on where they were cut.

Should the file on the server change between two parts, the store's sha256 finds out.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from edgefuse import disk
from edgefuse.errors import FetchError
from edgefuse.store.transport import Request, Transport

TIMEOUT_S = 30.0  # as long as a slow mirror was seen to take for its first byte


class HttpsTransport:
    """Downloads a URL, over TLS with the system's certificates only."""

    def fetch(self, request: Request) -> Path:
        """Download, as often as it takes while each try brings bytes."""
        while True:
            before_bytes = _size(request.part)
            try:
                _continue(request)
                return request.part.replace(request.folder / "package")
            except _CutError as e:
                if _size(request.part) <= before_bytes:
                    raise FetchError(
                        f"cannot fetch {request.address}: {e} after {_size(request.part)} bytes; "
                        "check the network and run the same command again, it goes on from there"
                    ) from e


class _CutError(Exception):
    """The connection did not bring the whole file."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the server sends."""

    body: http.client.HTTPResponse
    offset_bytes: int
    """Where in the file the body begins."""

    @property
    def total_bytes(self) -> int | None:
        """Size of the whole file, where the server says it."""
        length = self.body.headers["Content-Length"]
        return self.offset_bytes + int(length) if length else None


def _continue(request: Request) -> None:
    """Bring what is still missing."""
    url = request.address
    try:
        answer = _ask(url, _size(request.part))
    except urllib.error.HTTPError as e:
        raise FetchError(
            f"cannot fetch {url}: the server answered {e.code} {e.reason}; check the manifest or try later"
        ) from e
    except (OSError, http.client.HTTPException) as e:
        raise _CutError(f"no connection ({getattr(e, 'reason', e)})") from e
    done_bytes = answer.offset_bytes
    with answer.body, disk.writing(request.part), request.part.open("ab") as file:
        file.truncate(done_bytes)
        while chunk := _read(answer.body):
            done_bytes += len(chunk)
            if done_bytes > request.limit_bytes:
                request.part.unlink()
                raise FetchError(
                    f"cannot fetch {url}: it is longer than {request.limit_bytes} bytes; check the manifest"
                )
            file.write(chunk)
            request.on_progress(url, done_bytes, answer.total_bytes)
    if answer.total_bytes not in (None, done_bytes):
        raise _CutError("the connection was cut")


def _ask(url: str, offset_bytes: int) -> _Answer:
    """Ask for the file from an offset on; a server that does not do that is asked for all of it."""
    headers = {"Range": f"bytes={offset_bytes}-"} if offset_bytes else {}
    try:
        body = _opener().open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as e:
        if e.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not offset_bytes:
            raise
        return _ask(url, 0)
    if body.status != http.client.PARTIAL_CONTENT:
        return _Answer(body, 0)
    if not str(body.headers["Content-Range"]).startswith(f"bytes {offset_bytes}-"):
        body.close()
        return _ask(url, 0)
    return _Answer(body, offset_bytes)


def _opener() -> urllib.request.OpenerDirector:
    """Make an opener that knows HTTPS only, so that no redirection leads out of TLS."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def _read(body: http.client.HTTPResponse) -> bytes:
    try:
        return body.read1(disk.CHUNK_BYTES)  # what has come, so that a cut loses nothing
    except (OSError, http.client.HTTPException) as e:
        raise _CutError(f"the connection was cut ({e})") from e


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


PLUGIN: Transport = HttpsTransport()
