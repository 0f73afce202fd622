from pathlib import Path

import pytest
from fakes.interpreter import write_interpreter
from fakes.planned import add_fake_variant, make_host, make_manifest, make_profile, make_release

from edgefuse.config.host import Host
from edgefuse.config.profile import RuntimeRule
from edgefuse.planning.plan import plan
from edgefuse.planning.tune import list_tunings, threads_to_try, tune
from edgefuse.store.release import Release
from edgefuse.store.state import load_state
from edgefuse.store.store import Store

HOST = make_host("fake", cores=2)
PROFILE = make_profile("fake")


def release_of(store: Store, promise: float = 1.0) -> Release:
    finder = make_manifest("finder", "detect_faces", add_fake_variant(store, "a", promise=promise))
    return make_release(finder, make_manifest("mesh", "track_faces", add_fake_variant(store, "mesh", 192)))


@pytest.mark.parametrize(("cores", "threads"), [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))])
def test_threads_double_up_to_all_cores(cores: int, threads: tuple[int, ...]) -> None:
    assert threads_to_try(RuntimeRule(id="fake"), make_host("fake", cores=cores)) == threads


def test_an_accelerator_is_measured_once() -> None:
    assert threads_to_try(RuntimeRule(id="fake", target="gpu"), make_host("fake", cores=8)) == (4,)


def test_every_candidate_with_every_number_of_threads_is_listed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    tunings = list_tunings(PROFILE, release_of(store), HOST, store, is_quick=False)
    assert [(t.candidate.variant.id, t.setup.threads) for t in tunings] == [
        ("a", 1),
        ("a", 2),
        ("mesh", 1),
        ("mesh", 2),
    ]


def test_quick_measures_the_threads_that_a_plan_would_take(tmp_path: Path) -> None:
    store = Store(tmp_path)
    tunings = list_tunings(PROFILE, release_of(store), HOST, store, is_quick=True)
    assert [(t.candidate.variant.id, t.setup.threads) for t in tunings] == [("a", 1), ("mesh", 1)]


def test_what_is_not_in_the_store_or_cannot_run_is_left_out(tmp_path: Path) -> None:
    store, elsewhere = Store(tmp_path / "here"), Store(tmp_path / "there")
    release = release_of(elsewhere)
    assert list_tunings(PROFILE, release, HOST, store, is_quick=True) == []
    assert list_tunings(PROFILE, release, Host(arch="x86_64"), elsewhere, is_quick=True) == []


def test_what_was_measured_is_kept_and_the_plan_says_so(tmp_path: Path) -> None:
    store, state_path = Store(tmp_path), tmp_path / "state.json"
    release = release_of(store)
    tunings = list_tunings(PROFILE, release, HOST, store, is_quick=True)
    results = [trial for _, trial in tune(tunings, store, state_path, None, is_quick=True)]
    made = plan(PROFILE, release, HOST, load_state(state_path))
    assert [choice.basis for choice in made.choices] == ["measured", "measured"]
    assert [choice.p50_ms for choice in made.choices] == [trial.p50_ms for trial in results]


def test_what_was_measured_before_an_interruption_is_kept(tmp_path: Path) -> None:
    store, state_path = Store(tmp_path), tmp_path / "state.json"
    tunings = list_tunings(PROFILE, release_of(store), HOST, store, is_quick=True)
    running = tune(tunings, store, state_path, None, is_quick=True)
    next(running)
    running.close()
    assert len(load_state(state_path).measurements) == 1


def test_a_model_that_fails_is_recorded_and_tried_again_by_the_next_tuning(tmp_path: Path) -> None:
    store, state_path = Store(tmp_path), tmp_path / "state.json"
    release = release_of(store, promise=3.0)
    tunings = list_tunings(PROFILE, release, HOST, store, is_quick=True)[:1]
    (((_, trial)),) = tune(tunings, store, state_path, None, is_quick=True)
    assert load_state(state_path).failure(tunings[0].setup) == trial.failure != ""
    assert list_tunings(PROFILE, release, HOST, store, is_quick=True)[:1][0].setup == tunings[0].setup


def test_a_crash_is_a_result_like_any_other(tmp_path: Path) -> None:
    store, state_path = Store(tmp_path), tmp_path / "state.json"
    tunings = list_tunings(PROFILE, release_of(store), HOST, store, is_quick=True)
    deadly = write_interpreter(tmp_path / "python", "kill -SEGV $$")
    failures = [trial.failure for _, trial in tune(tunings, store, state_path, deadly, is_quick=True)]
    assert failures == ["it crashed with SIGSEGV"] * 2
