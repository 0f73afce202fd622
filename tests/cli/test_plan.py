import json
from pathlib import Path

import pytest

from edgefuse.__main__ import main
from edgefuse.store.store import Store


def test_this_unit_is_planned_with_what_its_runtimes_have_proven(
    machine: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.root.is_dir()
    assert main(["plan", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert {"profile", "release", "choices", "rejections"} <= set(made)
    assert (made["profile"], made["release"]) == ("workbench", "7")
    assert [(c["task"], c["variant"], c["basis"]) for c in made["choices"]] == [
        ("detect_faces", "a", "expected"),
        ("track_faces", "mesh", "expected"),
    ]
    assert [(r["variant"], r["reason"]) for r in made["rejections"]] == [
        ("b", "no point of the ladder asks for its size, only for 128 px")
    ]


def test_the_text_names_each_choice_and_each_reason(machine: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.root.is_dir()
    assert main(["plan"]) == 0
    text = capsys.readouterr().out
    assert "profile workbench, release 7" in text
    assert "not chosen for detect_faces:\n  no point of the ladder asks for its size, only for 128 px:\n" in text
    assert "    finder b on fake cpu" in text


def test_another_board_is_planned_from_its_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    assert main(["plan", "--profile", "raspberry-pi-5", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["profile"] == "raspberry-pi-5"
    assert {c["runtime"] for c in made["choices"] if c["task"] == "detect_faces"} == {"tflite"}


def test_a_profile_that_does_not_exist_is_an_error_with_the_nearest_name(
    machine: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.root.is_dir()
    assert main(["plan", "--profile", "raspbery-pi-5"]) == 2
    assert capsys.readouterr().err.endswith("cannot find profile 'raspbery-pi-5': did you mean 'raspberry-pi-5'?\n")


def test_the_example_in_the_documentation_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    assert main(["plan", "--profile", "raspberry-pi-3"]) == 0
    document = (Path(__file__).parents[2] / "docs/planning.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out in document, "copy the new output into docs/planning.md"
