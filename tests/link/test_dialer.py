"""When the device tries to connect, in which version, and when it keeps away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgefuse import clock
from edgefuse.link.backoff import BASE_S
from edgefuse.link.connection import Cause, Closed, Note, Opened, Protocol
from edgefuse.link.dialer import GREETING_S, SUSPICIOUS_ENDS, Dialer


class Line:
    """A connection to which a test says what happens."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.notes: list[Note] = []
        self.is_aborted = False

    def dial(self, wake: Callable[[], None]) -> None:
        """Connect to nobody."""

    def abort(self) -> None:
        """Take note of the end."""
        self.is_aborted = True

    def step(self, *, is_readable: bool) -> list[Note]:
        """Give what the test said."""
        notes, self.notes = self.notes, []
        return notes


class Desk:
    """A dialer and the time."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.dialer = Dialer("dev1", self._make, lambda: None)
        self.now_ns = self.began_ns = clock.now_ns() + 1

    def step(self, *notes: Note, after_s: float = 0.0) -> list[Note]:
        """Let time pass, and then something happen."""
        self.now_ns += round(after_s * clock.NS_PER_S)
        if self.dialer.connection:
            self.lines[-1].notes += notes
        return self.dialer.step(self.now_ns, is_readable=True)

    def wait(self) -> float:
        """Wait until the next try has begun, and give how long that took in seconds."""
        pause_s = (self.dialer.due_ns - self.now_ns) / clock.NS_PER_S
        self.step(after_s=pause_s + 0.001)
        assert self.dialer.connection
        return pause_s

    def end(self, cause: Cause, lasted_s: float | None = 1.0) -> list[Note]:
        """Let a connection, which lasted so long or was never taken in, end."""
        if lasted_s is not None:
            self.step(Opened())
        return self.step(Closed(cause, "test"), after_s=lasted_s or 0.0)

    def _make(self, protocol: Protocol) -> Line:
        self.lines.append(Line(protocol))
        return self.lines[-1]


@pytest.fixture
def desk() -> Desk:
    """A dialer that has begun its first try."""
    desk = Desk()
    desk.step()
    return desk


def test_first_try_is_at_once_and_the_next_after_a_pause(desk: Desk) -> None:
    assert len(desk.lines) == 1
    desk.end("unreachable", None)
    assert 0.0 < desk.wait() <= BASE_S


def test_broker_that_says_nothing_is_given_up(desk: Desk) -> None:
    assert desk.step(after_s=GREETING_S + 1) == [Closed("lost", "the broker does not greet")]
    assert desk.lines[0].is_aborted


@pytest.mark.parametrize("cause", ["version", "lost"])
def test_other_version_is_tried_when_the_broker_does_not_take_this_one(desk: Desk, cause: Cause) -> None:
    for protocol in ("5", "3.1.1", "5"):
        assert desk.lines[-1].protocol == protocol
        desk.end(cause, None)
        assert desk.wait() <= 1.0


@pytest.mark.parametrize("cause", ["unreachable", "refused"])
def test_version_stays_when_nothing_speaks_against_it(desk: Desk, cause: Cause) -> None:
    desk.end(cause, None)
    desk.wait()
    assert desk.lines[-1].protocol == "5"


def test_several_short_connections_in_a_row_are_another_client_with_our_id(desk: Desk) -> None:
    for _ in range(SUSPICIOUS_ENDS - 1):
        assert desk.end("lost") == [Closed("lost", "test")]
        desk.wait()
    (end,) = desk.end("lost")
    assert isinstance(end, Closed)
    assert end.cause == "taken_over"
    assert desk.wait() > 8 * BASE_S


def test_short_connections_now_and_then_are_a_bad_line(desk: Desk) -> None:
    for _ in range(5):
        for lasted_s in (1.0, 1.0, 3600.0):
            assert desk.end("lost", lasted_s) == [Closed("lost", "test")]
            desk.wait()


def test_log_names_the_client_because_one_process_may_have_several(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "edgefuse.link.dialer"):
        desk.end("lost")
    assert [text.split()[:3] for text in caplog.messages] == [
        ["broker", word, "client=dev1"] for word in ("connected", "disconnected")
    ]
