from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes.web_server import Site, make_certificate, serving

from edgefuse.errors import FetchError
from edgefuse.store.transport import Request
from edgefuse.store.transports.https import PLUGIN

CONTENT = bytes(range(256)) * 400


@dataclass
class Progress:
    """Remembers what it was told."""

    steps: list[tuple[int, int | None]] = field(default_factory=list)

    def __call__(self, _: str, done_bytes: int, total_bytes: int | None) -> None:
        self.steps.append((done_bytes, total_bytes))


@pytest.fixture
def progress() -> Progress:
    return Progress()


@pytest.fixture
def request_net(site: Site, tmp_path: Path, progress: Progress) -> Request:
    site.files["/net"] = CONTENT
    return Request(f"{site.url}/net", tmp_path, len(CONTENT), progress)


def test_a_file_comes_whole_with_its_progress(request_net: Request, progress: Progress) -> None:
    assert PLUGIN.fetch(request_net).read_bytes() == CONTENT
    assert progress.steps[-1] == (len(CONTENT), len(CONTENT))
    assert not request_net.part.exists()


def test_a_cut_download_goes_on_by_itself_where_it_was_cut(site: Site, request_net: Request) -> None:
    site.cuts_bytes = [1000, 500]
    assert PLUGIN.fetch(request_net).read_bytes() == CONTENT
    assert site.ranges == [None, "bytes=1000-", "bytes=1500-"]


def test_a_later_command_goes_on_where_the_last_one_stopped(site: Site, request_net: Request) -> None:
    site.cuts_bytes = [1000, 0]
    with pytest.raises(FetchError, match=r"the connection was cut after 1000 bytes; .*run the same command again"):
        PLUGIN.fetch(request_net)
    site.ranges.clear()
    assert PLUGIN.fetch(request_net).read_bytes() == CONTENT
    assert site.ranges == ["bytes=1000-"]


def test_a_server_without_ranges_is_asked_for_everything_again(site: Site, request_net: Request) -> None:
    site.has_ranges = False
    site.cuts_bytes = [1000]
    assert PLUGIN.fetch(request_net).read_bytes() == CONTENT


def test_a_server_that_does_not_tell_sizes_is_good_enough(site: Site, request_net: Request, progress: Progress) -> None:
    site.has_lengths = False
    assert PLUGIN.fetch(request_net).read_bytes() == CONTENT
    assert progress.steps[-1] == (len(CONTENT), None)


def test_a_part_that_is_longer_than_the_file_is_thrown_away(request_net: Request) -> None:
    request_net.part.write_bytes(b"of an earlier, longer file" * 10_000)
    assert PLUGIN.fetch(request_net).read_bytes() == CONTENT


def test_more_than_the_limit_is_refused_and_not_kept(site: Site, request_net: Request) -> None:
    site.files["/net"] = CONTENT + b"more"
    with pytest.raises(FetchError, match=f"longer than {len(CONTENT)} bytes"):
        PLUGIN.fetch(request_net)
    assert not request_net.part.exists()


def test_a_missing_file_is_told_with_the_servers_answer(site: Site, request_net: Request) -> None:
    site.files.clear()
    with pytest.raises(FetchError, match="the server answered 404 Not Found"):
        PLUGIN.fetch(request_net)


def test_a_redirection_within_tls_is_followed(site: Site, request_net: Request) -> None:
    site.files["/moved"] = site.files.pop("/net")
    site.redirects["/net"] = "/moved"
    assert PLUGIN.fetch(request_net).read_bytes() == CONTENT


def test_a_redirection_out_of_tls_is_refused(site: Site, request_net: Request) -> None:
    with serving() as plain:
        plain.files["/net"] = CONTENT
        site.redirects["/net"] = f"{plain.url}/net"
        with pytest.raises(FetchError, match="unknown url type: http"):
            PLUGIN.fetch(request_net)
        assert plain.ranges == []


def test_a_server_with_an_unknown_certificate_is_refused(
    request_net: Request, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(make_certificate(tmp_path_factory.mktemp("other"))))
    with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
        PLUGIN.fetch(request_net)


def test_no_network_is_told_in_one_line(tmp_path: Path, certificate: Path) -> None:
    with serving(certificate) as gone:
        address = f"{gone.url}/net"
    with pytest.raises(FetchError, match=r"no connection \(.*Connection refused\) after 0 bytes; check the network"):
        PLUGIN.fetch(Request(address, tmp_path, 10, lambda *_: None))
