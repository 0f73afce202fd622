"""What the folder of ``edgefuse up`` is made of, and whose it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefuse import paths
from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.fleet.enrolment import init_site, revoke
from edgefuse.fleet.site import load_register
from edgefuse.up.home import join, make_name, open_root, open_site


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Kitchen_Pi.local", "kitchen-pi-local"),
        ("-x-", "x"),
        ("...", "this-machine"),
        ("a" * 80, "a" * 63),
        ("küche", "k-che"),
    ],
)
def test_a_host_is_called_as_devices_may_be_called(host: str, name: str) -> None:
    assert make_name(host) == name


def test_the_folder_is_for_its_owner_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path / "new"))
    assert open_root() == tmp_path / "new"
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path / "file/root"))
    with pytest.raises(StoreError, match="cannot write"):
        open_root()


def test_this_machine_joins_once(root: Path) -> None:
    site = paths.fleet_dir()
    open_site(site)
    name = join(site)
    before = load_register(site)
    assert (join(site), open_site(site)) == (name, before)


def test_lost_credentials_are_made_anew(root: Path) -> None:
    site = paths.fleet_dir()
    open_site(site)
    name = join(site)
    for end in (lambda: None, lambda: revoke(site, name)):
        end()
        (paths.config_dir() / "link").rename(root / "lost")
        assert join(site) == name
        assert not load_register(site).members[name].is_revoked
        (root / "lost").rename(root / f"lost-{end}")


def test_a_real_site_is_left_alone(root: Path) -> None:
    site = paths.fleet_dir()
    init_site(site, "broker.example", 8883)
    with pytest.raises(EdgefuseError, match=r"its broker is on broker\.example; EDGEFUSE_ROOT=FOLDER edgefuse up"):
        open_site(site)


def test_a_device_of_another_fleet_is_left_alone(root: Path) -> None:
    open_site(paths.fleet_dir())
    join(paths.fleet_dir())
    other = open_site(root / "other")
    with pytest.raises(EdgefuseError, match="of another; EDGEFUSE_ROOT=FOLDER"):
        join(root / "other")
    assert not other.members
