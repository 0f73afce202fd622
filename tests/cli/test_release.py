"""An operator's way with ``edgefuse release``, from models to what devices trust."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import yaml
from benching.model_pairs import fine_tune, load_content
from fakes.model_files import model_file
from fakes.planned import add_fake_variant
from fakes.release_site import Site, make_blanks
from tuf.api.metadata import TargetFile

from edgefuse.__main__ import main
from edgefuse.store.release import Release
from edgefuse.store.store import Store


def write_recipe(folder: Path, release: Release) -> Path:
    """Write a recipe with the TFLite variants of a detector and of the mesh alone, as two runtimes read them."""
    for model in ("blazeface-short", "facemesh"):
        manifest = release.manifest(model)
        only = tuple(v for v in manifest.variants if v.format == "tflite")
        text = yaml.safe_dump(msgspec.to_builtins(msgspec.structs.replace(manifest, variants=only)))
        (folder / f"{model}.yaml").write_text(text, encoding="utf-8")
    recipe = folder / "summer.yaml"
    recipe.write_text(
        "id: summer\ncounter: 1\nmodels: [blazeface-short.yaml, facemesh.yaml]\n"
        "gates: {rate_floor_hz: 5}\nconstraints: {profiles: [raspberry-pi-3]}\n"
    )
    return recipe


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Let any web server, here Python's, serve a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_operator_goes_from_models_to_a_release_that_devices_trust(
    tmp_path: Path, store: Store, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, built, web = write_recipe(tmp_path, release), tmp_path / "summer", tmp_path / "web"
    vault = ("--vault", str(tmp_path / "vault"))
    assert main(["release", "build", str(recipe), str(built)]) == 0
    assert "checks of golden values passed" in capsys.readouterr().out
    assert main(["release", "inspect", str(built)]) == 0
    assert "gates: {slowdown_limit: 1.15, rate_floor_hz: 5.0" in capsys.readouterr().out
    assert main(["release", "diff", "0", str(built), "--json"]) == 0
    boards = {board["profile"]: board for board in json.loads(capsys.readouterr().out)["boards"]}
    assert boards["raspberry-pi-4"]["obstacle"] == "it is for raspberry-pi-3 only"
    assert boards["raspberry-pi-3"]["fetch_bytes"] == 0  # what ships with edgefuse is the same
    assert main(["release", "keys", "init", *vault]) == 0
    assert main(["release", "sign", str(built), *vault]) == 0
    assert main(["release", "publish", str(web), *vault]) == 0
    root = str(tmp_path / "vault/metadata/1.root.json")
    with serve(web) as url:
        assert main(["release", "verify", "--root", root, url]) == 0
    assert "release summer with counter 1 is what was signed: 2 files" in capsys.readouterr().out


def train(folder: Path, release: Release, store: Store, recipe: Path) -> Path:
    """Write a recipe with a detector that was trained further."""
    manifest = release.manifest("blazeface-short")
    variant = next(variant for variant in manifest.variants if variant.format == "tflite")
    (folder / "trained").mkdir()
    (folder / "trained.tflite").write_bytes(fine_tune(load_content(variant, store)).data)
    file = model_file((folder / "trained.tflite").read_bytes(), file=str(folder / "trained.tflite"))
    trained = msgspec.structs.replace(manifest, variants=(msgspec.structs.replace(variant, files=(file,)),))
    (folder / "trained/blazeface-short.yaml").write_text(yaml.safe_dump(msgspec.to_builtins(trained)), encoding="utf-8")
    text = recipe.read_text().replace("summer", "autumn").replace("counter: 1", "counter: 2")
    (folder / "autumn.yaml").write_text(text.replace("blazeface-short.yaml", "trained/blazeface-short.yaml"))
    return folder / "autumn.yaml"


def test_operator_sends_a_trained_detector_as_a_delta(
    tmp_path: Path, store: Store, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    web, vault = tmp_path / "web", ("--vault", str(tmp_path / "vault"))
    recipe = train(tmp_path, release, store, write_recipe(tmp_path, release))
    trees = []
    for name in ("autumn", "again"):
        assert main(["release", "build", str(recipe), str(tmp_path / name), "--bases", "0"]) == 0
        assert "1 delta: " in capsys.readouterr().out
        trees.append({path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()})
    assert trees[0] == trees[1]
    ((name, delta),) = ((name, content) for name, content in trees[0].items() if ".from." in name)
    autumn = str(tmp_path / "autumn")
    assert main(["release", "inspect", autumn]) == 0
    assert f"{name.partition('.from.')[2][:12]}  {len(delta):,}" in capsys.readouterr().out
    assert main(["release", "diff", "0", autumn]) == 0
    assert f"fetches 229,032 bytes, or {len(delta):,} bytes with deltas" in capsys.readouterr().out
    assert main(["release", "keys", "init", *vault]) == 0
    assert main(["release", "sign", autumn, *vault]) == 0
    assert main(["release", "publish", str(web), *vault]) == 0
    assert main(["release", "verify", "--root", str(tmp_path / "vault/metadata/1.root.json"), str(web)]) == 0
    untried = "0 right; 1 could not be tried, as what they start from is not published here"
    assert f"1 delta, {len(delta):,} bytes: {untried}" in capsys.readouterr().out


def test_base_that_is_not_there_is_told_before_anything_is_made(
    tmp_path: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, release)
    assert main(["release", "build", str(recipe), str(tmp_path / "summer"), "--bases", "spring"]) == 2
    assert "cannot find release 'spring'" in capsys.readouterr().err
    assert not (tmp_path / "summer").exists()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "site")
    site.start()
    return site


def test_folder_that_was_changed_does_not_verify(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "verify", "--root", str(site.anchor), str(site.published)]) == 0
    (path,) = (site.published / "targets/models/detect_faces").iterdir()
    path.write_bytes(bytes(path.stat().st_size))
    assert main(["release", "verify", "--root", str(site.anchor), str(site.published)]) == 2
    told = capsys.readouterr().err
    assert "edgefuse: cannot use models/detect_faces/" in told
    assert "brings the right one back with edgefuse release publish" in told
    assert main(["release", "publish", str(site.published), "--vault", str(site.vault)]) == 0
    assert main(["release", "verify", "--root", str(site.anchor), str(site.published)]) == 0


def test_delta_that_was_signed_and_leads_elsewhere_does_not_verify(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    before = site.release("two", 2, add_fake_variant(site.store, "a", blanks=make_blanks(1)))
    site.release("three", 3, add_fake_variant(site.store, "a", blanks=make_blanks(2)), bases=[before])
    assert main(["release", "verify", "--root", str(site.anchor), str(site.published)]) == 0
    assert "bytes: 1 right\n" in capsys.readouterr().out
    (path,) = site.published.rglob("*.from.*")
    path.write_bytes(b"junk")
    forged = TargetFile.from_data(f"models/detect_faces/{path.name}", b"junk", ["sha256"])
    site.forge_list("detect_faces", lambda listed: listed.targets.update({forged.path: forged}))
    assert main(["release", "verify", "--root", str(site.anchor), str(site.published)]) == 2
    assert "cannot rebuild a.json from a delta: it is no delta, or damaged" in capsys.readouterr().err


def test_keys_are_listed_rotated_and_revoked(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    vault = ("--vault", str(site.vault))
    (old,) = site.keys_of("releases")
    assert main(["release", "keys", "list", *vault]) == 0
    assert f"releases      {old.keyid[:12]}  {site.vault}/keys/releases-" in capsys.readouterr().out
    assert main(["release", "keys", "rotate", "detect_faces", *vault]) == 0
    assert main(["release", "keys", "revoke", f"releases-{old.keyid[:12]}", *vault]) == 0
    assert "publish now" in capsys.readouterr().out
    assert site.keys_of("releases") != (old,)
    assert main(["release", "publish", str(site.published), *vault]) == 0
    assert main(["release", "verify", "--root", str(site.anchor), str(site.published)]) == 0


def test_root_key_lies_on_a_stick(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vault, stick = ("--vault", str(site.vault)), tmp_path / "stick"
    stick.mkdir()
    for path in (site.vault / "keys").glob("root-*.pem"):
        path.rename(stick / path.name)
    assert main(["release", "keys", "rotate", "timestamp", *vault]) == 2
    assert "cannot sign root: 0 of the 2 keys" in capsys.readouterr().err
    assert len(list((site.vault / "keys").glob("timestamp-*.pem"))) == 1  # no secret that nobody trusts stays behind
    assert main(["release", "keys", "rotate", "timestamp", *vault, "--keys", str(stick)]) == 0


def test_pin_comes_from_the_file_that_is_named_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgefuse.cli._release_actions import ask_pin

    (tmp_path / "pin").write_text("1234\n")
    monkeypatch.setenv("EDGEFUSE_PIN_FILE", str(tmp_path / "pin"))
    ask_pin.cache_clear()
    assert ask_pin("pin") == "1234"
    ask_pin.cache_clear()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["inspect", "winter"], "cannot find release 'winter'"),
        (["sign", "nowhere", "--vault", "nowhere"], "keys init makes one"),
        (["verify", "--root", "nowhere.json", "nowhere"], "cannot read the pinned root file nowhere.json"),
        (["build", "nowhere.yaml", "out"], "nowhere.yaml"),
    ],
)
def test_what_is_not_there_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    monkeypatch.chdir(root.parent)
    assert main(["release", *words]) == 2
    assert reason in capsys.readouterr().err


def test_what_no_package_has_is_told_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path / "root"))
    recipe = tmp_path / "summer.yaml"
    recipe.write_text("id: summer\ncounter: 1\nmodels: [blazeface-full, facemesh]\n")
    assert main(["release", "build", str(recipe), str(tmp_path / "summer")]) == 2
    said = capsys.readouterr().err
    assert "no package has blazeface-full fp32-192-onnx, " in said
    assert "tools/convert, or leave such variants out with `has_converted: false`" in said
    assert not list((tmp_path / "root/var/lib/edgefuse/store").glob("sha256/*/*"))
