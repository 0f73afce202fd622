"""Who is blamed for the end of a worker."""

from __future__ import annotations

import signal

import pytest

from edgefuse.supervisor.service import FATAL_RETRY_S, MEMORY_RETRY_S
from edgefuse.supervisor.verdict import Circumstances, Verdict, judge
from edgefuse.supervisor.worker_process import End

RUNNING = {2: "running", 5: "opening"}


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGILL, signal.SIGABRT])
def test_native_crashes_blame_what_native_code_was_at(number: signal.Signals) -> None:
    verdict = judge(End(-number, RUNNING), Circumstances())
    assert (verdict.how, verdict.blamed, verdict.retry_s) == (number.name, (2, 5), None)


@pytest.mark.parametrize("code", [-signal.SIGKILL, -signal.SIGTERM, 0, 1, 139])
def test_other_ends_blame_nobody(code: int) -> None:
    assert judge(End(code, RUNNING), Circumstances()).blamed == ()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGSEGV, "it died of SIGSEGV"),
        (-signal.SIGKILL, "memory ran out (SIGKILL)"),
        (0, "ended in order"),
        (1, "exit code 1; the log has it"),
    ],
)
def test_an_end_is_told_in_words(code: int, words: str) -> None:
    assert words in judge(End(code, {}), Circumstances()).reason


def test_a_hang_blames_what_native_code_was_at() -> None:
    verdict = judge(End(-signal.SIGABRT, RUNNING), Circumstances(illness="it hangs: no heartbeat for 8 s"))
    assert (verdict.how, verdict.blamed) == ("hang", (2, 5))


def test_a_worker_that_somebody_stopped_did_not_hang() -> None:
    known = Circumstances(illness="it hangs: no heartbeat for 8 s", was_stopped=True)
    assert judge(End(-signal.SIGABRT, RUNNING), known).blamed == ()


def test_delivering_nothing_blames_the_model_that_does_not_come_back() -> None:
    known = Circumstances(illness="it delivers nothing: no frame for 10 s")
    verdict = judge(End(-signal.SIGABRT, RUNNING), known)  # runtimes that wait for an accelerator let others beat on
    assert (verdict.how, verdict.blamed) == ("hang", (2,))


def test_delivering_nothing_while_no_model_runs_blames_none() -> None:
    known = Circumstances(illness="it delivers nothing: no frame for 10 s")
    assert judge(End(-signal.SIGABRT, {5: "opening"}), known) == Verdict("it delivers nothing: no frame for 10 s")


def test_the_memory_limit_blames_what_was_being_opened() -> None:
    verdict = judge(End(-signal.SIGKILL, RUNNING), Circumstances(is_over_memory=True))
    assert (verdict.how, verdict.blamed) == ("memory limit", (5,))


def test_a_limit_that_is_too_little_to_start_with_is_for_a_person_to_mend() -> None:
    verdict = judge(End(-signal.SIGKILL, {2: "running"}), Circumstances(is_over_memory=True, memory_mb=1000))
    assert (verdict.blamed, verdict.retry_s) == ((), MEMORY_RETRY_S)
    assert "limit of 1000 MB is too little to start with; raise memory_mb" in verdict.reason


def test_a_worker_that_grew_over_its_limit_while_frames_flowed_starts_again() -> None:
    known = Circumstances(is_over_memory=True, was_open=True, memory_mb=1000)
    verdict = judge(End(-signal.SIGKILL, {2: "running"}), known)
    assert (verdict.reason, verdict.blamed, verdict.retry_s) == ("it went over its memory limit of 1000 MB", (), None)


def test_a_server_that_went_away_while_frames_flowed_is_worth_waiting_for() -> None:
    known = Circumstances(failure="cannot push to rtsp://nvr/out", was_open=True)
    assert judge(End(2, {}), known) == Verdict("cannot push to rtsp://nvr/out")


def test_what_a_person_must_mend_is_final() -> None:
    assert judge(End(2, {}), Circumstances(failure="no such file")) == Verdict("no such file", retry_s=FATAL_RETRY_S)


@pytest.mark.parametrize(
    ("code", "known", "is_own"),
    [
        (-signal.SIGSEGV, Circumstances(), True),
        (1, Circumstances(), True),
        (0, Circumstances(), False),
        (-signal.SIGKILL, Circumstances(), False),
        (-signal.SIGTERM, Circumstances(), False),
        (-signal.SIGKILL, Circumstances(is_over_memory=True, was_open=True), True),
        (-signal.SIGABRT, Circumstances(illness="it hangs: no heartbeat for 8 s"), True),
        (-signal.SIGABRT, Circumstances(illness="it hangs: no heartbeat for 8 s", was_stopped=True), False),
        (2, Circumstances(failure="cannot push to rtsp://nvr/out", was_open=True), False),
    ],
)
def test_who_was_killed_or_misses_something_did_not_end_by_itself(
    code: int, known: Circumstances, is_own: bool
) -> None:
    assert judge(End(code, {}), known).is_own == is_own
