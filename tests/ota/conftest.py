import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.helped_steps import Doing
from fakes.helped_unit import HelpedUnit
from fakes.memory_folder import memory_folder
from fakes.release_site import Device, Site


@pytest.fixture(scope="session")
def pristine_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that has published release ``one``; nobody changes it."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.start()
    return site


@pytest.fixture
def site(pristine_site: Site, tmp_path: Path) -> Site:
    """A site of the test's own."""
    return Site(Path(shutil.copytree(pristine_site.folder, tmp_path / "site")))


@pytest.fixture
def device(site: Site, tmp_path: Path) -> Device:
    """A device that trusts the site and has seen nothing yet."""
    return Device(tmp_path / "device", site.anchor)


@pytest.fixture
def unit(pristine_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HelpedUnit]:
    """A unit that trusts a site of the test's own; its root is this process's too."""
    with memory_folder(otherwise=tmp_path) as folder:
        monkeypatch.setenv("EDGEFUSE_ROOT", str(folder / "root"))
        unit = HelpedUnit(folder / "root", Site(Path(shutil.copytree(pristine_site.folder, folder / "site"))))
        yield unit
        unit.close()


@pytest.fixture
def doing(unit: HelpedUnit) -> Doing:
    """A release ``two`` was published for the unit."""
    return Doing(unit)
