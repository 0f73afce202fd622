"""Garbage: what runs, what ran before and what no release brought are never touched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.memory_folder import memory_folder
from fakes.update_scenarios import CONTENTS, MORE, NEW, NEWER, OLD, RELEASES, SHARED
from fakes.updated_unit import UpdatedUnit, files_of

from edgefuse.ota.events import Failed
from edgefuse.ota.parts import Part, list_parts, parts_folder
from edgefuse.ota.retention import collect_garbage, offer_path
from edgefuse.ota.staging import keep_offer
from edgefuse.store.release import live_ids, make_current, save_release
from edgefuse.store.store import Store


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[UpdatedUnit]:
    with memory_folder(otherwise=tmp_path) as folder:
        unit = UpdatedUnit(folder, RELEASES, CONTENTS)
        unit.install_first(RELEASES["1"])
        yield unit


def holds(store: Store, *contents: bytes) -> bool:
    return store.blobs() == tuple(sorted(hashlib.sha256(content).hexdigest() for content in contents))


def test_the_release_before_stays_whole(unit: UpdatedUnit) -> None:
    unit.wish("2")
    assert live_ids(unit.store) == ("2", "1")
    assert holds(unit.store, SHARED, OLD, NEW, MORE)


def test_the_one_before_that_goes_with_what_it_alone_had(unit: UpdatedUnit) -> None:
    unit.wish("2", seq=1)
    unit.wish("4", seq=2)
    assert live_ids(unit.store) == ("4", "2")
    assert holds(unit.store, SHARED, NEW, MORE, NEWER)
    assert sorted(path.stem for path in unit.store.root.glob("releases/*")) == ["2", "4"]


def test_what_a_rejected_release_brought_goes(unit: UpdatedUnit) -> None:
    unit.acts = {"SELFTEST": lambda work: Failed(work.seq, "golden outputs differ", "bad")}
    unit.wish("2")
    assert holds(unit.store, SHARED, OLD)
    assert not offer_path(unit.store).exists()


def test_what_a_release_on_its_way_has_brought_stays(unit: UpdatedUnit) -> None:
    keep_offer(unit.store, RELEASES["2"], 1)
    unit.fetch(RELEASES["2"])
    collect_garbage(unit.store, offer_path(unit.store))
    assert holds(unit.store, SHARED, OLD, NEW, MORE)


def test_what_has_come_of_a_release_on_its_way_stays_and_of_others_goes(unit: UpdatedUnit) -> None:
    keep_offer(unit.store, RELEASES["2"], 1)
    mine, other = (Part(parts_folder(unit.store), files_of(RELEASES[id])[-1].sha256) for id in "24")
    mine.append(iter([b"some of it"]), lambda _: None)
    other.append(iter([b"some of it"]), lambda _: None)
    collect_garbage(unit.store, offer_path(unit.store))
    assert list_parts(unit.store) == (mine,)
    collect_garbage(unit.store)
    assert list_parts(unit.store) == ()


def test_files_that_no_release_brought_stay(unit: UpdatedUnit, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"a clip")
    unit.store.add_file(tmp_path / "clip")
    unit.wish("2")
    collect_garbage(unit.store)
    assert holds(unit.store, SHARED, OLD, NEW, MORE, b"a clip")


def test_nothing_goes_where_what_must_stay_cannot_be_read(unit: UpdatedUnit) -> None:
    unit.wish("2")
    (unit.store.root / "releases/1.json").write_bytes(b"{")
    keep_offer(unit.store, RELEASES["4"], 1)
    collect_garbage(unit.store)
    assert holds(unit.store, SHARED, OLD, NEW, MORE)
    assert offer_path(unit.store).exists()


def test_a_unit_takes_a_release_though_the_one_before_rots(unit: UpdatedUnit) -> None:
    unit.wish("2", seq=1)
    (unit.store.root / "releases/1.json").write_bytes(b"{")
    unit.wish("4", seq=2)
    assert (unit.deployment.state, live_ids(unit.store)) == ("COMMITTED", ("4", "2"))
    assert sorted(path.stem for path in unit.store.root.glob("releases/*")) == ["2", "4"]


def test_parts_go_where_no_blob_ever_came(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    save_release(store, RELEASES["1"])
    make_current(store, "1")
    Part(parts_folder(store), "ab" * 32).append(iter([b"some of it"]), lambda _: None)
    collect_garbage(store)
    assert list_parts(store) == ()


def test_nothing_goes_from_a_unit_on_which_no_release_is_live(unit: UpdatedUnit) -> None:
    (unit.store.root / "current").unlink()
    collect_garbage(unit.store)
    assert holds(unit.store, SHARED, OLD)


def test_links_to_files_that_went_go_too(unit: UpdatedUnit) -> None:
    first, last = files_of(RELEASES["1"])
    kept, gone = unit.store.path_of([first]), unit.store.path_of([last])
    unit.wish("2", seq=1)
    unit.wish("4", seq=2)
    assert kept.exists()
    assert not gone.parent.exists()


def test_a_description_that_nobody_can_read_goes_alone(unit: UpdatedUnit) -> None:
    (unit.store.root / "releases/9.json").write_bytes(b"{")
    collect_garbage(unit.store)
    assert not (unit.store.root / "releases/9.json").exists()
    assert holds(unit.store, SHARED, OLD)
