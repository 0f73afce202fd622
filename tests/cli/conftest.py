import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml
from fakes.control import FakeSupervisor, make_status
from fakes.planned import add_fake_variant, make_host, make_manifest, make_profile, make_release

from edgefuse.config.profile import Match
from edgefuse.store.release import make_current, save_release
from edgefuse.store.store import Store, open_store


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Give the store of a machine whose own profile names the fake runtime, and whose release has models for it."""
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    profile = make_profile("fake", id="workbench", sample=make_host("fake"))
    profile = msgspec.structs.replace(profile, match=Match(arch=(platform.machine(),)))
    folder = tmp_path / "etc/edgefuse/devices.d"
    folder.mkdir(parents=True)
    (folder / "workbench.yaml").write_text(yaml.safe_dump(msgspec.to_builtins(profile)))
    store = open_store()
    finder = make_manifest("finder", "detect_faces", add_fake_variant(store, "a"), add_fake_variant(store, "b", 320))
    release = make_release(finder, make_manifest("mesh", "track_faces", add_fake_variant(store, "mesh", 192)))
    save_release(store, release)
    make_current(store, release.id)
    return store


@pytest.fixture
def short_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root with a short path: a socket's may have 107 bytes, and a test's own folder is named after the test."""
    with tempfile.TemporaryDirectory(prefix="ef") as folder:
        monkeypatch.setenv("EDGEFUSE_ROOT", folder)
        yield Path(folder)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clocks show UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def supervisor(short_root: Path, utc: None) -> Iterator[FakeSupervisor]:
    """A supervisor that answers on this root's socket."""
    assert short_root.is_dir()
    with FakeSupervisor(make_status()).listen() as supervisor:
        yield supervisor
