import json
from pathlib import Path

import msgspec
import pytest
from fakes.model_files import manifest, model_file, variant, write_manifests

from edgefuse.errors import ConfigError, StoreError
from edgefuse.store.release import (
    Release,
    current_release,
    hash_content,
    live_ids,
    load_release,
    make_current,
    save_release,
)
from edgefuse.store.store import Store
from edgefuse.store.terms import Gates


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    write_manifests(folder, manifest(variant(model_file())))
    return folder


def test_what_ships_becomes_release_0_at_first_use(store: Store, shipped: Path) -> None:
    release = current_release(store, shipped)
    assert (release.id, release.counter) == ("0", 0)
    assert release.find("tiny", "fp32-128") == variant(model_file())
    assert load_release(store, "0") == release


def test_release_0_follows_the_package_while_it_is_current(store: Store, shipped: Path) -> None:
    current_release(store, shipped)
    write_manifests(shipped, manifest(variant(model_file()), model_id="added"))
    assert [m.id for m in current_release(store, shipped).manifests] == ["added", "tiny"]
    assert [m.id for m in load_release(store, "0").manifests] == ["added", "tiny"]


def test_another_current_release_is_left_alone_by_an_upgrade(store: Store, shipped: Path) -> None:
    before = current_release(store, shipped)
    ours = Release(id="7", counter=7, manifests=(manifest(variant(model_file()), model_id="ours"),))
    save_release(store, ours)
    make_current(store, "7")
    write_manifests(shipped, manifest(variant(model_file()), model_id="added"))
    assert current_release(store, shipped) == ours
    assert load_release(store, "0") == before


@pytest.mark.parametrize("broken", [("8",), ("8", "7")])
def test_what_ran_before_is_given_where_the_live_one_cannot_be_read(
    store: Store, shipped: Path, broken: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    current_release(store, shipped)
    for counter in (7, 8):
        save_release(store, Release(id=str(counter), counter=counter, manifests=()))
        make_current(store, str(counter))
    for release_id in broken:
        (store.root / f"releases/{release_id}.json").write_bytes(b"{")
    assert current_release(store, shipped).id == {1: "7", 2: "0"}[len(broken)]
    assert all(f"the one before is release={release_id}" in caplog.text for release_id in broken)


def test_an_unchanged_release_is_not_written_again(store: Store, shipped: Path) -> None:
    current_release(store, shipped)
    before = (store.root / "releases/0.json").stat().st_ino
    current_release(store, shipped)
    assert (store.root / "releases/0.json").stat().st_ino == before


def test_keys_of_a_later_edgefuse_are_ignored_at_every_depth(store: Store, shipped: Path) -> None:
    release = current_release(store, shipped)
    _rewrite(store, later=1, deep=True)
    assert load_release(store, "0") == release


def test_an_unknown_major_version_is_refused_with_what_to_do(store: Store, shipped: Path) -> None:
    current_release(store, shipped)
    _rewrite(store, v=2)
    with pytest.raises(StoreError, match=r"0\.json: it has form 2, this edgefuse reads 1 \(update edgefuse\)"):
        load_release(store, "0")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"v": 1, "id": "0"}', b'{"v":1,"id":"\xff"}', b'{"v":1,"x":' + b"[" * 99_999]
)
def test_a_broken_release_is_told_with_its_path(store: Store, shipped: Path, content: bytes) -> None:
    current_release(store, shipped)
    (store.root / "releases/0.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot load .*releases/0\.json"):
        load_release(store, "0")


def test_a_broken_pointer_is_told(store: Store, shipped: Path) -> None:
    current_release(store, shipped)
    (store.root / "current").write_bytes(b"\xff\n")
    with pytest.raises(StoreError, match=r"cannot read .*releases/"):
        current_release(store, shipped)


def test_a_release_that_is_not_there_cannot_go_live(store: Store, shipped: Path) -> None:
    current_release(store, shipped)
    with pytest.raises(StoreError, match=r"cannot read .*releases/9\.json"):
        make_current(store, "9")
    assert current_release(store, shipped).id == "0"


def test_the_release_that_was_live_is_known_as_the_one_before(store: Store, shipped: Path) -> None:
    before = current_release(store, shipped)
    for counter in (7, 8, 8):  # a commit may be done again
        save_release(store, msgspec.structs.replace(before, id=str(counter), counter=counter))
        make_current(store, str(counter))
    assert live_ids(store) == ("8", "7")


def test_a_pointer_of_an_older_edgefuse_has_none_before(store: Store, shipped: Path) -> None:
    current_release(store, shipped)
    (store.root / "current").write_bytes(b"0\n")
    assert live_ids(store) == ("0",)


@pytest.mark.parametrize("content", [b"", b"\0\0", b"../0\n"])
def test_a_pointer_to_nothing_is_told_with_what_to_do(store: Store, shipped: Path, content: bytes) -> None:
    current_release(store, shipped)
    (store.root / "current").write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot read .*current: .* write one of them into it, or remove it"):
        current_release(store, shipped)


def test_content_is_what_runs_whatever_its_number_terms_and_sources(store: Store, shipped: Path) -> None:
    release = current_release(store, shipped)
    moved = manifest(variant(model_file(file="/elsewhere/net.tflite")))
    same = msgspec.structs.replace(release, id="7", counter=7, gates=Gates(parity_floor=0.5), manifests=(moved,))
    other = msgspec.structs.replace(release, manifests=(manifest(variant(model_file(b"other"))),))
    assert hash_content(same) == hash_content(release)
    assert hash_content(other) != hash_content(release)


def test_a_package_without_manifests_makes_no_release(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot make release 0: .* has no manifests"):
        current_release(store, tmp_path)
    assert not (store.root / "current").exists()


def test_a_misspelt_model_or_variant_gets_a_guess(store: Store, shipped: Path) -> None:
    release = current_release(store, shipped)
    with pytest.raises(StoreError, match="did you mean 'tiny'"):
        release.find("tony", "fp32-128")
    with pytest.raises(StoreError, match="did you mean 'fp32-128'"):
        release.find("tiny", "fp32-129")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({}, "exactly one of"),
        ({"https": "https://h/x", "file": "/x"}, "exactly one of"),
        ({"python": "a==1"}, "needs `member`"),
        ({"https": "http://h/x"}, "must look like"),
        ({"file": "relative"}, "must look like"),
        ({"python": "--index-url=http://h", "member": "x"}, "must look like"),
        ({"npm": "a", "member": "x"}, "must look like"),
    ],
)
def test_a_source_that_cannot_be_fetched_is_refused_when_it_is_read(
    store: Store, shipped: Path, source: dict[str, str], reason: str
) -> None:
    path = shipped / "tiny.yaml"
    path.write_text(path.read_text().replace(f"source:\n{_SHIPPED_SOURCE}", f"source: {json.dumps(source)}\n"))
    with pytest.raises(ConfigError, match=reason):
        current_release(store, shipped)


@pytest.mark.parametrize("name", ["../net", "a/b", "", ".hidden"])
def test_a_file_name_cannot_leave_its_folder(store: Store, shipped: Path, name: str) -> None:
    path = shipped / "tiny.yaml"
    path.write_text(path.read_text().replace("name: net.tflite", f"name: {json.dumps(name)}"))
    with pytest.raises(ConfigError, match="name: must look like"):
        current_release(store, shipped)


_SHIPPED_SOURCE = """\
      converted_from: null
      file: /nowhere/net.tflite
      https: null
      member: null
      npm: null
      python: null
      release: null
"""


def _rewrite(store: Store, *, deep: bool = False, **keys: int) -> None:
    """Change keys of release 0 as another edgefuse may have written it."""
    path = store.root / "releases/0.json"
    release = json.loads(path.read_text()) | keys
    if deep:
        release["manifests"][0]["variants"][0]["files"][0]["source"]["later"] = 1
    path.write_text(json.dumps(release))
