"""Updates by a supervisor, install helpers and checks that are processes, over a worker that is acted."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.helped_unit import HelpedUnit
from fakes.release_site import Site
from fakes.supervisor import kinds
from fakes.updating_unit import UpdatingUnit, publish_all

from edgefuse.store.release import live_ids


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that has published a release of each kind."""
    folder = tmp_path_factory.mktemp("updating")
    site = Site(folder / "site")
    site.start()
    publish_all(HelpedUnit(folder / "root", site))
    return site


MakeUnit = Callable[..., UpdatingUnit]


@pytest.fixture
def make_unit(published: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeUnit]:
    """Start units; short paths, as a socket's has 107 bytes."""
    units: list[UpdatingUnit] = []
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as folder:
        monkeypatch.setenv("EDGEFUSE_ROOT", folder)

        def make(**settings: object) -> UpdatingUnit:
            units.append(UpdatingUnit(Path(folder), published, **settings))
            units[-1].running.wait_for_frames()
            return units[-1]

        yield make
        for unit in units:
            unit.close()


def test_a_release_takes_the_place_of_the_first_in_the_same_worker(make_unit: MakeUnit) -> None:
    unit = make_unit()
    before = unit.running.status()
    assert unit.install("good").state == "COMMITTED"
    status = unit.running.wait(lambda s: s.release == "good")
    assert status.service.pid == before.service.pid and status.service.restarts == 0
    assert live_ids(unit.store) == ("good", "first")
    told = [kind for kind in kinds(status) if kind.startswith("update")]
    assert told == ["update_begun", "update_tried", "update_committed"]
