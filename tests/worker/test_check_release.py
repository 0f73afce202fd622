"""The check of a release, as the supervisor has it done: real processes, real models, and models that do harm."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import yaml
from fakes.planned import add_fake_variant, make_host, make_manifest, make_profile

from edgefuse.config.manifest import ModelFile, Source, Variant
from edgefuse.config.profile import Match
from edgefuse.ota.checked import MAX_REPORT_BYTES, CheckReport, check_command, read_report
from edgefuse.store.release import Release, encode_release, load_release, make_current, save_release
from edgefuse.store.state import load_state, state_path
from edgefuse.store.store import Store, open_store
from edgefuse.store.terms import Constraints

CHECKOUT = Path(__file__).parents[2]
LIMIT_S = 60.0
MEMORY_MB = 400


def add_profile(root: Path, *runtimes: str, parse_every: int | None = None) -> None:
    """Let this machine be a board of its own kind."""
    profile = make_profile(*runtimes, id="workbench", sample=make_host("tflite"), memory_mb=MEMORY_MB)
    (point,) = profile.ladder
    point = msgspec.structs.replace(point, parse_every=parse_every)
    profile = msgspec.structs.replace(profile, match=Match(arch=(platform.machine(),)), ladder=(point,))
    folder = root / "etc/edgefuse/devices.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "workbench.yaml").write_text(yaml.safe_dump(msgspec.to_builtins(profile)))


@pytest.fixture
def unit(root: Path) -> Store:
    """The store of a unit that runs a release of models for the fake runtime."""
    add_profile(root, "fake")
    store = open_store()
    save_release(store, release_of(store, add_fake_variant(store, "old"), "1"))
    make_current(store, "1")
    return store


def release_of(store: Store, finder: Variant, release_id: str = "2", **keys: object) -> Release:
    """Describe a release that finds faces by one variant and tracks them by a sound model."""
    mesh = make_manifest("mesh", "track_faces", add_fake_variant(store, "mesh", 192))
    manifests = (make_manifest("finder", "detect_faces", finder), mesh)
    return Release(id=release_id, counter=int(release_id), manifests=manifests, **keys)


def start_check(content: bytes, limit_s: float = LIMIT_S) -> tuple[subprocess.Popen[bytes], int]:
    """Begin to check a description, and give where the report will be."""
    path = state_path().parent / "description.json"
    path.write_bytes(content)
    report = os.memfd_create("report")
    command = check_command(sys.executable, path, report, profile="workbench", limit_s=limit_s)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(command, pass_fds=(report,), env=environment), report


def finish(check: subprocess.Popen[bytes], report: int) -> CheckReport:
    """Wait for the report."""
    code = check.wait(timeout=240)
    said = os.pread(report, MAX_REPORT_BYTES, 0)
    os.close(report)
    return read_report(said, f"exit code {code}")


def check(release: Release, limit_s: float = LIMIT_S) -> CheckReport:
    return finish(*start_check(encode_release(release), limit_s))


def test_a_sound_release_passes_with_its_figures_and_once_for_all(unit: Store) -> None:
    release = release_of(unit, add_fake_variant(unit, "new", run_ms=5, growth_kb=1000))
    report = check(release)
    assert (report.error, report.refused) == ("", ())
    finder, mesh = report.models
    assert (finder.task, finder.model, finder.variant, finder.runtime) == ("detect_faces", "finder", "new", "fake")
    assert finder.deviation == mesh.deviation == 0
    assert finder.run_ms >= 5
    assert 8 <= report.needs_mb < MEMORY_MB, "it has run eight times at least, and took a megabyte each"
    kept = load_state(state_path())
    assert [c.failure for c in kept.checks] == ["", ""]
    assert kept.measurements == (), "beside a worker, times are not those of the model alone"
    again = check(release)
    assert [model.deviation for model in again.models] == [None, None], "what has passed is not checked again"
    assert load_state(state_path()).checks == kept.checks


@pytest.mark.parametrize("parse_every", [None, 30])
def test_only_models_that_are_open_while_frames_come_are_counted(
    unit: Store, root: Path, parse_every: int | None
) -> None:
    add_profile(root, "fake", parse_every=parse_every)
    growing = add_fake_variant(unit, "parser", run_ms=40, growth_kb=10_000)  # eight runs at least
    release = release_of(unit, add_fake_variant(unit, "new"))
    parser = make_manifest("parser", "parse_faces", growing)
    release = msgspec.structs.replace(release, manifests=(*release.manifests, parser))
    running = msgspec.structs.replace(load_release(unit, "1"), id="3", manifests=release.manifests)
    save_release(unit, running)
    make_current(unit, "3")  # so that the parser is in use here
    report = check(release)
    assert report.error == ""
    assert [model.task for model in report.models] == ["detect_faces", "track_faces", "parse_faces"]
    assert (report.needs_mb >= 80) == (parse_every is not None)


@pytest.mark.parametrize(
    ("flaws", "reason"),
    [
        ({"promise": 3.0}, r"^finder new on fake cpu: cannot trust 'new' on fake: output score differs by 2"),
        ({"fault": {"is": "zeros"}}, r"^finder new on fake cpu: .* output score is all zero$"),
        ({"fault": {"is": "crash"}}, r"^finder new on fake cpu: it crashed with SIGSEGV$"),
        (
            {"fault": {"is": "crash", "after_runs": 5}},
            r"^the models of release 2 together: it crashed with SIGSEGV, while it was running finder$",
        ),
        ({"fault": {"is": "fail", "after_runs": 5}}, r"^the models of release 2 together: .* it fails after 5 runs$"),
        (
            {"growth_kb": 50_000},
            r"^the models of release 2 together: it took more than the 400 MB of memory that it may, while it was",
        ),
    ],
    ids=["wrong", "zeros", "crash", "crash later", "fail later", "growth"],
)
def test_a_model_that_does_harm_makes_the_release_bad(unit: Store, flaws: dict[str, object], reason: str) -> None:
    report = check(release_of(unit, add_fake_variant(unit, "new", **flaws)))
    assert report.fault == "bad"
    assert re.search(reason, report.error), report.error


@pytest.mark.parametrize("after_runs", [0, 5])
def test_a_model_that_hangs_makes_the_release_bad_after_its_time(unit: Store, after_runs: int) -> None:
    hanging = add_fake_variant(unit, "new", fault={"is": "hang", "after_runs": after_runs})
    report = check(release_of(unit, hanging), limit_s=1)
    assert report.fault == "bad"
    assert "it gave no answer within" in report.error


def test_a_setting_that_nobody_understands_makes_the_release_bad(unit: Store) -> None:
    settings = {"anonymise": {"metod": "blur"}}
    report = check(release_of(unit, add_fake_variant(unit, "new"), settings=settings))
    assert report.fault == "bad"
    assert "release 2: settings.anonymise.metod: unknown key" in report.error


def test_what_is_not_here_is_not_the_releases_fault(unit: Store) -> None:
    release = release_of(unit, add_fake_variant(unit, "new"))
    unit.remove(release.find("finder", "new").files[0].sha256)
    report = check(release)
    assert (report.fault, report.error) == (
        "failed", "cannot check release 2: 1 of its files are not in the store, such as new.json"
    )  # fmt: skip


def finder_file(store: Store, release: Release) -> Path:
    """Give the file that finds faces, to be damaged as by a failing disk."""
    path = store.path(release.find("finder", "new").files[0].sha256)
    path.chmod(0o644)
    return path


def test_a_broken_disk_is_not_the_releases_fault(unit: Store) -> None:
    release = release_of(unit, add_fake_variant(unit, "new"))
    path = finder_file(unit, release)
    path.write_bytes(path.read_bytes()[:40])
    report = check(release)
    assert report.fault == "failed"
    assert "its content in the store has changed" in report.error


def test_a_disk_that_breaks_after_a_model_has_passed_is_not_the_releases_fault(unit: Store) -> None:
    release = release_of(unit, add_fake_variant(unit, "new"))
    assert check(release).error == ""
    crashing = add_fake_variant(unit, "crashing", fault={"is": "crash"})
    finder_file(unit, release).write_bytes(unit.path(crashing.files[0].sha256).read_bytes())
    report = check(release)
    assert report.fault == "failed"
    assert "its content in the store has changed" in report.error


def test_a_result_that_cannot_be_kept_is_not_the_releases_fault(unit: Store) -> None:
    release = release_of(unit, add_fake_variant(unit, "new"))
    (state_path().parent / "state.lock").mkdir()  # so that nothing can be written, whoever runs the tests
    report = check(release)
    assert report.fault == "failed"
    assert "cannot write" in report.error


def test_a_release_for_other_boards_is_rejected(unit: Store) -> None:
    elsewhere = Constraints(profiles=("raspberry-pi-5",))
    report = check(release_of(unit, add_fake_variant(unit, "new"), constraints=elsewhere))
    assert report.fault == "rejected"
    assert "raspberry-pi-5" in report.error


def test_a_description_that_nobody_can_read_is_told(unit: Store) -> None:
    report = finish(*start_check(b"{"))
    assert report.fault == "failed"
    assert "cannot load" in report.error


def test_who_kills_the_child_from_outside_does_not_make_the_release_bad(unit: Store) -> None:
    hanging = add_fake_variant(unit, "new", fault={"is": "hang"})
    started, report = start_check(encode_release(release_of(unit, hanging)))
    os.kill(wait_for_child(started.pid, "edgefuse.planning.trial"), signal.SIGKILL)
    told = finish(started, report)
    assert (told.fault, told.error) == (
        "failed", "finder new on fake cpu: it was killed by SIGKILL, most likely because memory ran out"
    )  # fmt: skip
    assert load_state(state_path()).checks == (), "and says nothing of the model"


def test_nothing_of_a_check_goes_on_when_nobody_waits_for_it(unit: Store) -> None:
    started, report = start_check(encode_release(release_of(unit, add_fake_variant(unit, "new", fault={"is": "hang"}))))
    child = wait_for_child(started.pid, "edgefuse.planning.trial")
    wait_until(lambda: has_mapped(child, "_multiarray_umath"))  # so it has begun its work
    started.kill()
    assert finish(started, report).error == "the check ended without a report: exit code -9"
    wait_until(lambda: not is_alive(child))


def has_mapped(pid: int, name: str) -> bool:
    """Tell whether a process has loaded a library."""
    return name in Path(f"/proc/{pid}/maps").read_text()


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and not only waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what must become true."""
    end_s = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def wait_for_child(pid: int, word: str) -> int:
    """Give a child whose command has a word, once there is one."""
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                is_child = path.read_text().rpartition(")")[2].split()[1] == str(pid)
                if is_child and word in path.with_name("cmdline").read_text():
                    return int(path.parent.name)
            except OSError:
                continue
        time.sleep(0.02)
    raise AssertionError(f"process {pid} has started no {word}")


@pytest.fixture
def real_store(root: Path, store: Store) -> Store:
    """A unit of which nothing is known, with the store of real models."""
    state_path().parent.mkdir(parents=True)
    (state_path().parent / "store").symlink_to(store.root)
    return open_store()


def real_release(release: Release, *variants: tuple[str, str]) -> Release:
    """Describe a release of these variants of shipped models."""
    manifests = tuple(
        msgspec.structs.replace(release.manifest(model), variants=(release.find(model, variant),))
        for model, variant in variants
    )
    return Release(id="checked-in-a-test", counter=1, manifests=manifests)


@pytest.mark.parametrize(
    ("runtimes", "finder"),
    [
        (("openvino",), ("blazeface-short", "fp32-128-tflite")),
        (("onnxruntime", "tflite"), ("yunet", "fp32-640-onnx")),
    ],
)
def test_real_models_pass_within_the_limits(
    real_store: Store, release: Release, root: Path, runtimes: tuple[str, ...], finder: tuple[str, str]
) -> None:
    add_profile(root, *runtimes)
    report = check(real_release(release, finder, ("facemesh", "fp32-192-tflite")))
    assert (report.error, report.refused) == ("", ())
    assert [model.runtime for model in report.models] == [runtimes[0], runtimes[-1]]
    assert all(model.deviation is not None and model.run_ms > 0 for model in report.models)
    assert 1 <= report.needs_mb < MEMORY_MB


def test_a_real_model_that_was_published_by_half_is_bad(real_store: Store, release: Release, root: Path) -> None:
    add_profile(root, "tflite")
    found = real_release(release, ("blazeface-short", "fp32-128-tflite"), ("facemesh", "fp32-192-tflite"))
    content = real_store.path(found.find("blazeface-short", "fp32-128-tflite").files[0].sha256).read_bytes()
    half = content[: len(content) // 2]
    sha256 = hashlib.sha256(half).hexdigest()
    file = ModelFile(name="half.tflite", sha256=sha256, size_bytes=len(half), source=Source(file="/nowhere"))
    real_store.add([half], file)
    finder, mesh = found.manifests
    finder = msgspec.structs.replace(finder, variants=(msgspec.structs.replace(finder.variants[0], files=(file,)),))
    try:
        report = check(msgspec.structs.replace(found, manifests=(finder, mesh)))
    finally:
        real_store.remove(file.sha256)
    assert report.fault == "bad"
    assert report.error.startswith("blazeface-short fp32-128-tflite on tflite cpu: ")
