import platform
from pathlib import Path

import msgspec
import pytest
import yaml
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
