"""A command's way to a real link and back, over a real broker."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from itertools import count, islice
from pathlib import Path

import msgspec
import pytest
from fakes.broker import free_port
from fakes.daemon import Daemon
from fakes.operator_station import Signer
from fleet.conftest import Fleet, linked

from edgefuse import clock
from edgefuse.fleet.commanding import command_all
from edgefuse.fleet.enrolment import init_site
from edgefuse.fleet.sending import Answer, Exchange, SilentError
from edgefuse.fleet.session import BrokerError, Session, connected
from edgefuse.fleet.signing import make_action
from edgefuse.link.commands import Outcome, Pause, SetEffect
from edgefuse.link.messages import NOTHING, BlobChunk, Reply, encode
from edgefuse.link.topics import BLOB, REPLY, STATE, Address
from edgefuse.trusted_time import TrustedTime

WAIT_S = 60.0


def ask(fleet: Fleet, session: Session, command: str, value: str | None = None, device: str = "door-3") -> Answer:
    """Send a command in words, and give the answer, which there must be."""
    ((_, answer),) = command_all(session, fleet.folder, [device], make_action(command, value), WAIT_S)
    assert isinstance(answer, Answer), answer
    return answer


def test_enrolled_device_does_what_it_is_asked_and_says_so(fleet: Fleet, daemon: Daemon) -> None:
    daemon.outcome = Outcome(result=msgspec.Raw(b'{"point":2}'))
    with linked(fleet, "door-3", daemon), connected(fleet.folder) as session:
        answer = ask(fleet, session, "set-effect", "anonymise")
    assert (answer.reply.outcome, bytes(answer.reply.result)) == ("done", b'{"point":2}')
    assert daemon.performed == [SetEffect(effect="anonymise")]


def test_refusal_comes_with_its_reason(fleet: Fleet, daemon: Daemon) -> None:
    with linked(fleet, "door-3", daemon), connected(fleet.folder) as session:
        reply = ask(fleet, session, "reboot").reply
    assert (reply.outcome, "does not allow reboot" in reply.reason) == ("refused", True)
    assert not daemon.performed


def test_picture_comes_whole(fleet: Fleet, daemon: Daemon, tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    (tmp_path / "picture.jpg").write_bytes(data)
    daemon.outcome = Outcome(file=tmp_path / "picture.jpg", file_kind="snapshot")
    with linked(fleet, "door-3", daemon), connected(fleet.folder) as session:
        assert ask(fleet, session, "snapshot").file == data


def test_commands_of_several_sessions_do_not_disturb_each_other(fleet: Fleet, daemon: Daemon) -> None:
    with linked(fleet, "door-3", daemon), connected(fleet.folder) as one, connected(fleet.folder) as two:
        replies = [ask(fleet, session, "pause").reply for session in (one, two, one)]
    assert [reply.outcome for reply in replies] == ["done"] * 3
    assert len({reply.id for reply in replies}) == 3


def test_device_that_is_away_is_told_as_silent(fleet: Fleet, daemon: Daemon) -> None:
    with linked(fleet, "door-3", daemon):
        pass
    with connected(fleet.folder) as session:
        ((_, answer),) = command_all(session, fleet.folder, ["door-3"], Pause(), 1.0)
    assert isinstance(answer, SilentError)
    assert "it is offline" in str(answer)
    assert not daemon.performed


def test_boards_without_a_clock_are_told_the_time_while_others_are_waited_for(
    fleet: Fleet, daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = (TrustedTime(wall=lambda: datetime(1970, 1, 1, tzinfo=timezone.utc)) for _ in range(2))
    fleet.join("away")
    caplog.set_level("DEBUG", "edgefuse.fleet.commanding")
    with linked(fleet, "door-3", daemon, one), linked(fleet, "door-4", daemon, two), connected(fleet.folder) as session:
        results = command_all(session, fleet.folder, ["away", "door-3", "door-4"], Pause(), WAIT_S)
        first = {sealed.command.device: answer for sealed, answer in islice(results, 2)}
    assert first.keys() == {"door-3", "door-4"}
    assert [isinstance(answer, Answer) and answer.reply.outcome for answer in first.values()] == ["done"] * 2
    told = [record.levelname for record in caplog.records if record.msg.startswith("told a device the time")]
    assert told == ["DEBUG"] * 2


def test_time_that_a_board_does_not_take_is_told_and_not_tried_for_ever(fleet: Fleet, daemon: Daemon) -> None:
    hours_ns = count(step=3600 * clock.NS_PER_S)
    wall = datetime(1970, 1, 1, tzinfo=timezone.utc)
    unset = TrustedTime(wall=lambda: wall, monotonic_ns=lambda: next(hours_ns))
    with linked(fleet, "door-3", daemon, unset), connected(fleet.folder) as session:
        reply = ask(fleet, session, "pause").reply
    assert (reply.outcome, "in time" in reply.reason) == ("refused", True)
    assert not daemon.performed


def test_broker_that_is_not_there_is_told(tmp_path: Path) -> None:
    init_site(tmp_path / "new", "localhost", free_port())
    with pytest.raises(BrokerError, match="is it running"), connected(tmp_path / "new"):
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho forgets to close that socket
def test_broker_of_another_site_is_not_believed(fleet: Fleet, tmp_path: Path) -> None:
    init_site(tmp_path / "new", "localhost", fleet.port)
    with pytest.raises(BrokerError, match="certificate verify failed"), connected(tmp_path / "new"):
        pass


def test_signature_of_the_site_is_what_counts_not_the_brokers_word(fleet: Fleet, daemon: Daemon) -> None:
    with linked(fleet, "door-3", daemon):
        fleet.operate().publish("ef/v1/d/door-3/dn/cmd", Signer(7).seal("pause", "door-3"))
        with connected(fleet.folder) as session:
            ask(fleet, session, "resume")
    assert len(daemon.performed) == 1


DATA = bytes(100)
DONE = encode(Reply(t="", id="c1", outcome="done"))


def chunk(offset_bytes: int, data: bytes) -> bytes:
    """Give a piece of ``DATA``."""
    digest = hashlib.sha256(DATA).hexdigest()
    return encode(BlobChunk(id="c1", kind="logs", total_bytes=100, offset_bytes=offset_bytes, sha256=digest, data=data))


def test_file_is_whole_in_any_order_and_with_repetitions() -> None:
    exchange = Exchange("a", "c1", has_file=True)
    for payload in (chunk(60, DATA[60:]), chunk(0, DATA[:60]), chunk(60, DATA[60:])):
        assert exchange.answer is None
        exchange.take(Address("a", BLOB, "c1"), payload)
    exchange.take(Address("a", REPLY, "c1"), DONE)
    assert exchange.answer is not None
    assert exchange.answer.file == DATA


def test_file_that_is_another_than_announced_is_not_given() -> None:
    exchange = Exchange("a", "c1", has_file=True)
    exchange.take(Address("a", REPLY, "c1"), DONE)
    exchange.take(Address("a", BLOB, "c1"), chunk(0, bytes(99) + b"x"))
    assert exchange.answer is None


@pytest.mark.parametrize("payload", [b"", b"{", b"null", b'{"v":2}', b"\xff", encode(NOTHING)])
def test_nonsense_from_a_device_changes_nothing(payload: bytes) -> None:
    exchange = Exchange("a", "c1", has_file=False)
    for topic in (REPLY, BLOB):
        exchange.take(Address("a", topic, "c1"), payload)
    exchange.take(Address("a", STATE), payload)
    exchange.take(Address("b", REPLY, "c1"), DONE)
    assert exchange.answer is None
    assert not exchange.is_offline
