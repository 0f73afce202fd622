import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.model_files import make_tar
from fakes.web_server import Site, serving

from edgefuse.errors import FetchError
from edgefuse.store.transport import Request, UnreachableError
from edgefuse.store.transports.npm import PLUGIN

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed, and edgefuse works without")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give the only registry that npm asks."""
    with serving() as site:
        monkeypatch.setenv("npm_config_registry", f"{site.url}/")
        monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield site


@pytest.fixture
def request_tiny(tmp_path: Path) -> Request:
    folder = tmp_path / "here"
    folder.mkdir()
    return Request("tiny@1.0.0", folder, 1 << 20, lambda *_: None)


@needs_npm
def test_a_package_comes_by_the_users_npm_and_runs_nothing(registry: Site, request_tiny: Request) -> None:
    trap = request_tiny.folder / "was-run"
    description = {"name": "tiny", "version": "1.0.0", "scripts": {"prepack": f"touch {trap}"}}
    package = make_tar({"package/package.json": json.dumps(description).encode(), "package/net": b"weights"})
    dist = {"tarball": f"{registry.url}/tiny.tgz", "shasum": hashlib.sha1(package).hexdigest()}
    versions = {"1.0.0": description | {"dist": dist}}
    registry.files["/tiny"] = json.dumps({"name": "tiny", "versions": versions}).encode()
    registry.files["/tiny.tgz"] = package
    assert PLUGIN.fetch(request_tiny).read_bytes() == package
    assert not trap.exists()


@needs_npm
@pytest.mark.usefixtures("registry")
def test_a_missing_package_is_told_in_one_line(request_tiny: Request) -> None:
    with pytest.raises(FetchError, match=r"no such package or version \(E404\)$"):
        PLUGIN.fetch(request_tiny)


@needs_npm
@pytest.mark.usefixtures("registry")
def test_no_network_is_told_in_one_line(request_tiny: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")  # the discard port, where nobody listens
    with pytest.raises(UnreachableError, match=r"^cannot reach the npm registry: ECONNREFUSED; check the network"):
        PLUGIN.fetch(request_tiny)


def test_a_machine_without_npm_is_told_how_to_get_it(request_tiny: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnreachableError, match="cannot run npm: it is not installed"):
        PLUGIN.fetch(request_tiny)
