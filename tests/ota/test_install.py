"""The states of a deployment."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from fakes.updated_unit import figures
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefuse.config.updates import UpdateSettings
from edgefuse.memory import BYTES_PER_MB
from edgefuse.ota import install
from edgefuse.ota.actions import Action, Stop, Work
from edgefuse.ota.deployment import STARTS, Deployment, InstallState, Step, Wish
from edgefuse.ota.events import (
    Answer,
    BaselineMeasured,
    Cancelled,
    Checked,
    Crashed,
    DiskFailed,
    Done,
    Event,
    Failed,
    Inspected,
    Interrupted,
    Measured,
    Progressed,
    Resolved,
    Started,
    Ticked,
    Wished,
)
from edgefuse.ota.moves import LIMITS_S, MOST_TRANSITIONS
from edgefuse.ota.steps import AGAIN_S
from edgefuse.store.terms import Gates

MB = BYTES_PER_MB
WAY: tuple[Step, ...] = (
    "REFRESH", "RESOLVE", "PREFLIGHT", "FETCH", "REBUILD", "VERIFY", "STAGE", "SELFTEST", "TRIAL", "COMMIT", "CLEANUP",
)  # fmt: skip


@dataclass
class Player:
    """Feeds a state machine and keeps what it asked for."""

    state: InstallState = field(default_factory=InstallState)
    now_s: float = 0.0
    settings: UpdateSettings = field(default_factory=UpdateSettings)
    last: tuple[Action, ...] = ()
    steps: list[Step] = field(default_factory=list)

    def take(self, event: Event) -> Player:
        self.state, self.last = install.next(self.state, event, self.now_s, self.settings)
        self.steps += [action.step for action in self.last if isinstance(action, Work)]
        return self

    def wish(self, release: str = "2", seq: int = 1) -> Player:
        return self.take(Wished(Wish(release=release, deployment=f"d{seq}", seq=seq)))

    def wait(self, seconds: float) -> Player:
        self.now_s += seconds
        return self.take(Ticked())

    def answer(self, **changes: object) -> Player:
        """Answer the work that is under way as if all were well, but for what is said."""
        return self.take(msgspec.structs.replace(good_answer(self.deployment.step, self.state.seq), **changes))  # type: ignore[arg-type]

    def fail(self, fault: str = "failed") -> Player:
        return self.take(Failed(self.state.seq, "it broke", fault))  # type: ignore[arg-type]

    def go_to(self, step: Step) -> Player:
        while self.deployment.step != step:
            self.answer()
        return self

    def finish(self) -> Player:
        while not self.deployment.is_over:
            self.answer()
        return self

    @property
    def deployment(self) -> Deployment:
        assert self.state.deployment is not None
        return self.state.deployment


def good_answer(step: Step, seq: int) -> Answer:
    match step:
        case "RESOLVE":
            return resolved(seq)
        case "PREFLIGHT":
            return Inspected(seq, needed_bytes=10 * MB, free_bytes=1000 * MB)
        case "SELFTEST":
            return Checked(seq)
        case "TRIAL":
            return Measured(seq, figures(), figures())
    return Done(seq)


def resolved(seq: int, content: str = "new", counter: int = 2) -> Resolved:
    return Resolved(
        seq, counter=counter, content=content, gates=Gates(), current="1", current_content="old", current_counter=1
    )


def under_way(step: Step) -> Player:
    return Player().wish().go_to(step)


def test_a_release_goes_every_step_and_is_committed() -> None:
    player = Player().wish().finish()
    assert tuple(player.steps) == WAY
    assert (player.deployment.state, player.state.counter) == ("COMMITTED", 2)


@pytest.mark.parametrize("step", WAY[:-1])
def test_the_counter_is_raised_by_the_commit_and_by_nothing_before(step: Step) -> None:
    player = under_way(step)
    assert player.state.counter == 0
    assert player.answer().state.counter == (2 if step == "COMMIT" else 0)


def test_the_same_content_under_another_number_is_committed_without_a_start() -> None:
    player = under_way("RESOLVE").answer(content="old").finish()
    assert (player.deployment.state, player.state.counter) == ("COMMITTED", 2)
    assert not {"SELFTEST", "TRIAL"} & set(player.steps)


def test_a_release_that_runs_already_is_committed_at_once() -> None:
    player = under_way("RESOLVE").answer(content="old", current="2").finish()
    assert (player.deployment.state, player.deployment.reason) == ("COMMITTED", "it runs already")
    assert (player.steps[-1], player.state.counter) == ("CLEANUP", 0)


def test_a_counter_that_has_run_here_is_refused() -> None:
    assert under_way("RESOLVE").answer(counter=1).finish().deployment.state == "REJECTED"


def test_what_failed_its_check_is_never_started_again_under_any_number() -> None:
    player = under_way("SELFTEST").fail("bad").finish()
    assert player.deployment.state == "FAILED"
    player.wish("3", seq=2).go_to("RESOLVE").answer(counter=3).finish()
    assert player.deployment.state == "REJECTED"
    assert player.deployment.reason == "it failed here before, as release 2: it broke"


def test_what_this_unit_could_not_do_may_be_tried_again() -> None:
    player = under_way("STAGE").fail().finish()
    assert player.deployment.state == "FAILED"
    assert player.wish(seq=2).finish().deployment.state == "COMMITTED"


def test_a_slower_release_is_rolled_back_with_the_figures_and_never_again() -> None:
    player = under_way("TRIAL").answer(new=figures(26.0))
    assert player.last[0] == Stop()
    player.finish()
    assert player.deployment.state == "ROLLED_BACK"
    assert player.deployment.reason.startswith("slowdown: 26.1 ms against 20.1 ms in band cool at point 0")
    assert player.deployment.findings
    assert player.state.bad.find("new") is not None


def test_a_crash_on_trial_rolls_back_where_the_release_before_did_not_crash() -> None:
    player = under_way("TRIAL")
    player.take(Crashed(player.state.seq, "SIGSEGV")).finish()
    assert player.deployment.state == "ROLLED_BACK"
    assert player.state.bad.find("new") is not None


def test_a_crash_that_the_release_before_had_as_well_costs_a_start() -> None:
    player = under_way("TRIAL")
    player.take(Crashed(player.state.seq, "the camera's driver", old_crashes=2))
    assert (player.deployment.step, player.deployment.starts_left) == ("TRIAL", STARTS - 3)


def test_without_a_second_release_beside_it_the_baseline_of_the_same_band_and_point_counts() -> None:
    player = Player().take(BaselineMeasured(figures(20.0))).take(BaselineMeasured(figures(50.0, point=1)))
    assert player.wish().go_to("TRIAL").answer(old=None).finish().deployment.state == "COMMITTED"
    assert player.state.baselines == ()


def test_a_worker_that_somebody_kills_on_trial_gets_its_next_start_while_it_has_one() -> None:
    player = under_way("TRIAL")
    for left in range(player.deployment.starts_left, -1, -1):
        assert (player.deployment.step, player.deployment.starts_left) == ("TRIAL", left)
        player.take(Crashed(player.state.seq, "SIGKILL", is_blamed=False))
    assert (player.deployment.end, player.deployment.crashes) == ("ROLLED_BACK", 0)


def test_a_trial_that_a_person_interrupts_begins_anew_and_costs_no_start() -> None:
    player = under_way("TRIAL")
    left = player.deployment.starts_left
    player.take(Interrupted(player.state.seq))
    assert (player.deployment.step, player.deployment.starts_left) == ("TRIAL", left)
    assert player.finish().deployment.state == "COMMITTED"


def test_figures_of_another_time_are_not_compared_block_by_block() -> None:
    restless = figures(20.0), figures(23.5)
    player = Player().take(BaselineMeasured(restless[0])).wish().go_to("TRIAL").answer(new=restless[1], old=None)
    alone = {finding.gate: finding.text for finding in player.state.watch.findings or player.deployment.findings}
    player = under_way("TRIAL").answer(new=restless[1], old=restless[0], is_paired=False)
    assert alone == {
        finding.gate: finding.text for finding in player.state.watch.findings or player.deployment.findings
    }


@pytest.mark.parametrize(("decision", "end"), [("commit", "COMMITTED"), ("roll_back", "ROLLED_BACK")])
def test_where_nobody_can_tell_the_policy_decides_when_the_trial_is_over(decision: str, end: str) -> None:
    player = Player(settings=UpdateSettings(on_inconclusive=decision))  # type: ignore[arg-type]
    player.wish().go_to("TRIAL").answer(old=None)
    assert player.deployment.step == "TRIAL"
    player.wait(LIMITS_S["TRIAL"][1]).finish()
    assert player.deployment.state == end
    assert player.state.bad.find("new") is None


def test_a_trial_that_measures_nothing_is_rolled_back_whatever_the_policy() -> None:
    player = Player(settings=UpdateSettings(on_inconclusive="commit")).wish().go_to("TRIAL")
    assert player.wait(LIMITS_S["TRIAL"][1]).finish().deployment.state == "ROLLED_BACK"


@pytest.mark.parametrize("step", [step for step in WAY if step not in ("COMMIT", "CLEANUP")])
def test_what_is_newly_wished_for_takes_the_place_of_what_is_under_way(step: Step) -> None:
    player = under_way(step).wish("3", seq=2)
    assert (player.last[0], player.deployment.end) == (Stop(), "CANCELLED")
    player.answer()
    assert (player.deployment.release, player.deployment.step) == ("3", "REFRESH")
    assert player.state.history[-1].state == "CANCELLED"


@pytest.mark.parametrize("step", ["COMMIT", "CLEANUP"])
def test_what_is_all_but_done_is_done_before_the_next(step: Step) -> None:
    player = under_way(step).wish("3", seq=2)
    assert player.last == ()
    while player.deployment.release == "2":
        player.answer()
    assert player.state.history[-1].state == "COMMITTED"
    assert (player.deployment.release, player.deployment.step) == ("3", "REFRESH")


def test_an_older_wish_and_the_same_one_again_change_nothing() -> None:
    player = Player().wish("2", seq=5).go_to("FETCH")
    before = player.state
    assert player.wish("2", seq=5).wish("1", seq=4).state == before


@pytest.mark.parametrize("step", [step for step in WAY if step not in ("COMMIT", "CLEANUP")])
def test_an_operator_can_end_it_at_any_step(step: Step) -> None:
    player = under_way(step).take(Cancelled("an operator ended it")).finish()
    assert (player.deployment.state, player.deployment.reason) == ("CANCELLED", "an operator ended it")


@pytest.mark.parametrize("step", WAY)
def test_silence_ends_every_step(step: Step) -> None:
    player = under_way(step)
    for _ in range(2):
        player.wait(max(LIMITS_S[step]) + 1)
    assert player.deployment.is_over
    assert player.deployment.state == ("COMMITTED" if step == "CLEANUP" else player.deployment.end)


def test_bytes_that_come_keep_a_fetch_alive_but_not_for_ever() -> None:
    player = under_way("FETCH")
    stall_s, total_s = LIMITS_S["FETCH"]
    passed_s = 0.0
    while player.deployment.step == "FETCH":
        player.take(Progressed(player.state.seq, int(passed_s), 1 << 40)).wait(stall_s - 1)
        passed_s += stall_s - 1
    assert total_s <= passed_s < total_s + stall_s


def test_bytes_of_a_file_that_is_fetched_anew_keep_a_fetch_alive_too() -> None:
    player = under_way("FETCH")
    stall_s, _ = LIMITS_S["FETCH"]
    player.take(Progressed(player.state.seq, 90, 100)).wait(stall_s - 1)
    player.take(Progressed(player.state.seq, 10, 100)).wait(stall_s - 1)
    assert (player.deployment.step, player.state.watch.done_bytes) == ("FETCH", 10)


def test_a_helper_that_only_begins_again_does_not_keep_a_fetch_alive() -> None:
    player = under_way("FETCH")
    stall_s, _ = LIMITS_S["FETCH"]
    for _ in range(2):
        player.take(Progressed(player.state.seq, 90, 100)).wait(stall_s / 2)
    assert player.deployment.state == "CLEANUP"


def test_what_it_waits_for_is_told_as_it_is_now() -> None:
    player = under_way("REFRESH").fail("later").wait(AGAIN_S)
    player.take(Failed(player.state.seq, "the repository does not have release 2; publish it", "later"))
    assert player.deployment.reason == "the repository does not have release 2; publish it"


@pytest.mark.parametrize(("step", "fault"), [("FETCH", "later"), ("FETCH", "failed"), ("SELFTEST", "bad")])
def test_no_reason_is_longer_than_a_journal_and_a_report_bear(step: Step, fault: str) -> None:
    player = under_way(step)
    player.take(Failed(player.state.seq, "why " * 100_000, fault))  # type: ignore[arg-type]
    said = [player.deployment.reason, *(bad.reason for bad in player.state.bad.entries)]
    assert len(said) == 1 + (fault == "bad")
    assert all(0 < len(reason) < 1100 for reason in said)


def test_other_figures_in_the_same_words_are_neither_written_nor_told() -> None:
    player = under_way("FETCH")
    player.take(Failed(player.state.seq, "1000 of 2000 bytes came", "later")).wait(AGAIN_S)
    seq = player.state.seq
    player.take(Failed(seq, "1500 of 2000 bytes came", "later"))
    assert (player.state.seq, player.deployment.reason) == (seq, "1000 of 2000 bytes came")
    assert [action.step for action in player.wait(AGAIN_S).last if isinstance(action, Work)] == ["FETCH"]


def test_what_is_not_there_yet_is_asked_for_again() -> None:
    player = under_way("FETCH").fail("later")
    assert (player.last, player.deployment.step, player.deployment.reason) == ((), "FETCH", "it broke")
    assert player.wait(AGAIN_S - 1).last == ()
    assert [action.step for action in player.wait(1).last if isinstance(action, Work)] == ["FETCH"]


def test_a_release_that_is_here_waits_for_the_next_window_before_it_is_started() -> None:
    player = under_way("STAGE").fail("later")
    assert (player.deployment.step, player.deployment.reason) == ("STAGE", "it broke")
    assert player.wait(3 * 86400.0).deployment.step == "STAGE"
    assert player.finish().deployment.state == "COMMITTED"


@pytest.mark.parametrize("step", ["FETCH", "REBUILD", "VERIFY"])
def test_a_delta_that_fails_makes_way_for_full_files_once(step: Step) -> None:
    player = under_way(step).fail()
    assert (player.deployment.step, player.deployment.allows_deltas) == ("FETCH", False)
    assert player.go_to(step).fail().finish().deployment.state == "FAILED"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"band": "hot"}, "the board is too hot to measure anything"),
        ({"is_metered": True}, "the link is metered"),
        ({"is_window_open": False}, "the maintenance window is closed"),
        ({"knows_time": False}, "this unit does not know the time, and the maintenance window has one"),
        ({"is_flowing": False}, "no frames flow on which it could be tried"),
    ],
)
def test_it_waits_for_its_time_and_says_for_what(facts: dict[str, object], reason: str) -> None:
    player = under_way("PREFLIGHT").answer(**facts)
    assert (player.deployment.step, player.deployment.reason) == ("PREFLIGHT", f"waits: {reason}")
    assert player.wait(AGAIN_S).answer().deployment.step == "FETCH"


def test_nothing_to_fetch_needs_no_cheap_link() -> None:
    assert under_way("PREFLIGHT").answer(needed_bytes=0, is_metered=True).deployment.step == "FETCH"


def test_the_reserve_of_the_disk_is_not_taken() -> None:
    player = under_way("PREFLIGHT").answer(free_bytes=(UpdateSettings().reserve_mb + 9) * MB).finish()
    assert player.deployment.reason == "it needs 10 MB of the disk, 9 MB can be had (256 MB stay free); make room"


def test_a_release_for_other_boards_is_refused() -> None:
    assert under_way("PREFLIGHT").answer(misfit="it is for others").finish().deployment.state == "REJECTED"


@pytest.mark.parametrize(("step", "after"), [("FETCH", "FETCH"), ("SELFTEST", "VERIFY"), ("COMMIT", "COMMIT")])
def test_a_restart_goes_on_where_it_is_safe(step: Step, after: Step) -> None:
    assert under_way(step).take(Started()).deployment.step == after


def test_a_release_during_whose_starts_the_device_goes_down_is_given_up() -> None:
    player = under_way("SELFTEST")
    for _ in range(STARTS):
        player.take(Started()).go_to("CLEANUP" if player.deployment.starts_left == 0 else "SELFTEST")
    player.finish()
    assert player.deployment.state == "ROLLED_BACK"
    assert player.state.bad.find("new") is not None


def test_what_passed_its_check_is_not_checked_again_after_a_restart() -> None:
    player = under_way("TRIAL").take(Started())
    player.steps.clear()
    assert player.go_to("TRIAL").steps == ["STAGE", "TRIAL"]


@pytest.mark.parametrize("step", [step for step in WAY if step != "CLEANUP"])
def test_an_answer_to_what_was_asked_before_changes_nothing(step: Step) -> None:
    player = under_way(step)
    stale = good_answer(step, player.state.seq)
    player.take(Started())
    before = player.state
    assert player.take(stale).state == before


@pytest.mark.parametrize(("step", "end"), [("FETCH", "FAILED"), ("TRIAL", "ROLLED_BACK"), ("CLEANUP", "COMMITTED")])
def test_a_disk_that_takes_nothing_ends_it_at_once(step: Step, end: str) -> None:
    player = under_way(step).take(DiskFailed("read-only"))
    assert (player.deployment.state, player.last) == (end, (Stop(),))


# What holds whatever happens.

EVENTS = st.one_of(
    st.builds(lambda release, seq: ("wish", release, seq), st.sampled_from("234"), st.integers(1, 6)),
    st.sampled_from(
        ["good", "same", "slow", "crash", "later", "failed", "rejected", "bad", "started", "cancel", "disk", "cut"]
    ),
    st.builds(lambda s: ("tick", s), st.sampled_from([1.0, 61.0, 1000.0, 30_000.0])),
)


def play(player: Player, event: object) -> None:
    """Let one thing happen; where there is nothing to answer, the answer is a stale one."""
    seq = player.state.seq
    match event:
        case ("wish", release, number):
            player.wish(release, number)
        case ("tick", seconds):
            player.wait(seconds)
        case "started":
            player.take(Started())
        case "disk":
            player.take(DiskFailed("no space"))
        case "cancel":
            player.take(Cancelled("no more"))
        case "later" | "failed" | "rejected" | "bad":
            player.fail(event)
        case "crash":
            player.take(Crashed(seq, "SIGSEGV"))
        case "cut":
            player.take(Interrupted(seq))
        case "slow":
            player.take(Measured(seq, figures(26.0), figures(20.0)))
        case "good" | "same" if player.state.deployment is not None:
            answer = good_answer(player.deployment.step, seq)
            counter = {"2": 2, "3": 3, "4": 4}[player.deployment.release]
            if isinstance(answer, Resolved):
                answer = msgspec.structs.replace(
                    answer, counter=counter, content="old" if event == "same" else f"c{counter}"
                )
            player.take(answer)


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=60))
def test_whatever_happens_it_ends_within_bounds_and_the_newest_wish_wins(events: list[object]) -> None:
    player = Player()
    for event in events:
        before = player.state.seq
        play(player, event)
        assert player.state.seq >= before
    newest = max((event[2] for event in events if isinstance(event, tuple) and event[0] == "wish"), default=None)
    for _ in range(4 * len(WAY)):  # silence
        player.wait(8 * 86400.0)
    if newest is not None:
        assert player.deployment.is_over
        assert player.deployment.id == f"d{newest}"
        assert all(past.transitions <= 2 * MOST_TRANSITIONS + 2 for past in (*player.state.history, player.deployment))


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=60))
def test_what_was_found_bad_is_never_started_again(events: list[object]) -> None:
    player = Player()
    for event in events:
        bad = {entry.content for entry in player.state.bad.entries}
        seen = len(player.steps)
        play(player, event)
        if {"SELFTEST", "TRIAL", "COMMIT"} & set(player.steps[seen:]):
            assert player.deployment.content not in bad


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["started", "good", ("tick", 61.0)]), max_size=30))
def test_the_same_content_under_another_number_is_always_committed(events: list[object]) -> None:
    player = Player().wish().go_to("RESOLVE").answer(content="old")
    for event in events:
        if not player.deployment.is_over:
            play(player, event)
    assert player.deployment.is_over or player.finish()
    assert player.deployment.state == "COMMITTED"


def test_a_device_that_restarts_for_ever_gives_up() -> None:
    player = under_way("FETCH")
    for _ in range(MOST_TRANSITIONS):
        player.take(Started())
    player.finish()
    assert (player.deployment.state, player.deployment.reason) == ("FAILED", "FETCH was interrupted too often")


@pytest.mark.parametrize(("step", "end"), [("COMMIT", "FAILED"), ("CLEANUP", "COMMITTED")])
def test_a_device_that_goes_down_at_the_last_steps_comes_to_an_end(step: Step, end: str) -> None:
    player = under_way(step)
    for _ in range(3 * MOST_TRANSITIONS):
        player.take(Started())
    assert player.deployment.state == end


def test_what_is_kept_fits_a_journal_and_comes_back() -> None:
    state = under_way("TRIAL").answer(new=figures(26.0)).finish().state
    assert msgspec.json.decode(msgspec.json.encode(state), type=InstallState) == state
