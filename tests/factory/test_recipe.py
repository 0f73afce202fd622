"""Recipes: what a release consists of, and what cannot go together."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml
from fakes.model_files import model_file, variant
from fakes.planned import make_manifest

from edgefuse.config.manifest import Manifest
from edgefuse.config.profile import Trip
from edgefuse.errors import ConfigError
from edgefuse.factory.recipe import load_recipe, make_release, without_paths
from edgefuse.store.board_settings import BoardSettings
from edgefuse.store.release import Release


def make(folder: Path, *manifests: Manifest, **keys: object) -> Release:
    """Write manifests and a recipe of them, and make the release."""
    for manifest in manifests:
        text = yaml.safe_dump(msgspec.to_builtins(manifest))
        (folder / f"{manifest.id}.yaml").write_text(text, encoding="utf-8")
    recipe = {"id": "summer", "counter": 1, "models": [f"{m.id}.yaml" for m in manifests], **keys}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return make_release(load_recipe(folder / "recipe.yaml"), folder)


def test_models_come_from_edgefuse_and_from_manifests_beside_the_recipe(tmp_path: Path) -> None:
    ours = make_manifest("ours", "detect_faces", variant(model_file()))
    release = make(tmp_path, ours, models=["yunet", "ours.yaml", "facemesh"])
    assert [manifest.id for manifest in release.manifests] == ["facemesh", "ours", "yunet"]


def test_terms_stand_in_the_recipe(tmp_path: Path) -> None:
    terms = {
        "settings": {"anonymise": {"method": "blur"}},
        "boards": {"raspberry-pi-5": {"trips": [{"zone": "cpu-thermal", "enter_c": 75, "exit_c": 70}]}},
        "gates": {"p95_ceiling_ms": 80},
        "constraints": {"profiles": ["raspberry-pi-5"]},
    }
    release = make(tmp_path, models=["facemesh"], **terms)
    assert release.settings == {"anonymise": {"method": "blur"}}
    assert release.boards == {"raspberry-pi-5": BoardSettings(trips=(Trip(zone="cpu-thermal", enter_c=75, exit_c=70),))}
    assert release.gates.p95_ceiling_ms == 80
    assert release.constraints.profiles == ("raspberry-pi-5",)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"counter": 0}, "counter: "),
        ({"id": "Summer 1"}, "id: must look like"),
        ({"id": "../up"}, "id: must look like"),
        ({"id": "summer\n"}, "id: must look like"),
        ({"id": "0"}, "what ships with edgefuse is called so; choose another id"),
        ({"models": []}, "models: "),
        ({"gates": {"slowdown_limit": 0.5}}, "gates.slowdown_limit: "),
        ({"colour": "red"}, "unknown key `colour`"),
        ({"boards": {"raspberry-pi-5": {"ladders": []}}}, "unknown key `ladders`"),
        ({"boards": {"raspberry-pi-5": {"ladder": [{"effect": 1}]}}}, "unknown key `effect`"),
        ({"models": ["yunett"]}, "cannot find model 'yunett'"),
        ({"models": ["missing.yaml"]}, "missing.yaml"),
        ({"models": ["yunet", "yunet"]}, "it has yunet twice"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, keys: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError) as raised:
        make(tmp_path, **{"models": ["facemesh"], **keys})
    assert reason in str(raised.value)


def test_embedders_share_one_space(tmp_path: Path) -> None:
    file = variant(model_file())
    one = make_manifest("one", "embed_faces", file, embedding_space="a-128")
    two = make_manifest("two", "embed_faces", file, embedding_space="b-128")
    with pytest.raises(ConfigError, match=r"do not share a space \(one a-128, two b-128\)"):
        make(tmp_path, one, two)
    same = msgspec.structs.replace(two, embedding_space="a-128")
    assert make(tmp_path, one, same).embedding_spaces == ("a-128",)


def test_embedder_names_its_space(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one does not name its `embedding_space`"):
        make(tmp_path, make_manifest("one", "embed_faces", variant(model_file())))


def test_nothing_of_the_builders_disk_goes_out(tmp_path: Path) -> None:
    content = b"a network of our own"
    release = make(tmp_path, make_manifest("ours", "detect_faces", variant(model_file(content))))
    (file,) = without_paths(release).manifests[0].variants[0].files
    assert file.source.kind == "release"
    assert file.source.address == f"models/detect_faces/{file.sha256}"


def test_packages_stay_the_source_of_what_they_carry(tmp_path: Path) -> None:
    release = make(tmp_path, models=["yunet"])
    assert without_paths(release) == release


def test_what_must_be_converted_is_left_out_on_demand(tmp_path: Path) -> None:
    packed, made = variant(model_file()), variant(model_file(converted_from="fp32-128"), variant_id="made")
    both = make_manifest("ours", "detect_faces", packed, made)
    assert make(tmp_path, both).manifests == (both,)
    (left,) = make(tmp_path, both, has_converted=False).manifests
    assert left.variants == (packed,)
    with pytest.raises(ConfigError, match="all its variants are converted"):
        make(tmp_path, make_manifest("ours", "detect_faces", made), has_converted=False)
