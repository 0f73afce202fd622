"""Power cuts: whatever the disk makes of what was under way, a complete, verified release runs, and the update ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.memory_folder import memory_folder
from fakes.power_cut import crash_states
from fakes.update_scenarios import PLANTS, SCENARIOS, count_broken, find_failing, record


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with memory_folder(otherwise=tmp_path) as folder:
        yield folder


@pytest.mark.parametrize("name", SCENARIOS)
def test_after_any_power_cut_a_whole_release_runs_and_the_update_comes_to_its_end(folder: Path, name: str) -> None:
    scenario = SCENARIOS[name]
    states = list(crash_states(record(folder, scenario)))
    assert [failing for state in states if (failing := find_failing(*state, scenario))] == []
    assert len(states) > 70  # so many that none at all would be noticed


@pytest.mark.parametrize("plant", PLANTS)
def test_a_sync_that_is_left_out_is_found(folder: Path, plant: str) -> None:
    recorder = record(folder, SCENARIOS["a release goes live"], PLANTS[plant])
    _, broken = count_broken(crash_states(recorder))
    assert broken > 0


@pytest.mark.parametrize(
    ("name", "kill_at"),  # tools/bench/crash_states takes every one
    [
        *(("a release goes live", kill_at) for kill_at in (17, 34, 51, 68)),
        *(("a delta leads elsewhere", kill_at) for kill_at in (44, 67, 72)),  # while blobs are made, and just after
    ],
)
def test_a_power_cut_soon_after_a_kill_is_survived_too(folder: Path, name: str, kill_at: int) -> None:
    scenario = SCENARIOS[name]
    states = list(crash_states(record(folder, scenario, kill_at=kill_at)))
    assert [failing for state in states if (failing := find_failing(*state, scenario))] == []
