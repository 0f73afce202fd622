import shutil
from pathlib import Path

import pytest
from fakes.wheels import make_image, make_wheelhouse, put


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A system without the service."""
    return make_image(tmp_path / "image")


@pytest.fixture(scope="session")
def installed_wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the service of ``installed_image`` was installed from."""
    return make_wheelhouse(tmp_path_factory.mktemp("wheels") / "house")


@pytest.fixture(scope="session")
def installed(installed_wheelhouse: Path) -> Path:
    """A system with the service, made once."""
    image = make_image(installed_wheelhouse.with_name("image"))
    put(image, installed_wheelhouse)
    return image


@pytest.fixture
def installed_image(installed: Path, tmp_path: Path) -> Path:
    """A system with the service, for one test."""
    image = tmp_path / "installed"
    for name in ("shadow", "gshadow"):  # systemd-sysusers gives them a mode under which only root can copy them
        (installed / "etc" / name).chmod(0o600)
    shutil.copytree(installed, image, symlinks=True)
    return image
