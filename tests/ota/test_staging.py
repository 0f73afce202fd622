"""From a verified description to the pointer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fakes.memory_folder import memory_folder
from fakes.update_scenarios import CONTENTS, RELEASES
from fakes.updated_unit import UpdatedUnit, files_of, find_fault, make_release

from edgefuse.ota import staging
from edgefuse.ota.actions import Work
from edgefuse.ota.deployment import Deployment
from edgefuse.ota.events import Done, Failed, Resolved
from edgefuse.store.release import save_release


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[UpdatedUnit]:
    with memory_folder(otherwise=tmp_path) as folder:
        unit = UpdatedUnit(folder, RELEASES, CONTENTS)
        unit.install_first(RELEASES["1"])
        yield unit


def test_an_offer_is_kept_and_held_against_what_runs(unit: UpdatedUnit) -> None:
    resolved = staging.keep_offer(unit.store, RELEASES["3"], 7)
    assert isinstance(resolved, Resolved)
    assert (resolved.counter, resolved.current, resolved.current_counter) == (3, "1", 1)
    assert resolved.content == resolved.current_content  # only the number is another
    assert staging.load_offer(unit.store) == RELEASES["3"]


def test_a_live_description_that_rots_is_no_end_of_updates(unit: UpdatedUnit) -> None:
    (unit.store.root / "releases/1.json").write_bytes(b"{")
    unit.wish("2")
    assert unit.deployment.state == "COMMITTED"
    assert find_fault(unit.store.root.parent, RELEASES) == ""


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        (make_release(5, b"x", release_id="0"), "0 is what ships with edgefuse"),
        (make_release(5, b"x", release_id="1"), "another release 1 is here"),
    ],
)
def test_what_runs_is_never_described_anew(unit: UpdatedUnit, release: object, reason: str) -> None:
    failed = staging.keep_offer(unit.store, release, 7)  # type: ignore[arg-type]
    assert isinstance(failed, Failed)
    assert (failed.fault, reason in failed.reason) == ("rejected", True)


def test_a_file_that_changed_on_the_disk_is_fetched_again_before_the_release_is_started(unit: UpdatedUnit) -> None:
    path = unit.store.path(files_of(RELEASES["2"])[0].sha256)
    path.chmod(0o644)
    path.write_bytes(b"something else")
    unit.wish("2")
    assert unit.deployment.state == "COMMITTED"
    assert unit.steps.count("FETCH") == 2
    assert find_fault(unit.store.root.parent, RELEASES) == ""


def test_an_error_after_the_release_went_live_does_not_call_it_a_failure(
    unit: UpdatedUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_release(unit.store, RELEASES["3"])
    sync, synced = os.fsync, []

    def fail_at_the_folder(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError("the disk is dying")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_at_the_folder)
    work = Work("COMMIT", 9, Deployment(id="d1", release="3", step="COMMIT"))
    assert staging.perform(unit.store, work) == Done(9)
    assert unit.current == "3"


def test_a_release_that_is_not_in_its_place_cannot_go_live(unit: UpdatedUnit) -> None:
    work = Work("COMMIT", 9, Deployment(id="d1", release="2", step="COMMIT"))
    assert isinstance(staging.perform(unit.store, work), Failed)
    assert unit.current == "1"


def test_settings_make_another_content_and_sources_do_not(unit: UpdatedUnit) -> None:
    release = RELEASES["3"]
    other = msgspec.structs.replace(release, settings={"track_faces": {"smooth": "0.5"}})
    resolved = staging.keep_offer(unit.store, other, 1)
    assert isinstance(resolved, Resolved)
    assert resolved.content != resolved.current_content
