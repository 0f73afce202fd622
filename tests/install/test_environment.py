import subprocess
import sys
from pathlib import Path

import pytest
from fakes.wheels import make_wheel

from edgefuse.errors import InstallError
from edgefuse.install import environment
from edgefuse.install.target import Interpreter


def foreign(machine: str = "aarch64", glibc: tuple[int, int] | None = (2, 36)) -> Interpreter:
    return Interpreter("/usr/bin/python3", (3, 10), machine, glibc, is_foreign=True)


def recipe(python: Interpreter, wheelhouse: Path, *requirements: str) -> environment.Recipe:
    return environment.Recipe(python, requirements, None, wheelhouse)


def test_wheels_for_another_machine_and_python_are_taken_and_those_for_this_one_left(tmp_path: Path) -> None:
    for tag in ("cp310-cp310-manylinux_2_28_aarch64", "cp311-cp311-manylinux_2_28_x86_64"):
        wheel = make_wheel(tmp_path, "native", "1.0", {"native.py": tag.encode()})
        wheel.rename(tmp_path / f"native-1.0-{tag}.whl")
    folder = tmp_path / "environment"
    folder.mkdir()
    environment.build(folder, recipe(foreign(), tmp_path, "native"), None)
    found = (folder / "lib/python3.10/site-packages/native.py").read_text()
    assert found == "cp310-cp310-manylinux_2_28_aarch64"
    assert sorted(path.name for path in folder.iterdir()) == ["bin", "lib", "pyvenv.cfg", "share"]


def test_wheels_that_want_a_newer_c_library_are_not_taken(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "native", "1.0")
    wheel.rename(tmp_path / "native-1.0-cp310-cp310-manylinux_2_39_aarch64.whl")
    (tmp_path / "environment").mkdir()
    with pytest.raises(InstallError, match=r"No matching distribution|Could not find a version"):
        environment.build(tmp_path / "environment", recipe(foreign(), tmp_path, "native"), None)


@pytest.mark.parametrize(
    ("python", "reason"), [(foreign("armv7l"), "for armv7l from here"), (foreign(glibc=None), "no GNU C library")]
)
def test_a_system_that_no_wheel_fits_is_refused(tmp_path: Path, python: Interpreter, reason: str) -> None:
    with pytest.raises(InstallError, match=reason):
        environment.build(tmp_path, recipe(python, tmp_path, "native"), None)


def test_an_environment_of_this_python_is_one(tmp_path: Path) -> None:
    make_wheel(tmp_path, "thing", "1.0", {"thing.py": b"import sys\nprint(sys.prefix, sys.base_prefix == sys.prefix)"})
    version = (sys.version_info.major, sys.version_info.minor)
    python = Interpreter(str(Path(sys.executable).resolve()), version, "x86_64", None, is_foreign=False)
    said: list[str] = []
    folder = tmp_path / "environment"
    folder.mkdir()
    environment.build(folder, recipe(python, tmp_path, "thing"), said.append)
    printed = subprocess.run(
        [folder / "bin/python3", "-m", "thing"], capture_output=True, text=True, check=True, cwd="/", env={}
    )
    assert printed.stdout == f"{folder} False\n"
    assert any(line.startswith("Collecting thing") or "Processing" in line for line in said)
