import json
import signal
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from fakes.command import finish, start
from fakes.control import FakeSupervisor, make_status

from edgefuse.__main__ import main
from edgefuse.cli.logs import journal_command, new_events
from edgefuse.supervisor.control import Event


def make_event(second: int) -> Event:
    return Event(at=f"2026-11-20T10:00:{second:02}Z", level="info", kind="point_changed", text=f"point {second}")


def add_event(supervisor: FakeSupervisor, event: Event) -> None:
    """Let the oldest event go for a new one, as a supervisor does."""
    events = (*supervisor.status.events[1:], event)
    supervisor.status = msgspec.structs.replace(supervisor.status, events=events)


def test_without_a_journal_the_newest_events_are_shown_and_that_is_said(
    supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs", "-n", "2"]) == 0
    said = capsys.readouterr()
    assert said.out == (
        "11-20 09:02:11 warning it died of SIGSEGV (worker_crashed)\n"
        "11-20 09:02:12 info    the worker runs, pid 4121 (worker_running)\n"
    )
    assert said.err == "there is no journal of a service here; these are the supervisor's newest events\n"
    assert len(supervisor.status.events) == 5


def test_json_is_one_event_a_line(supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "--json"]) == 0
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert kinds == [event.kind for event in supervisor.status.events]


def test_following_shows_each_new_event_once_until_ctrl_c(supervisor: FakeSupervisor, tmp_path: Path) -> None:
    with start("logs", "-f", "-n", "1", folder=tmp_path, TZ="UTC") as command:
        assert command.stdout is not None
        assert "the worker runs, pid 4121" in command.stdout.readline()
        for second in (1, 2):
            add_event(supervisor, make_event(second))
            assert command.stdout.readline() == f"11-20 10:00:0{second} info    point {second} (point_changed)\n"
        command.send_signal(signal.SIGINT)
        out, _ = finish(command)
    assert (command.returncode, out) == (130, "")


def test_following_goes_on_with_the_supervisor_that_comes_after(short_root: Path, tmp_path: Path) -> None:
    supervisor = FakeSupervisor(make_status())
    with ExitStack() as ending:
        with supervisor.listen():
            command = ending.enter_context(start("logs", "-f", "-n", "1", folder=tmp_path, TZ="UTC"))
            assert command.stdout is not None and command.stderr is not None
            assert "the worker runs, pid 4121" in command.stdout.readline()
        assert "no journal" in command.stderr.readline()
        assert command.stderr.readline().startswith("the supervisor does not answer, waiting for it")
        supervisor.status = make_status(events=(make_event(1),))
        with supervisor.listen():
            assert command.stdout.readline() == "11-20 10:00:01 info    point 1 (point_changed)\n"
            command.send_signal(signal.SIGINT)
            assert finish(command) == ("", "")


@pytest.mark.parametrize(
    ("seen", "now", "new"),
    [
        ("abc", "abc", ""),
        ("abc", "bcd", "d"),
        ("ab", "abcd", "cd"),
        ("abc", "xyz", "xyz"),
        ("", "ab", "ab"),
        ("aaa", "aab", "b"),
    ],
)
def test_new_events_come_after_the_last_that_was_seen(seen: str, now: str, new: str) -> None:
    def events(letters: str) -> tuple[Event, ...]:
        return tuple(make_event(ord(letter) - ord("a")) for letter in letters)

    assert tuple(new_events(events(seen), events(now))) == events(new)


def test_the_journal_is_read_with_its_own_tool() -> None:
    assert journal_command(7, is_followed=True, is_json=False) == [
        "journalctl", "--unit=edgefuse", "--lines=7", "--output=short-iso", "--no-pager", "--follow",
    ]  # fmt: skip
    assert "--output=json" in journal_command(7, is_followed=False, is_json=True)


def test_a_number_of_lines_is_a_whole_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["logs", "-n", "-3"])
    assert "expected a whole number, got '-3'" in capsys.readouterr().err


def test_without_a_supervisor_the_text_says_what_to_do(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs"]) == 2
    assert "cannot ask the supervisor: none runs at " in capsys.readouterr().err
