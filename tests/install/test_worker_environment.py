from pathlib import Path

import msgspec
import pytest
from fakes.planned import make_profile
from fakes.wheels import CHECKOUT, add_python, make_edgefuse, make_image, make_wheel

from edgefuse.config.profile import Profile
from edgefuse.errors import InstallError
from edgefuse.install.target import Target
from edgefuse.install.worker_environment import find_worker_environment

ARCHIVE = "opt/intel/openvino_2022/setupvars.sh"


def stick(python: str = "/opt/edgefuse/ncs2/python") -> Profile:
    return make_profile("openvino", id="stick", worker_python=python)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A system with the vendor's archive and the Python that it wants."""
    folder = make_image(tmp_path / "image")
    (folder / ARCHIVE).parent.mkdir(parents=True)
    (folder / ARCHIVE).touch()
    add_python(folder, "/usr/bin/python3.10")
    return folder


def test_a_profile_whose_worker_runs_under_the_supervisors_python_needs_none(image: Path) -> None:
    profile = msgspec.structs.replace(stick(), worker_python=None)
    assert find_worker_environment(Target(image), profile) is None


def test_an_environment_of_the_owners_own_is_left_alone(image: Path) -> None:
    assert find_worker_environment(Target(image), stick("/srv/mine/python")) is None
    (image / "opt/edgefuse/ncs2").mkdir(parents=True)
    assert find_worker_environment(Target(image), stick()) is None


def test_a_missing_archive_is_told_with_its_place(image: Path) -> None:
    (image / ARCHIVE).unlink()
    with pytest.raises(InstallError, match=r"'stick': its worker needs Intel's OpenVINO 2022\.3 LTS archive"):
        find_worker_environment(Target(image), stick())


def test_a_missing_python_is_told(image: Path) -> None:
    (image / "usr/bin/python3.10").unlink()
    with pytest.raises(InstallError, match=r"its worker needs Python 3\.10"):
        find_worker_environment(Target(image), stick())


def test_the_environment_has_the_tested_versions_but_not_the_vendors_package(image: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    pins = (CHECKOUT / "constraints/openvino-2022.3-py310.txt").read_text().splitlines()
    for name, version in (line.split("==") for line in pins if not line.startswith("#")):
        make_wheel(house, name, version)
    worker = find_worker_environment(Target(image), stick())
    assert worker is not None
    worker.build(tmp_path / "built", make_edgefuse(house), house, None)
    packages = tmp_path / "built/ncs2/venv/lib/python3.10/site-packages"
    assert (packages / "numpy-1.24.4.dist-info").is_dir()
    assert (packages / "edgefuse").is_dir()
    assert not (packages / "openvino.py").exists()
    script = tmp_path / "built/ncs2/python"
    assert script.stat().st_mode & 0o111
    assert f". /{ARCHIVE}" in script.read_text()
