import json
from pathlib import Path

import pytest
from fakes.model_files import CONTENT, manifest, model_file, variant, write_wheel

from edgefuse.__main__ import main
from edgefuse.store.release import Release, make_current, save_release
from edgefuse.store.store import Store, open_store

NEEDED = model_file(python="tiny_model==1.0", member="net")
CONVERTED = model_file(b"converted", name="net.onnx", converted_from="fp32-128")
UNOBTAINABLE = model_file(b"gone", name="extra.tflite", python="not_there==1.0", member="net")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in which pip looks, with the one wheel that is needed."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return write_wheel(folder, {"net": CONTENT}).parent


@pytest.fixture
def store(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Give this machine's store, empty, with a release of a needed and an optional model."""
    assert wheels.is_dir()
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path / "root"))
    store = open_store()
    needed = manifest(variant(NEEDED), variant(CONVERTED, variant_id="onnx-128"))
    extra = manifest(variant(UNOBTAINABLE), model_id="extra", is_optional=True)
    save_release(store, Release(id="1", counter=1, manifests=(needed, extra)))
    make_current(store, "1")
    return store


def _damage(store: Store, sha256: str) -> None:
    path = store.path(sha256)
    path.chmod(0o644)
    path.write_bytes(b"damaged")


def test_list_shows_each_variant_and_whether_it_is_here(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.add([CONTENT], NEEDED)
    assert main(["models", "list"]) == 0
    _, *lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    size = f"{len(CONTENT):,}"
    assert lines == [
        ["tiny", "detect_faces", "fp32-128", "tflite", "fp32", "128", size, "MIT", "yes"],
        ["tiny", "detect_faces", "onnx-128", "tflite", "fp32", "128", "9", "MIT", "no"],
        ["extra", "detect_faces", "fp32-128", "tflite", "fp32", "128", "4", "MIT", "no", "(optional)"],
    ]


def test_list_as_json_has_the_same_facts(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.add([CONTENT], NEEDED)
    assert main(["models", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["model"], r["variant"], r["is_in_store"]) for r in rows] == [
        ("tiny", "fp32-128", True),
        ("tiny", "onnx-128", False),
        ("extra", "fp32-128", False),
    ]
    assert set(rows[0]) >= {"task", "format", "precision", "size_px", "size_bytes", "licence", "is_optional"}


def test_fetch_gets_what_is_needed_and_says_what_it_left_out(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch"]) == 0
    assert store.has(NEEDED.sha256)
    assert capsys.readouterr().out.splitlines() == [
        "fetched  tiny fp32-128",
        "skipped  tiny onnx-128: it is made on this machine (tools/convert)",
        "skipped  extra: optional (edgefuse models fetch extra)",
    ]


def test_fetch_with_a_filled_store_needs_nobody(store: Store, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "fetch"])
    next(wheels.iterdir()).unlink()
    capsys.readouterr()
    assert main(["models", "fetch", "tiny"]) == 0
    assert "in store tiny fp32-128" in capsys.readouterr().out
    assert store.has(NEEDED.sha256)


@pytest.mark.usefixtures("store")
def test_an_optional_model_that_cannot_be_had_is_said_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "--optional"]) == 0
    assert "failed   extra fp32-128: cannot fetch not_there==1.0 with pip" in capsys.readouterr().out


@pytest.mark.usefixtures("store")
def test_a_named_model_that_cannot_be_had_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "extra"]) == 2
    assert "edgefuse: cannot fetch not_there==1.0 with pip" in capsys.readouterr().err


def test_a_needed_model_that_cannot_be_had_is_a_failure_after_the_others(
    store: Store, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wheel(wheels, {"net": b"altered"})
    assert main(["models", "fetch"]) == 2
    captured = capsys.readouterr()
    assert "its sha256 is" in captured.err
    assert captured.out.splitlines()[-1].startswith("skipped  extra")
    assert store.blobs() == ()


@pytest.mark.usefixtures("store")
def test_an_unknown_model_gets_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "tyny"]) == 2
    assert "did you mean 'tiny'?" in capsys.readouterr().err


def test_verify_is_content_with_an_intact_store(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.add([CONTENT], NEEDED)
    assert main(["models", "verify"]) == 0
    assert capsys.readouterr().out == "1 files checked, 0 corrupt\n"


def test_verify_names_what_is_corrupt_and_the_command_that_mends_it(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store.add([CONTENT], NEEDED)
    _damage(store, NEEDED.sha256)
    assert main(["models", "verify"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"corrupt  {NEEDED.sha256} (tiny fp32-128): removed",
        "1 files checked, 1 corrupt",
        "to mend: edgefuse models fetch tiny",
    ]
    assert main(["models", "fetch", "tiny"]) == 0
    assert store.is_intact(NEEDED.sha256)


def test_verify_sends_to_the_converter_for_what_was_converted(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.add([b"converted"], CONVERTED)
    _damage(store, CONVERTED.sha256)
    assert main(["models", "verify"]) == 1
    assert "to mend: tools/convert\n" in capsys.readouterr().out


def test_verify_as_json_names_the_users_of_what_is_corrupt(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.add([CONTENT], NEEDED)
    _damage(store, NEEDED.sha256)
    assert main(["models", "verify", "--json"]) == 1
    corrupt = [{"sha256": NEEDED.sha256, "used_by": ["tiny fp32-128"]}]
    assert json.loads(capsys.readouterr().out) == {"checked": 1, "corrupt": corrupt}
