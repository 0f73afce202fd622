import json
import os
import shutil
from pathlib import Path

import pytest
from fakes.command import refuse, run
from fakes.wheels import make_image, make_wheelhouse

from edgefuse.store.store import Store

pytestmark = pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl here")


def test_an_image_gets_the_service_and_loses_it_again(tmp_path: Path, store: Store) -> None:
    image, house = str(make_image(tmp_path / "image")), str(make_wheelhouse(tmp_path / "house"))
    (tmp_path / "image/var/lib/edgefuse").mkdir(parents=True)
    (tmp_path / "image/var/lib/edgefuse/store").symlink_to(store.root)
    arguments = ("install-service", "--root", image, "--profile", "raspberry-pi-5", "--wheelhouse", house, "--json")
    code, out, err = run(*arguments, folder=tmp_path)
    report = json.loads(out)
    assert (code, report["is_running"]) == (0, False)
    assert "/opt/edgefuse/current" in report["installed"]["changed"]
    assert report["missing_models"] == ""
    assert "installing packages into" in err
    for name in ("shadow", "gshadow"):
        (tmp_path / "image/etc" / name).chmod(0o600)
    code, out, err = run("uninstall-service", "--root", image, "--purge", folder=tmp_path)
    assert (code, err) == (0, "")
    assert "removed /opt/edgefuse" in out.splitlines()


def test_an_image_is_of_a_board_that_must_be_named(tmp_path: Path) -> None:
    said = refuse("install-service", "--root", str(make_image(tmp_path / "image")), folder=tmp_path)
    assert said.startswith("edgefuse: cannot tell for which board")
    assert "--profile" in said


def test_nothing_can_be_started_in_an_image(tmp_path: Path) -> None:
    assert "leave out --now" in refuse("install-service", "--root", str(tmp_path), "--now", folder=tmp_path)


def test_a_wheelhouse_that_is_missing_is_told(tmp_path: Path) -> None:
    said = refuse("install-service", "--wheelhouse", str(tmp_path / "nowhere"), folder=tmp_path)
    assert said == f"edgefuse: cannot install from {tmp_path}/nowhere: it is not a folder"


@pytest.mark.skipif(
    Path("/run/systemd/system").is_dir() and os.geteuid() == 0, reason="here the service could be installed"
)
@pytest.mark.parametrize("command", ["install-service", "uninstall-service"])
def test_who_may_not_or_where_systemd_does_not_run_nothing_is_changed(tmp_path: Path, command: str) -> None:
    said = refuse(command, folder=tmp_path)
    assert said.startswith(f"edgefuse: cannot {command.removesuffix('-service')} the service: ")
    assert "systemd does not run here" in said or "only root can" in said
