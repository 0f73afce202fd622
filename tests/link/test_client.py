"""The whole link against a real broker."""

from pathlib import Path

from fakes.broker import Broker
from fakes.daemon import Daemon, open_link
from fakes.operator import Observer, Signer

from edgefuse.link.commands import SetEffect
from edgefuse.link.messages import State, SystemReport, decode


def test_device_shows_itself_and_reports(tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon) -> None:
    link = open_link(tmp_path, daemon, broker.url)
    link.set_state("0", "RUNNING")
    link.start()
    observer.wait(lambda: observer.on("up/tm/pipe"))
    link.stop()
    observer.wait(lambda: decode(observer.on("up/state")[-1], State).presence == "offline")
    assert decode(observer.on("up/state")[0], State).presence == "online"
    assert decode(observer.on("up/tm/sys")[0], SystemReport).temp_c == {"cpu": 51.5}


def test_signed_command_is_performed_and_replied_to(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    link = open_link(tmp_path, daemon, broker.url)
    link.start()
    observer.wait(lambda: observer.on("up/state"))
    observer.send(signer.seal("set-effect", args={"effect": "anonymise"}, id="one"))
    assert observer.reply("one").outcome == "done"
    assert daemon.performed == [SetEffect(effect="anonymise")]
    link.stop()
