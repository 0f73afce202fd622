"""The journal: written before anything is done, whole after a power cut, and no obstacle where the disk is broken."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.memory_folder import memory_folder
from fakes.update_scenarios import CONTENTS, RELEASES
from fakes.updated_unit import UpdatedUnit

from edgefuse.config.updates import UpdateSettings
from edgefuse.errors import StoreError
from edgefuse.ota.actions import Stop, Work
from edgefuse.ota.deployment import Wish
from edgefuse.ota.events import Answer, Done, Progressed, Wished
from edgefuse.ota.journal import Journal

WISH = Wished(Wish(release="2", deployment="d1", seq=1))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with memory_folder(otherwise=tmp_path) as folder:
        yield folder


@pytest.fixture
def unit(folder: Path) -> UpdatedUnit:
    unit = UpdatedUnit(folder, RELEASES, CONTENTS)
    unit.install_first(RELEASES["1"])
    return unit


def open_journal(folder: Path) -> Journal:
    return Journal(folder / "deployment.json", UpdateSettings())


def test_a_unit_that_was_never_updated_has_no_journal(unit: UpdatedUnit, folder: Path) -> None:
    unit.start()
    assert not (folder / "deployment.json").exists()


def test_a_step_is_on_the_disk_before_its_work_is_given_out(folder: Path) -> None:
    journal = open_journal(folder)
    for event in (WISH, Done(1)):
        (work,) = journal.take(event)
        assert isinstance(work, Work)
        kept = open_journal(folder).state
        assert kept.deployment is not None
        assert (kept.seq, kept.deployment.step) == (work.seq, work.step)


def test_progress_of_a_fetch_is_not_written(unit: UpdatedUnit, folder: Path) -> None:
    seen = []

    def fetch(work: Work) -> Answer:
        before = (folder / "deployment.json").stat().st_ino
        for done_bytes in range(10):
            unit.journal.take(Progressed(work.seq, done_bytes, 10))
        seen.append((folder / "deployment.json").stat().st_ino == before)
        unit.fetch(RELEASES["2"])
        return Done(work.seq)

    unit.acts = {"FETCH": fetch}
    unit.wish("2")
    assert (seen, unit.deployment.state) == ([True], "COMMITTED")


def test_the_history_says_what_came_when_and_how_it_ended(unit: UpdatedUnit, folder: Path) -> None:
    unit.wish("2", seq=1)
    unit.wish("1", seq=2)
    unit.wish("4", seq=3)
    state = open_journal(folder).state
    assert [past.state for past in (*state.history, state.deployment) if past] == ["COMMITTED", "REJECTED", "COMMITTED"]
    assert {(past.begun_at, past.ended_at) for past in state.history} == {("2026-11-20T12:00:00Z",) * 2}


def test_a_broken_journal_is_moved_aside_and_the_counter_of_what_runs_still_counts(
    unit: UpdatedUnit, folder: Path
) -> None:
    unit.wish("2")
    (folder / "deployment.json").write_bytes(b'{"v":1,"seq":')
    again = UpdatedUnit(folder, RELEASES, CONTENTS)
    again.start()
    again.wish("1")
    assert (again.deployment.state, again.current) == ("REJECTED", "2")
    assert len(list(folder.glob("deployment.json.broken-*"))) == 1


def test_a_journal_of_a_newer_edgefuse_is_refused_with_what_to_do(unit: UpdatedUnit, folder: Path) -> None:
    unit.wish("2")
    path = folder / "deployment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"v": 2}))
    with pytest.raises(StoreError, match=r"it has form 2, this edgefuse reads 1 \(update edgefuse\)"):
        open_journal(folder)


def test_a_state_directory_that_cannot_be_written_ends_the_update_with_its_reason(folder: Path) -> None:
    (folder / "state").write_bytes(b"no folder")
    journal = open_journal(folder / "state")
    assert journal.take(WISH) == (Stop(),)
    assert journal.state.deployment is not None
    assert journal.state.deployment.state == "FAILED"
    assert "cannot write" in journal.state.deployment.reason


@pytest.mark.parametrize("step", ["RESOLVE", "FETCH", "STAGE", "TRIAL"])
def test_a_disk_that_is_full_from_some_step_on_leaves_what_runs_running(
    unit: UpdatedUnit, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fill(work: Work) -> Answer:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        return unit.act_well(work)

    unit.acts = {step: fill}  # type: ignore[dict-item]
    unit.wish("2")
    assert unit.deployment.is_over
    assert unit.deployment.state in ("FAILED", "ROLLED_BACK")
    assert "No space left on device" in unit.deployment.reason
    assert unit.current == "1"
    monkeypatch.undo()
    again = UpdatedUnit(folder, RELEASES, CONTENTS)
    again.start()
    assert again.deployment.is_over
    again.wish("2", seq=2)
    assert (again.deployment.state, again.current) == ("COMMITTED", "2")
