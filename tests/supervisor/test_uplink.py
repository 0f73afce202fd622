"""The supervisor at a broker: what it tells the fleet, and what the fleet can have it do."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from fakes.broker import Broker, free_port
from fakes.operator_station import Observer, Signer, trust
from fakes.proxy import Proxy
from fakes.supervisor import Running, write_site

from edgefuse import paths
from edgefuse.config.link import LinkSettings
from edgefuse.link.messages import Inventory, PipelineReport, State, SystemReport, decode
from edgefuse.supervisor.control import Status
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.remote import Remote
from edgefuse.supervisor.uplink import RETRY_S, Uplink

Supervise = Callable[..., Running]


@pytest.fixture
def linked(supervise: Supervise, broker: Broker) -> Running:
    """A supervisor whose configuration names a broker."""
    write_site("well", link={"broker": broker.url, "device_id": "dev1", "allow": ["snapshot"]})
    return supervise(source=None)


def signer() -> Signer:
    """An operator whom the unit trusts."""
    signer = Signer()
    trust(paths.config_dir() / "link/operators.json", signer)
    return signer


def test_fleet_sees_what_runs(linked: Running, observer: Observer) -> None:
    linked.wait_for_frames()
    observer.wait(lambda: observer.on("up/inventory") and observer.on("up/tm/pipe"), 40.0)
    observer.wait(lambda: decode(observer.on("up/state")[-1], State).service == "RUNNING", 40.0)
    assert decode(observer.on("up/inventory")[-1], Inventory).profile == "fake-board"
    assert decode(observer.on("up/tm/sys")[-1], SystemReport).mem_mb > 10
    assert decode(observer.on("up/tm/pipe")[-1], PipelineReport).width_px > 0
    assert "started" in [event.kind for event in observer.events()]


def test_no_pixel_library_is_loaded_for_the_fleet(linked: Running, observer: Observer) -> None:
    observer.wait(lambda: observer.on("up/tm/sys"), 40.0)
    maps = Path(f"/proc/{linked.process.pid}/maps").read_text()
    assert not [name for name in ("numpy", "cv2", "onnxruntime", "openvino", "/av/") if name in maps]
    assert linked.status().supervisor_mb < 45


def test_fleet_pins_a_point_and_asks_for_the_status(linked: Running, observer: Observer) -> None:
    operator = signer()
    linked.wait_for_frames()
    observer.wait(lambda: observer.on("up/state"), 40.0)
    observer.send(operator.seal("pin-point", args={"point": 1}, id="pin"))
    assert observer.reply("pin").outcome == "done"
    observer.send(operator.seal("status", id="ask"))
    status = msgspec.json.decode(observer.reply("ask").result, type=Status)
    assert (status.settings["point"].value, status.settings["point"].origin) == ("1", "pin")
    observer.send(operator.seal("pin-point", args={"point": 77}, id="far"))
    assert (observer.reply("far").outcome, "has points 0 to" in observer.reply("far").reason) == ("failed", True)


def test_real_people_are_no_donors_from_afar(linked: Running, observer: Observer) -> None:
    operator = signer()
    linked.wait_for_frames()
    observer.wait(lambda: observer.on("up/state"), 40.0)
    observer.send(operator.seal("set-face", args={"face": "somebody"}, id="face"))
    assert "no synthetic person" in observer.reply("face").reason


def test_link_comes_and_goes_with_the_configuration(supervise: Supervise, broker: Broker, observer: Observer) -> None:
    running = supervise()
    running.wait_for_frames()
    write_site("well", link={"broker": broker.url, "device_id": "dev1"})
    running.signal(signal.SIGHUP)
    observer.wait(lambda: observer.on("up/state"), 40.0)
    write_site("well")
    running.signal(signal.SIGHUP)
    observer.wait(lambda: decode(observer.on("up/state")[-1], State).presence == "offline", 40.0)
    assert running.status().service.restarts == 0


def test_broken_link_is_reported_and_costs_no_frame(supervise: Supervise) -> None:
    write_site("well", link={"broker": "mqtts://broker.example", "device_id": "dev1"})
    running = supervise(source=None)
    running.wait_for_frames()
    status = running.wait(lambda s: "link_refused" in [event.kind for event in s.events])
    assert status.service.state == "RUNNING"


def test_a_link_that_was_refused_is_tried_again_after_a_reload_and_a_while(tmp_path: Path) -> None:
    settings = LinkSettings(broker="mqtts://broker.example", device_id="dev1", credentials=str(tmp_path / "link"))
    journal = Journal()
    uplink = Uplink(journal, lambda: Remote(None, None, None, None, None))  # type: ignore[arg-type]  # nobody comes in

    def follow(now_s: float) -> list[str]:
        """Follow once more, and give the refusals so far."""
        asyncio.run(uplink.follow(settings, now_s))
        return [event.text for event in journal.newest()]

    assert len(follow(0.0)) == len(follow(RETRY_S + 1.0)) == 1  # the same is told once
    (tmp_path / "link").mkdir()
    (tmp_path / "link/ca.pem").write_text("no certificate")
    assert len(follow(RETRY_S + 2.0)) == 1
    uplink.try_again()
    assert len(follow(RETRY_S + 3.0)) == 2
    (tmp_path / "link/ca.pem").unlink()
    assert len(follow(3 * RETRY_S)) == 3


def decide(supervise: Supervise, system: Path, **site: object) -> list[tuple[str, str]]:
    """Heat the board while frames flow, and give what the governor made of it."""
    zone = system / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True, exist_ok=True)
    (zone / "type").write_text("x86_pkg_temp\n")
    (zone / "temp").write_text("45000\n")
    write_site("well", **site)
    running = supervise(source=None, EDGEFUSE_SYSTEM_ROOT=str(system))
    frames = running.wait_for_frames().heartbeat
    (zone / "temp").write_text("95000\n")
    status = running.wait(lambda s: s.heartbeat and s.heartbeat.point == len(s.ladder) - 1)
    assert frames is not None and status.heartbeat is not None and status.heartbeat.frames_out > frames.frames_out
    assert running.stop() == 0
    return [(event.kind, event.text) for event in status.events if event.kind in ("too_hot", "point_changed")]


def test_broker_that_is_dead_or_swallows_everything_changes_no_decision(
    supervise: Supervise, broker: Broker, tmp_path: Path
) -> None:
    silent = Proxy(broker.port)
    silent.is_silent = True
    without = decide(supervise, tmp_path)
    assert "too_hot" in [kind for kind, _ in without]
    for url in (silent.url, f"mqtt://127.0.0.1:{free_port()}"):
        assert decide(supervise, tmp_path, link={"broker": url, "device_id": "dev1"}) == without
    silent.close()
