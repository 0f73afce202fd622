"""Which clocks are believed."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

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


def test_kernel_can_be_asked() -> None:
    assert is_synchronised() in (True, False)
