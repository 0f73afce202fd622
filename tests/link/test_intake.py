"""What becomes of commands: taken once, refused with a reason, all of it in the audit."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from fakes.operator_station import Signer, in_seconds, trust

from edgefuse import clock
from edgefuse.link.audit import Audit, list_files, read_lines
from edgefuse.link.commands import Outcome, Pause, PinPoint
from edgefuse.link.intake import REFUSALS_A_MINUTE, Intake, Task
from edgefuse.link.ledger import Accepted, AnyRecord, Ledger, Refused
from edgefuse.link.messages import Reply
from edgefuse.link.operators import OperatorKeys
from edgefuse.link.refusal import RefusedError
from edgefuse.trusted_time import TrustedTime


class Paper:
    """A trail that notes what was asked of it."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.asked: list[str] = []

    def add(self, record: AnyRecord, *, is_durable: bool) -> None:
        """Note it."""
        self.asked.append("durable" if is_durable else "written")
        self.ledger = self.ledger.with_record(record)

    def sync(self) -> None:
        """Note it."""
        self.asked.append("synced")


class Desk:
    """An intake whose disk and clock a test can look at and turn."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = Signer()
        self.wall = datetime.now(timezone.utc)
        self.seconds = 0
        """Since the board was switched on."""
        trust(folder / "operators.json", self.signer)
        self._audits: list[Audit] = []
        self.intake = self.open()

    def open(self) -> Intake:
        """Start, also after a power cut."""
        time = TrustedTime(self.folder, lambda: self.wall, monotonic_ns=lambda: self.seconds * clock.NS_PER_S)
        keys = OperatorKeys(self.folder / "operators.json")
        self._audits.append(Audit(self.folder / "audit"))
        return Intake("dev1", ("snapshot",), keys, time, self._audits[-1])

    def close(self) -> None:
        """Close what was opened."""
        for audit in self._audits:
            audit.close()

    def records(self) -> list[AnyRecord]:
        """Give what the audit holds."""
        return [whole.line.record for path in list_files(self.folder / "audit") for whole in read_lines(path)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk of the device ``dev1`` with one operator."""
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def refusal(desk: Desk, payload: bytes) -> tuple[str, str]:
    """Give fault and reason of a refusal; both must be in the audit, and the reply where there is one."""
    reply = desk.intake.take(payload)
    record = desk.records()[-1]
    assert isinstance(record, Refused)
    assert isinstance(reply, Reply | RefusedError)
    assert record.reason == (reply.reason if isinstance(reply, Reply) else str(reply))
    return record.fault, record.reason


def test_command_is_written_down_before_it_is_performed(desk: Desk) -> None:
    task = desk.intake.take(desk.signer.seal("pin-point", args={"point": 2}))
    assert isinstance(task, Task)
    assert task.action == PinPoint(point=2)
    accepted = desk.records()[-1]
    assert isinstance(accepted, Accepted)
    assert (accepted.command, accepted.seq, bytes(accepted.args)) == ("pin-point", 1, b'{"point":2}')


@pytest.mark.parametrize("command", ["restart-worker", "snapshot"])
def test_what_must_not_happen_twice_is_on_the_disk_before_it_begins(desk: Desk, command: str) -> None:
    paper = desk.intake.audit = Paper()
    assert isinstance(desk.intake.take(desk.signer.seal(command)), Task)
    assert paper.asked == ["durable"]


def test_what_may_happen_twice_begins_while_it_is_put_on_the_disk(desk: Desk) -> None:
    paper = desk.intake.audit = Paper()
    assert isinstance(desk.intake.take(desk.signer.seal("pin-point", args={"point": 2})), Task)
    desk.intake.settle()
    assert paper.asked == ["written", "synced"]


def test_same_command_again_gives_the_same_reply_and_is_not_performed(desk: Desk) -> None:
    payload = desk.signer.seal("pause")
    task = desk.intake.take(payload)
    assert isinstance(task, Task)
    assert desk.intake.take(payload) is None  # it is under way
    reply = desk.intake.finish(task, Outcome())
    assert desk.intake.take(payload) == reply
    assert desk.open().take(payload) == reply


def test_command_that_a_power_cut_interrupted_is_not_performed_again(desk: Desk) -> None:
    payload = desk.signer.seal("pause")
    assert isinstance(desk.intake.take(payload), Task)
    reply = desk.open().take(payload)
    assert isinstance(reply, Reply)
    assert (reply.outcome, "stopped before" in reply.reason) == ("failed", True)


def test_status_is_read_again(desk: Desk) -> None:
    payload = desk.signer.seal("status")
    task = desk.intake.take(payload)
    assert isinstance(task, Task)
    desk.intake.finish(task, Outcome(result=msgspec.Raw(b'{"big":1}')))
    assert isinstance(desk.intake.take(payload), Task)
    assert b"big" not in b"".join(path.read_bytes() for path in list_files(desk.folder / "audit"))


def test_old_number_is_refused_also_after_a_restart(desk: Desk) -> None:
    old = desk.signer.seal("pause", id="old")
    assert isinstance(desk.intake.take(desk.signer.seal("resume", id="new")), Task)
    assert refusal(desk, old)[0] == "replayed"
    desk.intake = desk.open()
    assert refusal(desk, old) == ("replayed", f"its number 1 is not above 2, the newest of key {desk.signer.key_id}")


def test_each_key_counts_for_itself(desk: Desk) -> None:
    other = Signer(1)
    trust(desk.folder / "operators.json", desk.signer, other)
    for payload in (desk.signer.seal("pause", seq=900), other.seal("resume", seq=1)):
        assert isinstance(desk.intake.take(payload), Task)


def test_expired_command_is_refused(desk: Desk) -> None:
    assert refusal(desk, desk.signer.seal("pause", expires_at=in_seconds(-5)))[0] == "expired"


@pytest.mark.parametrize("time", ["tomorrow", "", "2026-11-20T10:00:00", "9" * 500])
def test_time_that_is_none_is_refused(desk: Desk, time: str) -> None:
    assert refusal(desk, desk.signer.seal("pause", expires_at=time))[0] == "malformed"


def test_command_for_another_device_is_refused(desk: Desk) -> None:
    assert refusal(desk, desk.signer.seal("pause", device="dev2")) == ("wrong_device", "it is for device 'dev2'")


def test_board_whose_clock_says_1970_refuses_and_says_so_and_takes_it_later(desk: Desk) -> None:
    right, desk.wall = desk.wall, datetime(1970, 1, 1, 0, 3, tzinfo=timezone.utc)
    payload = desk.signer.seal("pause")
    assert refusal(desk, payload) == ("no_clock", "the clock of this device is not set: it says 1970-01-01")
    desk.wall = right
    assert isinstance(desk.intake.take(payload), Task)


def test_clock_of_2099_expires_commands_but_blocks_none_later(desk: Desk) -> None:
    right, desk.wall = desk.wall, desk.wall + timedelta(days=26_000)
    assert refusal(desk, desk.signer.seal("pause"))[0] == "expired"
    desk.wall = right
    assert isinstance(desk.intake.take(desk.signer.seal("pause")), Task)


class Unclocked:
    """A desk of a board without a clock, which is told the time."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.right, desk.wall = desk.wall, datetime(1970, 1, 1, tzinfo=timezone.utc)

    def ask(self) -> str:
        """Have a command refused, and give the challenge that comes with the refusal."""
        return self.take(self.desk.signer.seal("pause")).challenge

    def state(self, challenge: str, **changes: object) -> bytes:
        """Sign the right time."""
        args = {"challenge": challenge, "now": self.right.isoformat()}
        return self.desk.signer.seal("set-clock", args={**args, **changes})

    def take(self, payload: bytes) -> Reply:
        """Take what is replied to at once."""
        reply = self.desk.intake.take(payload)
        assert isinstance(reply, Reply)
        return reply


def test_board_without_a_clock_is_told_the_time_and_then_judges_by_it(desk: Desk) -> None:
    board = Unclocked(desk)
    assert board.take(board.state(board.ask())).outcome == "done"
    assert isinstance(desk.intake.take(desk.signer.seal("pause")), Task)
    assert refusal(desk, desk.signer.seal("pause", expires_at=in_seconds(-300)))[0] == "expired"


@pytest.mark.parametrize("is_restarted", [True, False])
def test_statement_that_was_held_back_or_used_is_not_believed(desk: Desk, *, is_restarted: bool) -> None:
    board = Unclocked(desk)
    challenge = board.ask()
    held, used = board.state(challenge), board.state(challenge)
    assert board.take(used).outcome == "done"
    if is_restarted:
        desk.intake = desk.open()
    assert refusal(desk, held)[0] == "unasked"
    assert board.take(used).outcome == "done"  # the reply of then, which changes nothing
    if is_restarted:
        assert refusal(desk, desk.signer.seal("pause"))[0] == "no_clock"


def test_statement_that_comes_late_is_not_believed(desk: Desk) -> None:
    board = Unclocked(desk)
    challenge = board.ask()
    desk.seconds += 31
    assert refusal(desk, board.state(challenge))[0] == "unasked"


def test_only_the_newest_challenge_is_good(desk: Desk) -> None:
    board = Unclocked(desk)
    old, new = board.ask(), board.ask()
    again = board.take(board.state(old))
    assert (again.outcome, again.challenge not in {"", old, new}) == ("refused", True)
    assert board.take(board.state(again.challenge)).outcome == "done"


@pytest.mark.parametrize(
    "now", ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "today", ""]
)
def test_time_that_cannot_be_is_not_believed(desk: Desk, now: str) -> None:
    board = Unclocked(desk)
    assert refusal(desk, board.state(board.ask(), now=now))[0] == "malformed"
    assert refusal(desk, desk.signer.seal("pause"))[0] == "no_clock"


def test_stranger_and_viewer_do_not_set_the_clock(desk: Desk) -> None:
    board = Unclocked(desk)
    stranger = Signer(9).seal("set-clock", args={"challenge": board.ask(), "now": board.right.isoformat()})
    assert isinstance(desk.intake.take(stranger), RefusedError)
    trust(desk.folder / "operators.json", desk.signer, role="viewer")
    assert refusal(desk, board.state(board.ask()))[0] == "forbidden"


def test_clock_that_shows_less_than_was_proven_before_a_restart_is_wrong(desk: Desk) -> None:
    board = Unclocked(desk)
    assert board.take(board.state(board.ask())).outcome == "done"
    desk.intake = desk.open()
    desk.wall = board.right - timedelta(hours=1)
    assert refusal(desk, desk.signer.seal("pause"))[0] == "no_clock"
    desk.wall = board.right
    assert isinstance(desk.intake.take(desk.signer.seal("pause")), Task)


def test_site_decides_what_may_be_taken_away(desk: Desk) -> None:
    assert isinstance(desk.intake.take(desk.signer.seal("snapshot")), Task)
    fault, reason = refusal(desk, desk.signer.seal("reboot"))
    assert (fault, "allow: [reboot]" in reason) == ("forbidden", True)


def test_viewer_may_look_only(desk: Desk) -> None:
    trust(desk.folder / "operators.json", desk.signer, role="viewer")
    assert isinstance(desk.intake.take(desk.signer.seal("status")), Task)
    assert refusal(desk, desk.signer.seal("pause"))[0] == "forbidden"


@pytest.mark.parametrize(
    ("command", "args"),
    [("dance", {}), ("pin-point", {}), ("pin-point", {"point": -1}), ("set-face", {"face": "../me"}), ("pause", [])],
)
def test_command_that_makes_no_sense_is_refused(desk: Desk, command: str, args: object) -> None:
    assert refusal(desk, desk.signer.seal(command, args=args))[0] == "malformed"


def test_stranger_gets_no_reply(desk: Desk) -> None:
    assert isinstance(desk.intake.take(Signer(9).seal("pause")), RefusedError)
    assert isinstance(desk.intake.take(b"junk"), RefusedError)


def test_flood_of_junk_does_not_push_real_records_out(desk: Desk) -> None:
    task = desk.intake.take(desk.signer.seal("pause"))
    assert isinstance(task, Task)
    assert task.action == Pause()
    for _ in range(1000):
        desk.intake.take(b"junk")
    assert sum(isinstance(record, Refused) for record in desk.records()) == REFUSALS_A_MINUTE


def test_nothing_is_performed_that_cannot_be_written_down(desk: Desk) -> None:
    payload = desk.signer.seal("pause")
    used_bytes = list_files(desk.folder / "audit")[0].stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (used_bytes + 100, limits[1]))  # a disk that is nearly full
    reply = desk.intake.take(payload)
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)
    assert isinstance(reply, Reply)
    assert (reply.outcome, "cannot be written down" in reply.reason) == ("refused", True)
    assert isinstance(desk.intake.take(payload), Task)  # there is room again
