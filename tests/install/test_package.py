import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from fakes.wheels import make_edgefuse, make_wheel

from edgefuse.errors import InstallError
from edgefuse.install import package


def unpack(wheel: Path, how: str, folder: Path) -> Distribution:
    """Install a wheel as a person does."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--ignore-installed"]
    subprocess.run([*pip, how, str(folder), str(wheel)], check=True)
    return Distribution.at(next(folder.rglob("*.dist-info")))


@pytest.mark.parametrize("how", ["--target", "--prefix"])
def test_what_is_installed_is_packed_into_the_wheel_that_it_came_from(tmp_path: Path, how: str) -> None:
    original = make_edgefuse(tmp_path)
    (tmp_path / "again").mkdir()
    packed = package.pack(unpack(original, how, tmp_path / "site"), tmp_path / "again")
    with zipfile.ZipFile(original) as first, zipfile.ZipFile(packed) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
    assert package.digest(original) == package.digest(packed)
    assert package.read_version(packed) == "9.9.0"


def test_a_wheelhouse_says_which_edgefuse_to_install(tmp_path: Path) -> None:
    wheel = make_edgefuse(tmp_path, "7.0")
    assert package.bring_wheel(tmp_path / "unused", tmp_path) == wheel


def test_any_change_of_content_changes_the_digest(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "thing", "1.0", {"thing.py": b"a"})
    first = package.digest(wheel)
    assert package.digest(make_wheel(tmp_path, "thing", "1.0", {"thing.py": b"a"})) == first
    assert package.digest(make_wheel(tmp_path, "thing", "1.0", {"thing.py": b"b"})) != first


def test_a_checkout_that_cannot_be_built_is_told(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"cannot build edgefuse's wheel: pip: .*hatchling"):
        package.bring_wheel(tmp_path, wheelhouse=tmp_path)
