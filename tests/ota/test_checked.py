"""What follows from what the check of a release says."""

from pathlib import Path

import msgspec
import pytest

from edgefuse.ota.checked import CheckReport, check_command, conclude, read_report
from edgefuse.ota.events import Checked, Failed, Fault


@pytest.mark.parametrize(("room_mb", "needs_restart"), [(200, False), (119, True), (0, True)])
def test_a_release_that_passed_is_tried_beside_the_other_where_there_is_room(room_mb: int, needs_restart: bool) -> None:
    assert conclude(3, CheckReport(needs_mb=100), room_mb) == Checked(3, needs_restart)


@pytest.mark.parametrize("fault", ["bad", "failed", "rejected"])
def test_what_did_not_pass_failed_by_whose_fault_it_was(fault: Fault) -> None:
    assert conclude(3, CheckReport(error="wrong", fault=fault), 1000) == Failed(3, "wrong", fault)


def test_what_was_written_is_read() -> None:
    report = CheckReport(error="wrong", fault="bad", refused=("network",))
    assert read_report(msgspec.json.encode(report) + b"\n", "exit code 0") == report


@pytest.mark.parametrize("said", [b"", b'{"error": "half of', b"[]", b"\xff", b'{"error": "\xff"}'])
def test_a_check_that_somebody_ended_says_nothing_about_the_release(said: bytes) -> None:
    failed = conclude(3, read_report(said, "SIGKILL"), 1000)
    assert failed == Failed(3, "the check ended without a report: SIGKILL", "failed")


def test_what_nobody_decided_is_not_passed_on() -> None:
    command = check_command("python3", Path("/store/releases/7.json"), 5)
    assert command[3:] == ["edgefuse.worker", "--check-release", "/store/releases/7.json", "--answer", "5",
                           "--limit-s", "900"]  # fmt: skip
    assert check_command("python3", Path("/r"), 5, profile="pi", memory_mb=220)[-4:] == [
        "--profile", "pi", "--memory-mb", "220"]  # fmt: skip
