import platform
import sys
from pathlib import Path

import pytest
from fakes.wheels import add_python, make_image

from edgefuse.errors import InstallError
from edgefuse.install.target import Target


def test_an_images_python_is_read_off_its_files(tmp_path: Path) -> None:
    python = Target(make_image(tmp_path / "image")).find_interpreter()
    assert (python.path, python.version, python.machine) == ("/usr/bin/python3", (3, 11), "aarch64")
    assert (python.glibc, python.is_foreign) == ((2, 36), True)


def test_a_newer_python_is_taken_where_the_systems_own_is_too_old(tmp_path: Path) -> None:
    image = make_image(tmp_path / "image", pythons=("3.8",))
    add_python(image, "/usr/local/bin/python3.10")
    add_python(image, "/usr/bin/python3.12")
    assert Target(image).find_interpreter().path == "/usr/bin/python3.12"


def test_a_system_whose_python_is_too_old_is_refused_with_what_it_has(tmp_path: Path) -> None:
    image = make_image(tmp_path / "image", pythons=("3.8",))
    with pytest.raises(InstallError, match=r"needs Python 3\.10 or newer .*/usr/bin/python3 is 3\.8"):
        Target(image).find_interpreter()


def test_a_system_without_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="there is none"):
        Target(make_image(tmp_path / "image", pythons=())).find_interpreter()


def test_a_python_that_the_sandbox_hides_from_the_service_is_not_taken(tmp_path: Path) -> None:
    image = make_image(tmp_path / "image", pythons=())
    add_python(image, "/root/python3.11")
    (image / "usr/bin/python3").symlink_to("/root/python3.11")
    with pytest.raises(InstallError, match="there is none"):
        Target(image).find_interpreter()


def test_absolute_links_of_an_image_stay_inside_it(tmp_path: Path) -> None:
    image = make_image(tmp_path / "image", pythons=())
    add_python(image, "/opt/python3.10", machine=62)
    (image / "usr/bin/python3").symlink_to("/opt/python3.10")
    python = Target(image).find_interpreter()
    assert (python.version, python.machine, python.glibc) == ((3, 10), "x86_64", None)


def test_a_script_is_no_python(tmp_path: Path) -> None:
    image = make_image(tmp_path / "image", pythons=())
    (image / "usr/bin/python3.11").write_text("#!/bin/sh\nexec something\n")
    with pytest.raises(InstallError, match="there is none"):
        Target(image).find_interpreter()


def test_this_machines_own_python_is_no_foreigner() -> None:
    found = Target(Path("/")).find_python((sys.version_info.major, sys.version_info.minor))
    assert found is None or (found.is_foreign, found.machine) == (False, platform.machine())
