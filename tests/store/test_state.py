import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

import edgefuse
from edgefuse.errors import StoreError
from edgefuse.store.state import (
    HISTORY_LENGTH,
    GoldenCheck,
    Measurement,
    Pin,
    Pins,
    PointChange,
    Setup,
    State,
    load_state,
    update_state,
)

AT = "2026-01-02T00:00:00Z"
SETUP = Setup("ab" * 32, 128, "tflite", "1", "cpu", 2)


def check(failure: str = "", threads: int = 2, version: str = edgefuse.__version__) -> GoldenCheck:
    setup = msgspec.structs.replace(SETUP, threads=threads)
    return GoldenCheck(setup=setup, failure=failure, edgefuse=version, checked_at="2026-01-01T00:00:00Z")


def measurement(p50_ms: float) -> Measurement:
    return Measurement(setup=SETUP, p50_ms=p50_ms, p95_ms=2.0, memory_mb=3, measured_at="2026-01-01T00:00:00Z")


def test_a_unit_that_has_learned_nothing_has_an_empty_state(tmp_path: Path) -> None:
    assert load_state(tmp_path / "state.json") == State()


def test_what_was_learned_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "new/state.json"
    written = update_state(path, lambda state: state.with_check(check()).with_measurement(measurement(1.5)))
    assert load_state(path) == written
    assert written.has_passed(SETUP)


def test_the_newest_result_of_a_setup_takes_the_place_of_the_older() -> None:
    state = State().with_check(check("all zero")).with_check(check()).with_measurement(measurement(1))
    state = state.with_measurement(measurement(2))
    assert (len(state.checks), state.failure(SETUP), [m.p50_ms for m in state.measurements]) == (1, "", [2])


def test_a_failure_is_not_a_pass_and_unknown_is_neither() -> None:
    state = State().with_check(check("all zero"))
    assert (state.failure(SETUP), state.has_passed(SETUP)) == ("all zero", False)
    assert (State().failure(SETUP), State().has_passed(SETUP)) == ("", False)


@pytest.mark.parametrize("version", ["0.0.9", ""], ids=["another", "not noted"])
def test_what_another_edgefuse_saw_fail_is_unknown_and_what_it_saw_pass_is_not(version: str) -> None:
    failed = State().with_check(check("all zero", version=version))
    assert (failed.failure(SETUP), failed.has_passed(SETUP)) == ("", False)
    assert State().with_check(check(version=version)).has_passed(SETUP)


@pytest.mark.parametrize(
    "content", [b"{", b"", b'{"v":1,"checks":3}', b'{"v":1,"checks":["\xff"]}', b'{"v":1,"x":' + b"[" * 99_999]
)
def test_a_broken_file_is_moved_aside_with_a_warning(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert load_state(path) == State()
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == content
    assert kept.name in caplog.text


def test_unknown_keys_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"v": 1, "pins": {}, "checks": [], "measurements": []}')
    assert load_state(path) == State()


def test_the_state_of_a_newer_edgefuse_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"v": 2}')
    with pytest.raises(StoreError, match="update edgefuse"):
        load_state(path)
    assert path.read_text() == '{"v": 2}'


def test_results_that_arrive_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: update_state(path, lambda s: s.with_check(check(threads=i))), range(16)))
    assert sorted(c.setup.threads for c in load_state(path).checks) == list(range(16))


def test_crashes_of_a_setup_are_counted() -> None:
    other = msgspec.structs.replace(SETUP, version="2")
    state = State().with_crash(SETUP, "hang", "2026-01-01T00:00:00Z").with_crash(SETUP, "SIGSEGV", AT)
    crash = state.crash(SETUP)
    assert crash is not None
    assert (crash.count, crash.how, crash.crashed_at) == (2, "SIGSEGV", AT)
    assert state.crash(other) is None


def test_crashes_that_another_edgefuse_saw_are_forgotten() -> None:
    state = State().with_crash(SETUP, "SIGSEGV", AT)
    (crash,) = state.crashes
    other = State(crashes=(msgspec.structs.replace(crash, edgefuse="0.0.9", count=7),))
    assert other.crash(SETUP) is None
    assert other.with_crash(SETUP, "SIGSEGV", AT) == state


def test_pins_are_there_the_next_time(tmp_path: Path) -> None:
    pins = Pins(point=Pin(2, AT), is_paused=Pin(True, AT))
    update_state(tmp_path / "state.json", lambda state: state.with_pins(pins))
    assert load_state(tmp_path / "state.json").pins == pins


def test_the_history_of_points_forgets_its_oldest(tmp_path: Path) -> None:
    changes = [PointChange(point=i, reason="hot", at=AT) for i in range(HISTORY_LENGTH + 1)]
    update_state(tmp_path / "state.json", lambda state: state.with_history(changes))
    assert load_state(tmp_path / "state.json").history == tuple(changes[1:])


def test_what_the_governor_learned_comes_back_as_it_was(tmp_path: Path) -> None:
    update_state(tmp_path / "state.json", lambda state: state.with_learned(msgspec.Raw(b'{"rise_k": 12}')))
    assert msgspec.json.decode(load_state(tmp_path / "state.json").learned) == {"rise_k": 12}
