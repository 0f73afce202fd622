import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgefuse.__main__ import main
from edgefuse.cli import tune as command
from edgefuse.planning.trial import Trial
from edgefuse.planning.tune import Tuning
from edgefuse.store.state import load_state, state_path
from edgefuse.store.store import Store


def test_measurements_are_printed_and_the_next_plan_uses_them(
    machine: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.root.is_dir()
    assert main(["tune", "--quick", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert sorted(row["variant"] for row in rows) == ["a", "b", "mesh"]
    assert all(row["trial"]["p50_ms"] > 0 for row in rows)
    assert main(["plan", "--json"]) == 0
    assert {choice["basis"] for choice in json.loads(capsys.readouterr().out)["choices"]} == {"measured"}


def test_ctrl_c_keeps_and_prints_what_was_measured(
    machine: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = command.tune

    def interrupted(*arguments: object, **options: object) -> Iterator[tuple[Tuning, Trial]]:
        yield next(iter(real(*arguments, **options)))  # type: ignore[arg-type]
        raise KeyboardInterrupt

    assert machine.root.is_dir()
    monkeypatch.setattr(command, "tune", interrupted)  # a terminal's Ctrl-C, at a moment that is always the same
    assert main(["tune", "--quick"]) == 130
    out, err = capsys.readouterr()
    assert "interrupted: 1 of 3 were measured and kept" in err
    assert "finder  a" in out
    assert len(load_state(state_path()).measurements) == 1


def test_an_empty_store_is_an_error_that_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    assert main(["tune"]) == 2
    assert "edgefuse models fetch" in capsys.readouterr().err
