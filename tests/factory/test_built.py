"""A built release: the same bytes wherever and whenever it is built, and never half of one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml
from fakes.planned import add_fake_variant, make_manifest

from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.factory.built import Delta, list_deltas, list_parts, load_built, write_built
from edgefuse.factory.recipe import without_paths
from edgefuse.planning.child import child_environment
from edgefuse.store.release import Release
from edgefuse.store.store import Store

BUILD = """
import sys
from pathlib import Path
from edgefuse.factory.built import write_built
from edgefuse.factory.recipe import load_recipe, make_release, without_paths
from edgefuse.store.store import Store
recipe, store, folder = map(Path, sys.argv[1:])
write_built(folder, without_paths(make_release(load_recipe(recipe), recipe.parent)), Store(store))
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def write_recipe(folder: Path, store: Store, models: list[str]) -> Path:
    """Write what a user has: a recipe, and manifests with paths of this very folder."""
    folder.mkdir(parents=True)
    for model in models:
        variants = [add_fake_variant(store, f"{model}-{i}") for i in range(3)]
        manifest = make_manifest(model, "detect_faces", *variants)
        text = yaml.safe_dump(msgspec.to_builtins(manifest)).replace("/nowhere", str(folder))
        (folder / f"{model}.yaml").write_text(text, encoding="utf-8")
    recipe = {
        "id": "summer",
        "counter": 3,
        "models": [f"{model}.yaml" for model in models],
        "settings": {"mark": {"b": "1", "a": "2"}, "anonymise": {"method": "blur"}},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=models[0] == "a"), encoding="utf-8")
    return folder / "recipe.yaml"


def test_same_inputs_give_the_same_bytes_in_any_folder_zone_language_and_order(tmp_path: Path, store: Store) -> None:
    trees = []
    for name, models, variables in (
        ("here", ["a", "b"], {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}),
        ("far/away ü", ["b", "a"], {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2"}),
    ):
        recipe = write_recipe(tmp_path / name, store, models)
        command = [sys.executable, "-c", BUILD, recipe, store.root, tmp_path / name / "built"]
        subprocess.run(command, check=True, env={**child_environment(), **variables}, cwd=recipe.parent)
        trees.append(read_tree(tmp_path / name / "built"))
    assert trees[0] == trees[1]
    assert len(trees[0]) == 7  # the description and six files


def read_tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_was_built_is_read_back(tmp_path: Path, store: Store) -> None:
    release = make(store)
    write_built(tmp_path / "built", release, store)
    assert load_built(tmp_path / "built") == release


def test_deltas_lie_beside_the_files_that_they_lead_to(tmp_path: Path, store: Store) -> None:
    release = make(store)
    first, _ = list_parts(release)
    deltas = [(Delta(first, base, 3), b"abc") for base in ("2" * 64, "1" * 64)]
    write_built(tmp_path / "built", release, store, deltas)
    assert list_deltas(tmp_path / "built", load_built(tmp_path / "built")) == (deltas[1][0], deltas[0][0])
    assert (tmp_path / "built" / f"{first.place}.from.{'1' * 64}").read_bytes() == b"abc"
    assert list_deltas(tmp_path / "built", Release(id="8", counter=8, manifests=())) == ()


def test_folder_with_something_in_it_is_left_alone(tmp_path: Path, store: Store) -> None:
    (tmp_path / "built").mkdir()
    (tmp_path / "built/notes").write_text("mine")
    with pytest.raises(EdgefuseError, match="there is something in it"):
        write_built(tmp_path / "built", make(store), store)
    assert [path.name for path in (tmp_path / "built").iterdir()] == ["notes"]


def test_damaged_store_gives_no_release(tmp_path: Path, store: Store) -> None:
    release = make(store)
    path = store.path(list_parts(release)[1].file.sha256)
    path.chmod(0o644)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(StoreError, match=r"it is not the b\.json that the release names"):
        write_built(tmp_path / "built", release, store)
    with pytest.raises(StoreError, match="cannot read"):
        load_built(tmp_path / "built")


def test_file_that_two_variants_share_is_one_part(store: Store) -> None:
    variant = add_fake_variant(store, "a")
    again = msgspec.structs.replace(variant, id="again", size_px=320)
    release = Release(id="7", counter=7, manifests=(make_manifest("finder", "detect_faces", variant, again),))
    assert len(list_parts(release)) == 1


def make(store: Store) -> Release:
    """Make a release of two variants."""
    variants = (add_fake_variant(store, "a"), add_fake_variant(store, "b"))
    return without_paths(Release(id="7", counter=7, manifests=(make_manifest("finder", "detect_faces", *variants),)))
