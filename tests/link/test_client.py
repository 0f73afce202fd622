"""The whole link against a real broker."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import threading
from pathlib import Path

import pytest
from fakes.broker import Broker
from fakes.daemon import Daemon, linked
from fakes.operator_station import Observer, Signer

from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.link.commands import Outcome, SetEffect
from edgefuse.link.connection import WILL_DELAY_S
from edgefuse.link.messages import BlobChunk, Inventory, State, SystemReport, decode


def states(observer: Observer) -> list[State]:
    """Give what the device said of itself."""
    return [decode(payload, State) for payload in observer.on("up/state")]


def test_device_shows_itself_and_reports(tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon) -> None:
    with linked(tmp_path, daemon, broker.url) as link:
        link.set_state("0", "RUNNING")
        observer.wait(lambda: observer.on("up/tm/pipe") and states(observer)[-1].service == "RUNNING")
    observer.wait(lambda: states(observer)[-1].presence == "offline", WILL_DELAY_S / 2)
    first, last = states(observer)[0], states(observer)[-1]
    assert (first.presence, bool(first.since), last.since) == ("online", True, last.t)
    assert decode(observer.on("up/tm/sys")[0], SystemReport).temp_c == {"cpu": 51.5}


def test_late_observer_finds_state_and_inventory(tmp_path: Path, broker: Broker, daemon: Daemon) -> None:
    inventory = Inventory(t="", profile="p", board="b", host={}, runtimes={}, choices={}, rejections={"m": ("why",)})
    with linked(tmp_path, daemon, broker.url) as link:
        link.set_inventory(lambda: inventory)
        first = Observer(broker.port)
        first.wait(lambda: first.on("up/inventory"))
        first.close()
        late = Observer(broker.port)
        late.wait(lambda: late.on("up/inventory") and late.on("up/state"))
        late.close()
    assert decode(late.on("up/inventory")[0], Inventory) == inventory


def test_signed_command_is_performed_and_replied_to(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    with linked(tmp_path, daemon, broker.url):
        observer.wait(lambda: observer.on("up/state"))
        observer.send(signer.seal("set-effect", args={"effect": "anonymise"}, id="one"))
        assert observer.reply("one").outcome == "done"
    assert daemon.performed == [SetEffect(effect="anonymise")]


def test_command_that_fails_gets_a_reply_and_the_next_is_taken(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    with linked(tmp_path, daemon, broker.url):
        observer.wait(lambda: observer.on("up/state"))
        for error in (EdgefuseError("cannot: no"), RuntimeError("a defect"), asyncio.TimeoutError()):
            daemon.error = error
            observer.send(signer.seal("pause", id=type(error).__name__))
            assert observer.reply(type(error).__name__).outcome == "failed"
        daemon.error = None
        observer.send(signer.seal("resume", id="last"))
        assert observer.reply("last").outcome == "done"


def test_command_waits_in_the_broker_for_a_device_that_is_away(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    with linked(tmp_path, daemon, broker.url):
        observer.wait(lambda: observer.on("up/tm/sys"))
    observer.send(signer.seal("pause", id="one"))
    with linked(tmp_path, daemon, broker.url):
        assert observer.reply("one").outcome == "done"


def test_untrusted_command_is_told_of_and_gets_no_reply(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon
) -> None:
    with linked(tmp_path, daemon, broker.url):
        observer.wait(lambda: observer.on("up/state"))
        observer.send(Signer(7).seal("reboot"))
        observer.wait(lambda: any(event.kind == "command_refused" for event in observer.events()))
    assert not observer.on("up/reply")
    assert not daemon.performed


def test_file_comes_in_chunks_and_is_deleted(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    picture = tmp_path / "picture.jpg"
    data = bytes(range(256)) * 1000
    picture.write_bytes(data)
    daemon.outcome = Outcome(file=picture, file_kind="snapshot")
    with linked(tmp_path, daemon, broker.url, allow=["snapshot"]):
        observer.wait(lambda: observer.on("up/state"))
        observer.send(signer.seal("snapshot", id="one"))
        assert bytes(observer.reply("one").result) == b'{"size_bytes":256000}'
        observer.wait(lambda: len(observer.on("up/blob")) == 4)
    chunks = [decode(payload, BlobChunk) for payload in observer.on("up/blob")]
    assert b"".join(chunk.data for chunk in chunks) == data
    assert {chunk.sha256 for chunk in chunks} == {hashlib.sha256(data).hexdigest()}
    assert not picture.exists()


def test_file_that_is_too_large_is_refused(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    logs = tmp_path / "logs"
    logs.write_bytes(bytes(1_000_001))
    daemon.outcome = Outcome(file=logs)
    with linked(tmp_path, daemon, broker.url, allow=["collect-logs"]):
        observer.wait(lambda: observer.on("up/state"))
        observer.send(signer.seal("collect-logs", id="one"))
        reply = observer.reply("one")
    assert (reply.outcome, "1000000 are the limit" in reply.reason) == ("failed", True)


def test_watched_device_reports_more_often_and_says_so(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    with linked(tmp_path, daemon, broker.url, metered=True):
        observer.wait(lambda: observer.on("up/tm/sys"))
        assert states(observer)[-1].mode == "metered"
        observer.send(signer.seal("watch", args={"lease_s": 60}))
        observer.wait(lambda: len(observer.on("up/tm/sys")) >= 3)  # metered, the next would come after a minute
    assert "watch" in {state.mode for state in states(observer)}


def test_nothing_is_left_behind(tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon) -> None:
    def count() -> tuple[int, int]:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    before = count()
    for _ in range(3):
        with linked(tmp_path, daemon, broker.url):
            observer.messages.clear()
            observer.wait(lambda: observer.on("up/tm/sys"))
    assert count() == before


def test_certificates_that_are_missing_are_told_at_once(tmp_path: Path, daemon: Daemon) -> None:
    with pytest.raises(ConfigError, match="enrol this device"), linked(tmp_path, daemon, "mqtts://broker.example"):
        pass
