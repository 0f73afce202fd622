"""Which clocks are believed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from edgefuse import clock
from edgefuse.trusted_time import FLOOR, TrustedTime, UntrustedClockError, is_synchronised

NOW = datetime(2027, 3, 1, tzinfo=timezone.utc)


def judge(machine: Path, wall: datetime = NOW, *, is_synchronised: bool = False) -> datetime:
    """Ask for the time on such a machine."""
    return TrustedTime(machine, lambda: wall, lambda: is_synchronised).now()


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A board with a device tree and no clock chip."""
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    return tmp_path


def test_time_before_any_edgefuse_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UntrustedClockError, match="it says 1970-01-01"):
        judge(tmp_path, datetime(1970, 1, 1, tzinfo=timezone.utc), is_synchronised=True)
    assert judge(tmp_path, FLOOR) == FLOOR


def test_board_without_a_clock_waits_for_the_network(board: Path) -> None:
    with pytest.raises(UntrustedClockError, match="has not heard the time yet"):
        judge(board)
    assert judge(board, is_synchronised=True) == NOW


def test_board_with_a_clock_is_believed(board: Path) -> None:
    (board / "sys/class/rtc/rtc0").mkdir(parents=True)
    assert judge(board) == NOW


def test_machine_without_a_device_tree_is_believed(tmp_path: Path) -> None:
    assert judge(tmp_path) == NOW


class Machine:
    """A board without a clock chip, whose clocks a test turns."""

    def __init__(self, board: Path) -> None:
        self.wall = datetime(1970, 1, 1, tzinfo=timezone.utc)
        self.seconds = 0
        self.is_synchronised = False
        self.time = TrustedTime(
            board, lambda: self.wall, lambda: self.is_synchronised, lambda: self.seconds * clock.NS_PER_S
        )


def test_time_that_was_proven_goes_on(board: Path) -> None:
    machine = Machine(board)
    machine.time.prove(NOW)
    machine.seconds = 3600
    assert machine.time.now() == NOW + timedelta(hours=1)


def test_network_is_believed_more_than_an_old_proof_unless_it_shows_less(board: Path) -> None:
    machine = Machine(board)
    machine.time.prove(NOW)
    machine.is_synchronised, machine.wall = True, NOW + timedelta(days=9)
    assert machine.time.now() == machine.wall
    machine.wall = NOW - timedelta(days=9)
    assert machine.time.now() == NOW


def test_clock_below_what_was_proven_before_the_restart_is_wrong(board: Path) -> None:
    machine = Machine(board)
    machine.time.remember(NOW)
    machine.is_synchronised, machine.wall = True, NOW - timedelta(days=9)
    with pytest.raises(UntrustedClockError, match="it says 2027-02-20"):
        machine.time.now()
    machine.wall = NOW + timedelta(days=9)
    assert machine.time.now() == machine.wall


def test_clock_that_once_said_2099_leaves_no_trace(board: Path) -> None:
    machine = Machine(board)
    machine.is_synchronised, machine.wall = True, datetime(2099, 1, 1, tzinfo=timezone.utc)
    assert machine.time.now() == machine.wall
    machine.wall = NOW
    assert machine.time.now() == NOW


def test_operator_whose_clock_said_2099_can_mend_that(board: Path) -> None:
    machine = Machine(board)
    machine.time.prove(datetime(2099, 1, 1, tzinfo=timezone.utc))
    machine.time.prove(NOW)
    assert machine.time.now() == NOW


def test_kernel_can_be_asked() -> None:
    assert is_synchronised() in (True, False)
