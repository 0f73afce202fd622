"""Files and their rests, from a folder and from web servers that do what web servers do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.broker import free_port
from fakes.web_server import Site, serving
from tuf.api.exceptions import DownloadError, DownloadHTTPError

from edgefuse.ota.fetching import CHUNK_BYTES, FolderFetcher, PatientFetcher, Transport, WebFetcher

PLACE = "targets/models/x"
CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def server() -> Iterator[Site]:
    """A web server that has one file."""
    with serving() as site:
        site.files[f"/{PLACE}"] = CONTENT
        yield site


@pytest.fixture(params=["folder", "web", "web without ranges"])
def transport(request: pytest.FixtureRequest, tmp_path: Path, server: Site) -> Transport:
    """Each that can bring the file, as who installs sees it."""
    server.has_ranges = request.param == "web"
    path = tmp_path / PLACE
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return PatientFetcher(FolderFetcher(tmp_path) if request.param == "folder" else WebFetcher(server.url))


@pytest.mark.parametrize("offset_bytes", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, len(CONTENT) - 1])
def test_rest_of_a_file_comes_from_any_offset(transport: Transport, offset_bytes: int) -> None:
    assert b"".join(transport.fetch_from(PLACE, offset_bytes)) == CONTENT[offset_bytes:]


@pytest.mark.parametrize("offset_bytes", [len(CONTENT), len(CONTENT) + 1])
def test_nothing_after_the_end_is_an_error(transport: Transport, offset_bytes: int) -> None:
    with pytest.raises(DownloadHTTPError) as raised:
        list(transport.fetch_from(PLACE, offset_bytes))
    assert raised.value.status_code == 416


def test_what_is_not_there_is_told_from_what_cannot_be_reached(transport: Transport) -> None:
    with pytest.raises(DownloadHTTPError) as raised:
        list(transport.fetch("targets/other"))
    assert raised.value.status_code == 404
    nowhere = PatientFetcher(WebFetcher(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(DownloadError, match="cannot be reached"):
        list(nowhere.fetch(PLACE))


def test_web_server_sends_the_rest_alone(server: Site) -> None:
    list(WebFetcher(server.url).fetch_from(PLACE, 5))
    assert server.ranges == ["bytes=5-"]


@pytest.mark.parametrize("offset_bytes", [0, 1000])
def test_connection_that_is_cut_is_no_end(server: Site, offset_bytes: int) -> None:
    server.cuts_bytes = [CHUNK_BYTES]
    came = bytearray()
    with pytest.raises(DownloadError, match="broke off"):
        for chunk in WebFetcher(server.url).fetch_from(PLACE, offset_bytes):
            came += chunk
    came += b"".join(WebFetcher(server.url).fetch_from(PLACE, offset_bytes + len(came)))
    assert came == CONTENT[offset_bytes:]


def test_file_without_a_byte_is_one(server: Site) -> None:
    server.files["/targets/empty"] = b""
    assert list(WebFetcher(server.url).fetch("targets/empty")) == []
