"""What shall run, while several want to have their way at the same time."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from fakes.supervisor import write_site

from edgefuse import ipc
from edgefuse.config.profile import Trip
from edgefuse.config.site import Site, site_path
from edgefuse.errors import StoreError
from edgefuse.store.board_settings import BoardSettings
from edgefuse.store.release import Release, make_current, save_release
from edgefuse.store.state import Setup, load_state, state_path
from edgefuse.store.store import open_store
from edgefuse.supervisor.attempt import NoAnswerError
from edgefuse.supervisor.control import Done, Refused, SetPaused, SetPin, TakeSnapshot
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.notebook import Notebook
from edgefuse.supervisor.service import Service
from edgefuse.supervisor.steering import Steering

SETUP = Setup("ab" * 32, 128, "tflite", "2.16", "cpu", 1)


class Worker:
    """A worker that runs and obeys; while it is asked, something else happens."""

    is_open = True
    beat = None

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.service = Service(state="RUNNING")
        self.told: list[ipc.Message] = []
        self.restarts: list[str] = []
        self._meanwhile = meanwhile

    async def ask(self, make_message: Callable[[int], ipc.Message], limit_s: float = 0.0) -> ipc.Answer:
        """Take what it is asked for."""
        self._meanwhile()
        return ipc.Answer(id=1)

    def restart(self, reason: str) -> None:
        """Note why it is started anew."""
        self.restarts.append(reason)

    def wake(self) -> None:
        """Run already."""

    def tell(self, message: ipc.Message) -> None:
        """Note what it is told."""
        self.told.append(message)


async def well(python: str, site: Site) -> str:
    """Find nothing wrong."""
    return ""


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def steering(unit: None, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steering:
    """Steering of a board that can be heated, with a configuration that was read."""
    monkeypatch.setenv("EDGEFUSE_SYSTEM_ROOT", str(tmp_path))
    heat_to(tmp_path, 45)
    write_site("well")
    steering = Steering(journal, Notebook(state_path(), journal), well)
    steering.make_recipe()
    return steering


def heat_to(root: Path, temp_c: int) -> None:
    folder = root / "sys/class/thermal/thermal_zone0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "type").write_text("x86_pkg_temp\n")
    (folder / "temp").write_text(f"{1000 * temp_c}\n")


def test_a_trip_while_the_worker_goes_over_to_another_effect_is_not_undone(steering: Steering, tmp_path: Path) -> None:
    def overheat() -> None:
        heat_to(tmp_path, 95)
        steering.govern(worker, 1000.0)  # type: ignore[arg-type]  # a stand-in

    worker = Worker(overheat)
    write_site("well", effect="none", pin_point=1)
    asyncio.run(steering.reload(worker))  # type: ignore[arg-type]  # a stand-in
    assert steering.wanted is not None and steering.wanted.point == 4
    assert worker.told == [ipc.SetPoint(point=4)]


def test_the_loop_goes_on_while_a_configuration_is_read(steering: Steering) -> None:
    site_path().unlink()
    os.mkfifo(site_path())  # nothing can be read before somebody writes
    rescue = threading.Timer(20, site_path().write_text, ["source: late"])

    async def session() -> None:
        reading = asyncio.create_task(steering.reload(Worker()))  # type: ignore[arg-type]  # a stand-in
        await asyncio.sleep(0)
        assert rescue.is_alive(), "the loop stood still"
        await asyncio.to_thread(
            site_path().write_text, "source: well\nsink: 'null'\nprofile: fake-board\npin_point: 2\n"
        )
        await reading

    rescue.start()
    try:
        asyncio.run(session())
    finally:
        rescue.cancel()
    assert steering.wanted is not None and steering.wanted.point == 2


def test_a_missing_configuration_says_what_to_write(steering: Steering, journal: Journal) -> None:
    site_path().unlink()
    asyncio.run(steering.reload(Worker()))  # type: ignore[arg-type]  # a stand-in
    assert journal.newest()[-1].text.endswith("; write one with a source and a sink (docs/supervisor.md)")


def test_another_point_takes_a_message(steering: Steering, journal: Journal) -> None:
    worker = Worker()
    write_site("well", pin_point=3)
    asyncio.run(steering.reload(worker))  # type: ignore[arg-type]  # a stand-in
    assert worker.told == [ipc.SetPoint(point=3)]
    changed, read = journal.newest()[-2:]
    assert (changed.kind, read.kind) == ("point_changed", "configuration_read")
    assert changed.text == "point 3: pinned in the site configuration"


def keep_release(release_id: str, **board: object) -> None:
    """Put a release with settings for the board into the store."""
    boards = {"fake-board": BoardSettings(**board)} if board else msgspec.UNSET  # type: ignore[arg-type]
    save_release(open_store(), Release(id=release_id, counter=1, manifests=(), boards=boards))


def test_points_and_limits_are_those_of_the_release_that_the_next_worker_runs(steering: Steering) -> None:
    assert steering.unit is not None
    kind = steering.unit.kind
    lower = Trip(zone=kind.trips[0].zone, enter_c=50, exit_c=45)
    fitted = msgspec.structs.replace(kind, ladder=kind.ladder[:2], trips=(lower, *kind.trips[1:]))
    keep_release("tried", ladder=kind.ladder[:2], trips=(lower,))
    keep_release("live")
    make_current(open_store(), "live")
    own_heat = steering.heat
    steering.trying = "tried"
    assert steering.make_recipe().start.release == "tried"
    assert steering.unit.profile == fitted
    assert steering.heat is not own_heat
    steering.make_recipe()  # nothing is tried any more
    assert steering.unit.profile == kind
    make_current(open_store(), "tried")
    steering.make_recipe()
    assert steering.unit.profile == fitted


def test_point_is_one_that_the_release_has_and_stays_so_when_the_configuration_is_read(
    steering: Steering, journal: Journal
) -> None:
    assert steering.unit is not None
    write_site("well", pin_point=3)
    asyncio.run(steering.reload(Worker()))  # type: ignore[arg-type]  # a stand-in
    keep_release("short", ladder=steering.unit.kind.ladder[:2])
    steering.trying = "short"
    assert steering.make_recipe().start.point == 1
    asyncio.run(steering.reload(Worker()))  # type: ignore[arg-type]  # a stand-in
    assert "pin_point: expected 0 to 1" in journal.newest()[-1].text
    write_site("well", pin_point=0)
    asyncio.run(steering.reload(Worker()))  # type: ignore[arg-type]  # a stand-in
    assert len(steering.unit.profile.ladder) == 2


def test_release_that_is_not_here_starts_no_worker(steering: Steering) -> None:
    steering.trying = "gone"
    with pytest.raises(StoreError, match=r"cannot read .*releases/gone\.json"):
        steering.make_recipe()
    assert steering.make_recipe().start.release is None


def test_release_that_comes_while_the_worker_is_asked_keeps_its_points(steering: Steering) -> None:
    assert steering.unit is not None
    keep_release("short", ladder=steering.unit.kind.ladder[:2])

    def start_another() -> None:
        steering.trying = "short"
        steering.make_recipe()

    write_site("well", effect="none")
    asyncio.run(steering.reload(Worker(start_another)))  # type: ignore[arg-type]  # a stand-in
    assert len(steering.unit.profile.ladder) == 2


def test_events_say_in_plain_words_who_did_what(steering: Steering, journal: Journal) -> None:
    requests = (SetPaused(is_paused=True), SetPin(setting="point", value="2"), SetPin(setting="point", value=""))
    for request in requests:
        asyncio.run(steering.perform(request, Worker()))  # type: ignore[arg-type]  # a stand-in
    assert [event.text for event in journal.newest()] == [
        "paused by an operator",
        "point 2: pinned by an operator",
        "point pinned to 2",
        "point 0: the governor chooses again",
        "point no longer pinned",
    ]


def test_a_point_that_the_ladder_does_not_have_is_refused(steering: Steering, journal: Journal) -> None:
    worker = Worker()
    write_site("well", effect="none", pin_point=9)
    asyncio.run(steering.reload(worker))  # type: ignore[arg-type]  # a stand-in
    assert worker.told == [] and steering.wanted is not None and steering.wanted.point == 0
    refused = journal.newest()[-1]
    assert refused.kind == "configuration_refused" and "pin_point: expected 0 to 4" in refused.text


class FullWorker(Worker):
    """A worker that has no room for another effect beside its own."""

    async def ask(self, make_message: Callable[[int], ipc.Message], limit_s: float = 0.0) -> ipc.Answer:
        """Ask for a new worker."""
        return ipc.Answer(id=1, error="both need 900 MB more together", needs_restart=True)

    async def settled(self, limit_s: float) -> str:
        """Come to run, after a while."""
        self._meanwhile()
        return ""


def test_a_new_worker_gets_what_it_is_started_for_while_the_governor_goes_on(steering: Steering) -> None:
    started_with: list[str] = []

    def start_late() -> None:
        steering.govern(worker, 1000.0)  # type: ignore[arg-type]  # a stand-in
        started_with.append(steering.make_recipe().start.effect)

    worker = FullWorker(start_late)
    reply = asyncio.run(steering.perform(SetPin(setting="effect", value="none"), worker))  # type: ignore[arg-type]
    assert (reply, started_with) == (Done(), ["none"])


class SlowWorker(FullWorker):
    """A worker whose successor takes long to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.is_tried, self.may_fail = asyncio.Event(), asyncio.Event()

    async def settled(self, limit_s: float) -> str:
        """Fail when that may be."""
        self.is_tried.set()
        await self.may_fail.wait()
        return "it hangs"


def test_a_pause_waits_for_no_other_change_and_outlives_it(steering: Steering) -> None:
    async def session() -> None:
        worker = SlowWorker()
        trial = asyncio.create_task(steering.perform(SetPin(setting="effect", value="none"), worker))  # type: ignore[arg-type]
        await worker.is_tried.wait()
        assert await steering.perform(SetPaused(is_paused=True), worker) == Done()  # type: ignore[arg-type]  # a stand-in
        assert not trial.done() and worker.told == [ipc.Pause()]
        started = steering.make_recipe().start
        assert (started.effect, started.is_paused) == ("none", True)
        worker.may_fail.set()
        assert isinstance(await trial, Refused)

    asyncio.run(session())
    started = steering.make_recipe().start
    assert (started.effect, started.is_paused) == ("anonymise", True)
    kept = load_state(state_path()).pins
    assert kept.effect is None and kept.is_paused is not None


def test_what_a_worker_ran_that_dies_meanwhile_is_gone_back_to_all_the_same(
    steering: Steering, journal: Journal
) -> None:
    worker = SlowWorker()
    worker.may_fail.set()

    async def die(python: str, site: Site) -> str:
        worker.is_open = False
        return ""

    steering = Steering(journal, Notebook(state_path(), journal), die)
    steering.make_recipe()
    write_site("elsewhere")
    asyncio.run(steering.reload(worker))  # type: ignore[arg-type]  # a stand-in
    assert steering.wanted is not None and steering.wanted.site.source == "well"
    assert len(worker.restarts) == 2


def test_a_unit_without_a_configuration_can_be_paused(steering: Steering, journal: Journal) -> None:
    site_path().unlink()
    fresh = Steering(journal, Notebook(state_path(), journal), well)
    assert asyncio.run(fresh.perform(SetPaused(is_paused=True), Worker())) == Done()  # type: ignore[arg-type]  # a stand-in
    write_site("well")
    assert fresh.make_recipe().start.is_paused


def test_a_trial_that_the_supervisors_end_cuts_short_starts_nothing(steering: Steering, journal: Journal) -> None:
    worker = SlowWorker()
    worker.may_fail.set()
    worker.service = Service(state="STOPPED")
    reply = asyncio.run(steering.perform(SetPin(setting="effect", value="none"), worker))  # type: ignore[arg-type]
    assert reply == Refused("cannot try it out: the supervisor ends")
    assert len(worker.restarts) == 1 and journal.newest() == ()  # only for the trial
    assert load_state(state_path()).pins.effect is None


def test_nobody_believes_in_an_effect_that_the_worker_may_not_have(steering: Steering) -> None:
    def stay_silent() -> None:
        raise NoAnswerError("cannot ask the worker: no answer within 15 s; ask again")

    worker = Worker(stay_silent)
    reply = asyncio.run(steering.perform(SetPin(setting="effect", value="none"), worker))  # type: ignore[arg-type]
    assert isinstance(reply, Refused) and "no answer" in reply.reason
    assert steering.wanted is not None and steering.wanted.make_start().effect == "anonymise"
    assert len(worker.restarts) == 1  # it may take the effect yet, and would deliver clear faces


def test_a_new_worker_learns_of_crashes_that_no_disk_remembers(steering: Steering, journal: Journal) -> None:
    state_path().mkdir(parents=True)
    notebook = Notebook(state_path(), journal)
    asyncio.run(notebook.keep_crash([SETUP], "SIGSEGV"))
    recipe = Steering(journal, notebook, well).make_recipe()
    assert [crash.setup for crash in recipe.start.crashes or ()] == [SETUP]


def test_a_picture_of_nothing_is_refused_at_once_with_the_reason(steering: Steering) -> None:
    worker = Worker()
    worker.service = Service(state="RUNNING", reason="waits for the source")
    reply = asyncio.run(steering.perform(TakeSnapshot(path="/run/now.png"), worker))  # type: ignore[arg-type]
    assert isinstance(reply, Refused) and "(waits for the source)" in reply.reason


def test_a_picture_of_a_unit_that_was_just_paused_is_refused_at_once(steering: Steering) -> None:
    asyncio.run(steering.perform(SetPaused(is_paused=True), Worker()))  # type: ignore[arg-type]  # a stand-in
    reply = asyncio.run(steering.perform(TakeSnapshot(path="/run/now.png"), Worker()))  # type: ignore[arg-type]
    assert isinstance(reply, Refused) and "(paused)" in reply.reason  # before the worker has said so
