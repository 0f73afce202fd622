import shutil
from pathlib import Path

import pytest
from fakes.wheels import list_tree, make_image

from edgefuse.install.removal import uninstall
from edgefuse.install.target import Target

pytestmark = pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl here")
ACCOUNTS = {f"etc/{name}{end}" for name in ("passwd", "group", "shadow", "gshadow") for end in ("", "-")}


@pytest.fixture
def before(tmp_path: Path) -> set[str]:
    """What was in the image before the service was installed into it."""
    return set(list_tree(make_image(tmp_path / "before")))


@pytest.fixture
def image(installed_image: Path) -> Path:
    """A system with the service, which has gathered something."""
    image = installed_image
    for path in ("var/lib/edgefuse/state.json", "var/cache/edgefuse/engine"):
        (image / path).parent.mkdir(parents=True)
        (image / path).touch()
    for name in ("shadow", "gshadow"):  # nobody may read them, not even their owner unless it is root
        (image / "etc" / name).chmod(0o600)
    return image


def left(image: Path, before: set[str]) -> set[str]:
    """Give what was not there before, but for the accounts, which are read by their lines, and what holds only them."""
    return set(list_tree(image)) - before - ACCOUNTS - {"etc", "etc/.pwd.lock"}


def test_configuration_and_state_stay(image: Path, before: set[str]) -> None:
    report = uninstall(Target(image), is_purge=False)
    assert left(image, before) == {
        *("etc/edgefuse", "etc/edgefuse/edgefuse.yaml"),
        *("var/lib/edgefuse", "var/lib/edgefuse/state.json"),
    }
    assert report.kept == ("/etc/edgefuse", "/var/lib/edgefuse")
    assert "edgefuse:" in (image / "etc/passwd").read_text()


def test_a_purge_leaves_nothing(image: Path, before: set[str]) -> None:
    uninstall(Target(image), is_purge=True)
    assert left(image, before) == set()
    assert not list(image.rglob("*edgefuse*"))
    assert "edgefuse" not in (image / "etc/passwd").read_text() + (image / "etc/group").read_text()


def test_a_workers_environment_that_the_owner_made_stays(image: Path, before: set[str]) -> None:
    own = image / "opt/edgefuse/ncs2/python"
    own.parent.mkdir()
    own.touch()
    uninstall(Target(image), is_purge=False)
    assert [path.name for path in own.parents[1].rglob("*")] == ["ncs2", "python"]
    uninstall(Target(image), is_purge=True)
    assert not own.parents[1].exists()


def test_a_command_of_somebody_else_stays(image: Path, before: set[str]) -> None:
    command = image / "usr/local/bin/edgefuse"
    command.unlink()
    command.symlink_to("/home/me/edgefuse")
    uninstall(Target(image), is_purge=True)
    assert left(image, before) == {"usr/local", "usr/local/bin", "usr/local/bin/edgefuse"}


def test_where_nothing_is_installed_nothing_is_done(tmp_path: Path) -> None:
    image = make_image(tmp_path / "image")
    tree = list_tree(image)
    assert uninstall(Target(image), is_purge=True).removed == ()
    assert list_tree(image) == tree
