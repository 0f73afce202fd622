import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgefuse.config.site import load_site

UNITS = Path(__file__).parents[2] / "systemd"
MOST_EXPOSURE = 2.0
needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


@pytest.fixture
def unit(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A unit with a program that is there, so that all else is looked at."""
    name = getattr(request, "param", "edgefuse.service")
    unit = tmp_path / name
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/sh", (UNITS / name).read_text(), flags=re.MULTILINE))
    return unit


both = pytest.mark.parametrize("unit", ["edgefuse.service", "edgefuse-fleet.service"], indirect=True)


@needs_analyze
@both
def test_systemd_finds_nothing_to_say_about_the_unit(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")  # unknown keys are only printed


@needs_analyze
@both
def test_little_is_exposed(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True, check=True
    )
    (exposure,) = re.findall(rf"Overall exposure level for {re.escape(unit.name)}: ([\d.]+)", done.stdout)
    assert float(exposure) <= MOST_EXPOSURE


def test_camera_graphics_and_usb_are_allowed() -> None:
    allowed = re.findall(r"^DeviceAllow=char-(\S+) rw$", (UNITS / "edgefuse.service").read_text(), re.MULTILINE)
    assert {"video4linux", "drm", "usb_device"} <= set(allowed)


def test_the_site_configuration_to_begin_with_is_valid() -> None:
    site = load_site(UNITS / "edgefuse.yaml")
    assert (site.source, site.effect) == ("/dev/video0", "anonymise")


def test_the_stick_is_the_services_before_and_after_its_firmware_has_started() -> None:
    rule = (UNITS / "99-edgefuse-ncs2.rules").read_text().splitlines()[-1]
    assert 'ATTR{idProduct}=="2485|f63b"' in rule
    assert 'GROUP="edgefuse"' in rule


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("systemd-tmpfiles") is None, reason="root's tool is needed")
def test_what_root_joined_with_is_handed_to_the_service(tmp_path: Path) -> None:
    link = tmp_path / "etc/edgefuse/link"
    link.mkdir(parents=True, mode=0o700)
    (link / "device.key").touch(mode=0o600)
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nedgefuse:x:977:978::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nedgefuse:x:978:\n")
    subprocess.run(["systemd-tmpfiles", "--create", f"--root={tmp_path}", UNITS / "edgefuse.tmpfiles"], check=True)
    for path, mode in ((link, 0o700), (link / "device.key", 0o600)):
        state = path.stat()
        assert (state.st_uid, state.st_gid, state.st_mode & 0o777) == (977, 978, mode)
