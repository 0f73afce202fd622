"""Where a repository's bytes come from: a folder, a web server, or over the link (``edgefuse.ota.relay``).

A transport is asked for places inside the repository, such as ``metadata/timestamp.json``. Before each of them stands
``PatientFetcher``, which gives up on one that brings next to nothing and bounds what is held in memory.
"""

from __future__ import annotations

import abc
import http
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

import edgefuse
from edgefuse import clock

CHUNK_BYTES = 1 << 16
TIMEOUT_S = 30.0
LOWEST_BYTES_PER_S = 100
"""A tenth of the slowest radio that boards have; less is a stalled link, or somebody who keeps a device waiting."""
PERIOD_S = 60.0


class Transport(FetcherInterface):
    """Brings files, also the rest of one whose beginning is here."""

    @abc.abstractmethod
    def fetch_from(self, url: str, offset_bytes: int) -> Iterator[bytes]:
        """Give what a file has from an offset on, piece by piece.

        Raises:
            DownloadHTTPError: There is no such file, or nothing at that offset; also of what is given.
            DownloadError: It cannot be had now, or came only in part; also of what is given.
            OSError: Likewise.
        """

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self.fetch_from(url, 0)


class FolderFetcher(Transport):
    """Reads a repository that lies in a folder, as on a stick or below a web server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def fetch_from(self, url: str, offset_bytes: int) -> Iterator[bytes]:
        """Give what a file has from an offset on."""
        path = (self._folder / url).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():
            raise DownloadHTTPError(f"there is no {url} in {self._folder}", http.HTTPStatus.NOT_FOUND)
        if offset_bytes and offset_bytes >= path.stat().st_size:
            raise _end_before(url, offset_bytes)
        return _read(path, offset_bytes)


def _read(path: Path, offset_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset_bytes)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


class WebFetcher(Transport):
    """Asks any web server for its files."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/") + "/"

    def fetch_from(self, url: str, offset_bytes: int) -> Iterator[bytes]:
        """Give what a file has from an offset on; a server that knows no ranges sends the beginning in vain."""
        headers = {"User-Agent": f"edgefuse/{edgefuse.__version__}"}
        if offset_bytes:
            headers["Range"] = f"bytes={offset_bytes}-"
        request = urllib.request.Request(self._base_url + url, headers=headers)
        try:
            answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as e:
            e.close()
            raise DownloadHTTPError(f"the server answers {e.code} to {url}", e.code) from e
        except urllib.error.URLError as e:
            raise DownloadError(f"{self._base_url} cannot be reached: {e.reason}") from e
        except http.client.HTTPException as e:
            raise DownloadError(f"the server answers {url} in no way that is known: {e}") from e
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            return _skip(_receive(answer, url), offset_bytes, url)
        if not (answer.headers["Content-Range"] or "").startswith(f"bytes {offset_bytes}-"):
            answer.close()
            raise DownloadError(f"the server sends another part of {url} than it was asked for")
        return _receive(answer, url)


def _receive(answer: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    with answer:
        missing_bytes = answer.length
        try:
            while chunk := answer.read1(CHUNK_BYTES):
                missing_bytes = None if missing_bytes is None else missing_bytes - len(chunk)
                yield chunk
        except http.client.HTTPException as e:
            raise DownloadError(f"{url} broke off: {e!r}") from e
    if missing_bytes:
        raise DownloadError(f"{url} broke off: {missing_bytes} bytes are missing")


def _skip(chunks: Iterator[bytes], skipped_bytes: int, url: str) -> Iterator[bytes]:
    """Leave the beginning out."""
    seen_bytes = 0
    for chunk in chunks:
        begin = max(0, skipped_bytes - seen_bytes)
        seen_bytes += len(chunk)
        if seen_bytes > skipped_bytes:
            yield chunk[begin:]
    if 0 < skipped_bytes >= seen_bytes:
        raise _end_before(url, skipped_bytes)


def _end_before(url: str, offset_bytes: int) -> DownloadHTTPError:
    text = f"{url} has nothing from byte {offset_bytes} on"
    return DownloadHTTPError(text, http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)


class PatientFetcher(Transport):
    """Passes on what another fetcher brings, as long as it brings enough."""

    def __init__(self, inner: Transport, now_ns: Callable[[], int] = clock.now_ns) -> None:
        self._inner = inner
        self._now_ns = now_ns

    def fetch_from(self, url: str, offset_bytes: int) -> Iterator[bytes]:
        """Give what a file has from an offset on."""
        begin_ns, seen_bytes = self._now_ns(), 0
        try:
            for chunk in self._inner.fetch_from(url, offset_bytes):
                yield chunk
                seen_bytes += len(chunk)
                passed_s = (self._now_ns() - begin_ns) / clock.NS_PER_S
                if passed_s < PERIOD_S:
                    continue
                if seen_bytes < LOWEST_BYTES_PER_S * passed_s:
                    raise SlowRetrievalError(f"{url} came with {seen_bytes / passed_s:.0f} bytes a second")
                begin_ns, seen_bytes = self._now_ns(), 0
        except OSError as e:
            raise DownloadError(f"{url} broke off: {e.strerror or e}") from e

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Give a small file, without a disk."""
        data = bytearray()
        for chunk in self.fetch(url):
            data += chunk
            if len(data) > max_length:
                raise DownloadLengthMismatchError(f"{url} is longer than {max_length} bytes")
        return bytes(data)


def open_fetcher(source: str) -> Transport:
    """Give the transport of a folder, or of what begins with ``http``."""
    return WebFetcher(source) if source.startswith(("http://", "https://")) else FolderFetcher(Path(source))
