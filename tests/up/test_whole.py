"""``edgefuse up`` with real processes: from nothing to figures and commands, and away again.

``tools/bench/up`` says how long that takes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any  # JSON
from urllib.request import Request, urlopen

import pytest
from fakes.broker import free_port
from fakes.command import run
from fakes.live_page import watching, write_still
from fakes.up import PATIENCE_S, Up, processes

from edgefuse import paths
from edgefuse.config.link import LinkSettings
from edgefuse.config.site import Site, site_path
from edgefuse.up.configuration import write_configuration
from edgefuse.up.home import join, make_name, open_site

DEVICE = make_name(socket.gethostname())


@pytest.fixture
def film(astronaut: Path, tmp_path: Path) -> Path:
    """A face that does not move."""
    return write_still(astronaut, tmp_path / "film.mp4")


def prepare(film: Path) -> None:
    """Make what the first start makes, but for trying every effect, which takes seconds."""
    register = open_site(paths.fleet_dir())
    link = LinkSettings(broker=register.devices_url, device_id=join(paths.fleet_dir()))
    write_configuration(site_path(), Site(source=f"loop:{film}", sink=f"mjpeg:{free_port()}", effect="none", link=link))


def fleet(folder: Path, *arguments: str) -> str:
    """Run an action of ``edgefuse fleet``, which must find the site without being told."""
    code, out, err = run("fleet", *arguments, folder=folder)
    assert code == 0, err
    return out


def wait_for_row(folder: Path, is_enough: Callable[[Any], object], *options: str) -> Any:
    """Ask for the list until its one row is as wished."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        (row,) = json.loads(fleet(folder, "list", "-o", "json", *options))
        if is_enough(row):
            return row
        assert time.monotonic() < deadline, row


def ask_console(up: Up, path: str, body: object = None) -> Any:
    """Ask the console by the address that was printed."""
    ((address, token),) = re.findall(r"(http://127.0.0.1:[0-9]+)/#token=(\S+)", up.text)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    with urlopen(Request(address + path, content, headers), timeout=PATIENCE_S) as answer:
        return json.load(answer)


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"], indirect=True)
def test_a_newcomer_sees_and_commands_this_machine(
    up: Callable[..., Up], broker: str, film: Path, astronaut: Path, tmp_path: Path
) -> None:
    if broker == "mosquitto":
        prepare(film)
        running = up()
    else:
        running = up("--source", str(film), "--effect", "none")
    running.wait_for_frames()
    assert re.search(f"broker: .*{broker}", running.text)
    wait_for_row(tmp_path, lambda row: row["presence"] == "online", "--wait-s", "0")
    fleet(tmp_path, "send", DEVICE, "watch")  # figures every two seconds, not every ten
    row = wait_for_row(tmp_path, lambda row: row["fps"] is not None)
    assert (row["device"], row["presence"], row["point"], row["effect"]) == (DEVICE, "online", 0, "none")
    assert row["fps"] > 1
    (page,) = re.findall("http://localhost:[0-9]+/", running.text)
    with watching(page, astronaut) as viewer:
        viewer.wait(is_hidden=False)
        fleet(tmp_path, "send", DEVICE, "set-effect", "anonymise")
        viewer.wait(is_hidden=True)
        order = {"command": "set-effect", "args": {"effect": "none"}}
        assert ask_console(running, f"/api/devices/{DEVICE}/commands", order)["outcome"] == "done"
        viewer.wait(is_hidden=False)
    told = ask_console(running, f"/api/devices/{DEVICE}")
    assert (told["is_here"], told["row"]["presence"]) == (True, "online")
    code, taken_s = running.end()
    assert (code, processes(paths.root())) == (0, [])
    assert taken_s < 10.0  # 5 on a machine that is not busy


def test_everything_is_found_as_it_was_and_outlives_its_broker(
    up: Callable[..., Up], film: Path, tmp_path: Path, root: Path
) -> None:
    prepare(film)
    first = up()
    first.wait_for_frames()
    assert f"it is up in {root} already" in run("up", folder=tmp_path)[2]
    before = [path.read_bytes() for path in (site_path(), paths.fleet_dir() / "site.json")]
    first.end(signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while processes(root):  # all are told to end by the kernel
        assert time.monotonic() < deadline
        time.sleep(0.05)
    again = up()
    again.wait_for_frames()
    assert before == [path.read_bytes() for path in (site_path(), paths.fleet_dir() / "site.json")]
    os.kill(int((paths.fleet_dir() / "broker/embedded.pid").read_text()), signal.SIGKILL)
    again.wait(lambda text: "the broker ended (SIGKILL); starting it again" in text)
    while run("fleet", "list", "--wait-s", "0", folder=tmp_path)[0]:
        assert time.monotonic() < deadline
