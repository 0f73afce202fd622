"""Changes of a supervisor that runs as a process: files, pins and pauses, over a worker that is a process too."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from fakes.supervisor import Running, kinds, write_site

from edgefuse.config.site import site_path
from edgefuse.store.state import load_state, state_path
from edgefuse.supervisor.control import Done, Refused, SetPaused, SetPin

Supervise = Callable[..., Running]


def test_a_missing_configuration_is_told_and_can_be_mended(supervise: Supervise) -> None:
    running = supervise(None)
    status = running.wait(lambda s: s.service.state == "FATAL")
    assert "edgefuse.yaml" in status.service.reason
    write_site("well")
    running.signal(signal.SIGHUP)
    running.wait_for_frames()


def test_the_state_says_what_is_wrong_with_the_file_by_now(supervise: Supervise) -> None:
    running = supervise(None)
    running.wait(lambda s: "no such file" in s.service.reason)
    site_path().parent.mkdir(parents=True, exist_ok=True)
    site_path().write_text("source: well\nsinc: null\n")
    running.signal(signal.SIGHUP)
    running.wait(lambda s: "did you mean `sink`?" in s.service.reason)


def test_a_broken_configuration_is_refused_and_the_old_one_goes_on(supervise: Supervise) -> None:
    running = supervise()
    before = running.wait_for_frames().service.pid
    site_path().write_text("source: well\nsinc: null\n")
    running.signal(signal.SIGHUP)
    status = running.wait(lambda s: "configuration_refused" in kinds(s))
    assert "did you mean `sink`?" in status.events[-1].text
    assert (status.service.pid, status.service.state) == (before, "RUNNING")


def test_settings_that_the_worker_would_not_take_are_refused(supervise: Supervise) -> None:
    running = supervise()
    before = running.wait_for_frames().service.pid
    write_site("broken")
    running.signal(signal.SIGHUP)
    status = running.wait(lambda s: "configuration_refused" in kinds(s))
    assert status.events[-1].text == "cannot load source 'broken': there is none"
    assert status.service.pid == before


def test_another_effect_needs_no_restart_and_another_source_does(supervise: Supervise) -> None:
    running = supervise()
    before = running.wait_for_frames().service.pid
    write_site("well", effect="none")
    running.signal(signal.SIGHUP)
    status = running.wait(lambda s: s.heartbeat and s.heartbeat.effect == "none")
    assert status.service.pid == before and status.settings["effect"].origin == "site"
    write_site("waiting", effect="none")
    running.signal(signal.SIGHUP)
    status = running.wait(lambda s: s.service.reason.startswith("waits for the source"))
    assert status.service.pid != before


def test_pins_win_and_outlive_the_supervisor(supervise: Supervise) -> None:
    running = supervise()
    running.wait_for_frames()
    assert running.ask(SetPin(setting="point", value="2")) == Done()
    assert running.ask(SetPin(setting="effect", value="none")) == Done()
    running.wait(lambda s: s.heartbeat and (s.heartbeat.point, s.heartbeat.effect) == (2, "none"))
    assert running.stop() == 0
    status = supervise().wait(lambda s: s.heartbeat and (s.heartbeat.point, s.heartbeat.effect) == (2, "none"))
    assert {name: status.settings[name].origin for name in ("point", "effect")} == {"point": "pin", "effect": "pin"}


def test_a_pin_that_is_taken_away_gives_way(supervise: Supervise) -> None:
    running = supervise()
    running.wait_for_frames()
    for value in ("none", ""):
        assert running.ask(SetPin(setting="effect", value=value)) == Done()
    status = running.wait(lambda s: s.heartbeat and s.heartbeat.effect == "anonymise")
    assert status.settings["effect"].origin == "default"


def test_pins_that_do_not_fit_are_refused(supervise: Supervise) -> None:
    running = supervise()
    running.wait_for_frames()
    for request in (
        SetPin(setting="point", value="9"),
        SetPin(setting="point", value="best"),
        SetPin(setting="effect", value="sepia"),
        SetPin(setting="face", value="/no/face"),
    ):
        assert isinstance(running.ask(request), Refused)
    assert running.ask(SetPin(setting="effect", value="fuse_mesh")) == Done()
    assert running.ask(SetPin(setting="face", value="/no/face")) == Refused("cannot find a face")


def test_an_effect_that_takes_a_new_worker_is_taken(supervise: Supervise) -> None:
    running = supervise("full")
    before = running.wait_for_frames().service.pid
    assert running.ask(SetPin(setting="effect", value="none")) == Done()
    status = running.status()
    assert status.heartbeat and status.heartbeat.effect == "none" and status.service.pid != before


def test_an_effect_that_no_new_worker_can_open_gives_way_to_what_ran_before(supervise: Supervise) -> None:
    running = supervise("full")
    running.wait_for_frames()
    reply = running.ask(SetPin(setting="effect", value="fuse_mesh"))
    assert reply == Refused("cannot find a model for 'make_person'; what ran before is started again")
    status = running.wait_for_frames()
    assert status.heartbeat and status.heartbeat.effect == "anonymise"
    assert status.settings["effect"].origin == "default" and "gone_back" in kinds(status)


def test_a_source_that_no_new_worker_can_open_gives_way_to_what_ran_before(supervise: Supervise) -> None:
    running = supervise()
    running.wait_for_frames()
    write_site("refuse")
    running.signal(signal.SIGHUP)
    running.wait(lambda s: "configuration_refused" in kinds(s))
    assert running.wait_for_frames().settings["source"].value == "well"


def test_paused_is_healthy_and_kept(supervise: Supervise) -> None:
    running = supervise()
    running.wait_for_frames()
    assert running.ask(SetPaused(is_paused=True)) == Done()
    running.wait(lambda s: s.service.reason == "paused")
    running.kill_worker(signal.SIGKILL)
    running.wait(lambda s: s.service.restarts == 1 and s.service.reason == "paused")
    assert running.ask(SetPaused(is_paused=False)) == Done()
    running.wait(lambda s: s.service.state == "RUNNING" and s.service.reason == "")


def test_who_pauses_or_stops_a_unit_does_not_wait_for_the_end_of_a_trial(supervise: Supervise) -> None:
    running = supervise()
    before = running.wait_for_frames().service.pid
    write_site("mute")  # takes half a minute to be given up
    running.signal(signal.SIGHUP)
    status = running.wait(lambda s: s.service.state == "STARTING" and s.service.pid not in (None, before))
    assert status.service.reason.startswith("plans what to run")
    start_s = time.monotonic()
    assert running.ask(SetPaused(is_paused=True)) == Done()
    assert running.stop() == 0
    assert time.monotonic() - start_s < 10
    assert load_state(state_path()).pins.is_paused is not None
