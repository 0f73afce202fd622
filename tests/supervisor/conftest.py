"""Supervisors that run, over workers that do what a test wants."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.broker import Broker, serving
from fakes.helped_unit import HelpedUnit
from fakes.operator_station import Observer
from fakes.release_site import Site
from fakes.supervisor import Running, start_supervisor, write_board, write_site
from fakes.updating_unit import UpdatingUnit, publish_all

Supervise = Callable[..., Running]
MakeUnit = Callable[..., UpdatingUnit]


@pytest.fixture
def unit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A root of the test's own with a board and no site configuration; short, as a socket's path has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as folder:
        monkeypatch.setenv("EDGEFUSE_ROOT", folder)
        write_board()
        yield


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker that remembers nothing from other tests."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "broker") as broker:
        yield broker


@pytest.fixture
def observer(broker: Broker) -> Iterator[Observer]:
    """Sees what units say, and says what the fleet wishes for."""
    observer = Observer(broker.port)
    yield observer
    observer.close()


@pytest.fixture
def supervise(unit: None) -> Iterator[Supervise]:
    """Start supervisors; they are ended with the test."""
    running: list[Running] = []

    def start(source: str | None = "well", **variables: str) -> Running:
        if source is not None:
            write_site(source)
        running.append(start_supervisor(**variables))
        return running[-1]

    yield start
    for supervisor in running:
        if supervisor.process.poll() is None:
            supervisor.process.kill()
            supervisor.process.wait()


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that has published a release of each kind."""
    folder = tmp_path_factory.mktemp("updating")
    site = Site(folder / "site")
    site.start()
    publish_all(HelpedUnit(folder / "root", site))
    return site


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
