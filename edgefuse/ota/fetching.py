"""Where a repository's bytes come from: a folder, a web server, or whatever else implements ``FetcherInterface``.

A fetcher is asked for places inside the repository, such as ``metadata/timestamp.json``. Before each of them stands
``PatientFetcher``, which gives up on one that brings next to nothing and bounds what is held in memory.
"""

from __future__ import annotations

import http
from collections.abc import Callable, Iterator
from pathlib import Path

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError
from tuf.ngclient import FetcherInterface
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

import edgefuse
from edgefuse import clock

CHUNK_BYTES = 1 << 16
LOWEST_BYTES_PER_S = 100
"""A tenth of the slowest radio that boards have; less is a stalled link, or somebody who keeps a device waiting."""
PERIOD_S = 60.0


class FolderFetcher(FetcherInterface):
    """Reads a repository that lies in a folder, as on a stick or below a web server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = (self._folder / url).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():
            raise DownloadHTTPError(f"there is no {url} in {self._folder}", http.HTTPStatus.NOT_FOUND)
        return _read(path)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


class WebFetcher(FetcherInterface):
    """Asks any web server for its files."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/") + "/"
        self._web = Urllib3Fetcher(chunk_size=CHUNK_BYTES, app_user_agent=f"edgefuse/{edgefuse.__version__}")

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._web.fetch(self._base_url + url)


class PatientFetcher(FetcherInterface):
    """Passes on what another fetcher brings, as long as it brings enough."""

    def __init__(self, inner: FetcherInterface, now_ns: Callable[[], int] = clock.now_ns) -> None:
        self._inner = inner
        self._now_ns = now_ns

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._watch(url)

    def _watch(self, url: str) -> Iterator[bytes]:
        begin_ns, seen_bytes = self._now_ns(), 0
        try:
            for chunk in self._inner.fetch(url):
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


def open_fetcher(source: str) -> FetcherInterface:
    """Give the fetcher of a folder, or of what begins with ``http``."""
    return WebFetcher(source) if source.startswith(("http://", "https://")) else FolderFetcher(Path(source))
