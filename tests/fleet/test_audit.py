"""The site's audit: what is in it, and what a power cut leaves of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edgefuse.fleet import audit
from edgefuse.fleet.audit import NAMED_DEVICES, Actor, find_user, note_act, note_outcome, read_acts

ANNA = Actor("anna", "console")


def test_an_act_is_told_with_what_came_of_it(tmp_path: Path) -> None:
    assert read_acts(tmp_path) == []
    first = note_act(tmp_path, ANNA, "set-effect", ["a", "b"], '{"effect":"none"}')
    second = note_act(tmp_path, find_user(), "update", ["c"], "release 7", outcome="done")
    note_outcome(tmp_path, first, "refused", "no such effect")
    one, two = read_acts(tmp_path)
    assert (one.n, one.who, one.via, one.what, one.devices) == (first, "anna", "console", "set-effect", ("a", "b"))
    assert (one.detail, one.outcome, one.reason) == ('{"effect":"none"}', "refused", "no such effect")
    assert (two.n, two.via, two.outcome) == (second, "command", "done")
    assert second > first


def test_what_nobody_saw_the_end_of_has_no_outcome(tmp_path: Path) -> None:
    note_act(tmp_path, ANNA, "reboot", ["a"])
    assert [act.outcome for act in read_acts(tmp_path)] == [""]


def test_it_is_for_the_sites_owner_alone(tmp_path: Path) -> None:
    note_act(tmp_path, ANNA, "reboot", ["a"])
    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) == 0o600


def test_of_many_devices_the_first_are_named_and_all_counted(tmp_path: Path) -> None:
    note_act(tmp_path, ANNA, "update", [f"d{n}" for n in range(10_000)])
    (act,) = read_acts(tmp_path)
    assert (len(act.devices), act.device_count) == (NAMED_DEVICES, 10_000)


@pytest.mark.parametrize("kept", [1, 40])
def test_a_line_that_a_power_cut_tore_is_cut_off(kept: int, tmp_path: Path) -> None:
    note_act(tmp_path, ANNA, "pause", ["a"])
    path = tmp_path / "audit.jsonl"
    whole = path.stat().st_size
    note_act(tmp_path, ANNA, "resume", ["a"])
    os.truncate(path, whole + kept)
    note_act(tmp_path, ANNA, "reboot", ["a"])
    assert [act.what for act in read_acts(tmp_path)] == ["pause", "reboot"]


def test_it_takes_no_more_than_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "FILE_BYTES", 2000)
    numbers = [note_act(tmp_path, ANNA, "pause", ["a"]) for _ in range(60)]
    kept = [act.n for act in read_acts(tmp_path)]
    assert kept == numbers[-len(kept) :]
    assert 5 < len(kept) < 60
    assert sum(path.stat().st_size for path in tmp_path.glob("audit*.jsonl")) < 5000
