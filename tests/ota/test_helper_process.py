"""The install helper as a process: over each transport, killed, without memory, without a disk, left alone."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from fakes.helped_unit import DETECTOR, PATIENCE_S, HelpedUnit, HelperProcess
from fakes.mounts import READ_ONLY, mounted, needs_mounts
from fakes.web_server import Site as WebSite
from fakes.web_server import serving

from edgefuse.interpreter import module_command
from edgefuse.ota.chunks import MAX_CHUNK_BYTES
from edgefuse.ota.events import Done, Failed, Progressed
from edgefuse.ota.pace import MAX_WINDOW
from edgefuse.ota.parts import Part, parts_folder
from edgefuse.ota.staging import keep_offer

NEW = DETECTOR + b"and what it has learned since" * 200
LARGE_BYTES = 64 << 20
WINDOW_BYTES = MAX_WINDOW * MAX_CHUNK_BYTES
PEAK = """
import os, re, sys
from pathlib import Path
from edgefuse.ota.__main__ import main
main()
status = Path("/proc/self/status").read_text()
Path(os.environ["EDGEFUSE_ROOT"], "peak_kb").write_text(re.search(r"VmHWM:\\s+(\\d+)", status)[1])
Path(os.environ["EDGEFUSE_ROOT"], "modules").write_text(" ".join(sys.modules))
"""
"""Runs the helper, and leaves how much memory it held at most, and what it had loaded."""


@contextmanager
def served(unit: HelpedUnit) -> Iterator[WebSite]:
    """Put the repository onto a web server, and let the unit ask that."""
    published = unit.site.published
    with serving() as web:
        for path in published.rglob("*"):
            if path.is_file():
                web.files[f"/{path.relative_to(published)}"] = path.read_bytes()
        use(unit, repository=web.url)
        yield web


def use(unit: HelpedUnit, **settings: object) -> None:
    """Change the unit's settings."""
    unit.settings = msgspec.structs.replace(unit.settings, **settings)


def part_of(unit: HelpedUnit, release: str, counter: int, content: bytes) -> Part:
    """Publish a release with that detector, let it be on its way, and give the part that it will come in."""
    published = unit.publish(release, counter, content)
    keep_offer(unit.store, published, seq=1)
    return Part(parts_folder(unit.store), published.manifests[0].variants[0].files[0].sha256)


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)


@pytest.mark.parametrize("transport", ["folder", "web", "link"])
def test_a_release_comes_over_each_transport(unit: HelpedUnit, transport: str) -> None:
    two = unit.publish("two", 2, NEW)
    with served(unit) as web:
        use(unit, repository={"folder": str(unit.site.published), "web": web.url, "link": "link"}[transport])
        answers = [unit.do(step, "two") for step in ("REFRESH", "RESOLVE", "FETCH")]
    use(unit, repository="/nowhere")
    answers += [unit.do(step, "two") for step in ("REBUILD", "VERIFY")]
    assert [answer for answer in answers if isinstance(answer, Failed)] == []
    assert unit.has(two)


def test_over_the_web_a_killed_fetch_goes_on_where_it_was(unit: HelpedUnit) -> None:
    content = random.Random(1).randbytes(1_000_000)
    part = part_of(unit, "two", 2, content)
    with served(unit) as web:
        use(unit, limit_kb_per_s=500)
        helper = unit.start(unit.make_job("FETCH", "two"))
        wait_for(lambda: part.size_bytes > 200_000)
        helper.kill()
        here_bytes = part.size_bytes
        use(unit, limit_kb_per_s=None)
        assert unit.do("FETCH", "two") == Done(7)
        assert web.ranges[-1] == f"bytes={here_bytes}-"
    assert part.path.read_bytes() == content


def test_over_the_link_a_killed_fetch_asks_for_one_window_again_at_most(unit: HelpedUnit) -> None:
    part = part_of(unit, "two", 2, random.Random(1).randbytes(3 * WINDOW_BYTES))
    use(unit, repository="link")
    helper = unit.start(unit.make_job("FETCH", "two"))
    helper.most_requests = 2 * MAX_WINDOW + 10
    list(helper.listen())
    helper.kill()
    here_bytes = part.size_bytes
    assert 0 < max(_offsets(helper, part)) - here_bytes <= WINDOW_BYTES
    again = unit.start(unit.make_job("FETCH", "two"))
    assert again.finish() == Done(7)
    assert min(_offsets(again, part)) == here_bytes > 0


def _offsets(helper: HelperProcess, part: Part) -> list[int]:
    return [request.offset_bytes for request in helper.asked if request.place.endswith(part.sha256)]


def test_it_ends_when_the_supervisor_does_whatever_it_waits_for(unit: HelpedUnit) -> None:
    part = part_of(unit, "two", 2, random.Random(1).randbytes(200_000))
    use(unit, limit_kb_per_s=1)  # the first piece is paid for with a minute
    helper = unit.start(unit.make_job("FETCH", "two"))
    wait_for(lambda: part.size_bytes > 0)
    begin_s = time.monotonic()
    helper.end.close()
    assert helper.process.wait(PATIENCE_S) == 0
    assert time.monotonic() - begin_s < 30


def test_an_interrupt_from_the_supervisors_terminal_is_not_for_it(unit: HelpedUnit) -> None:
    part = part_of(unit, "two", 2, random.Random(1).randbytes(150_000))
    use(unit, limit_kb_per_s=100)
    helper = unit.start(unit.make_job("FETCH", "two"))
    wait_for(lambda: part.size_bytes > 0)
    helper.process.send_signal(signal.SIGINT)
    assert helper.finish() == Done(7)


def test_it_ends_when_the_supervisor_does_while_no_chunk_comes(unit: HelpedUnit) -> None:
    part_of(unit, "two", 2, NEW)
    use(unit, repository="link")
    helper = unit.start(unit.make_job("FETCH", "two"))
    helper.end.recv(1)  # it has asked
    helper.end.close()
    assert helper.process.wait(PATIENCE_S) == 0


def test_a_killed_helper_leaves_nothing_that_the_next_does_not_clear_away(unit: HelpedUnit) -> None:
    part = part_of(unit, "two", 2, random.Random(1).randbytes(200_000))
    use(unit, limit_kb_per_s=1)
    helper = unit.start(unit.make_job("FETCH", "two"))
    wait_for(lambda: part.size_bytes > 0)
    helper.kill()
    use(unit, limit_kb_per_s=None)
    scratch = unit.root / "run/edgefuse/ota"
    assert list(scratch.iterdir())
    assert unit.do("FETCH", "two") == Done(7)
    assert list(scratch.iterdir()) == []


def test_progress_is_told_twice_a_second_at_most(unit: HelpedUnit) -> None:
    part_of(unit, "two", 2, random.Random(1).randbytes(400_000))
    use(unit, limit_kb_per_s=200)
    helper = unit.start(unit.make_job("FETCH", "two"))
    begin_s = time.monotonic()
    assert helper.finish() == Done(7)
    told = [answer.done_bytes for answer in helper.said if isinstance(answer, Progressed)]
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 400_000)
    assert 2 <= len(told) <= 3 + 2 * (time.monotonic() - begin_s)


def test_memory_does_not_grow_with_what_is_fetched(unit: HelpedUnit) -> None:
    idle_kb: dict[str, int] = {}
    peak_kb: dict[str, int] = {}
    for release, counter, content, measured_kb in (
        ("two", 2, NEW, idle_kb), ("three", 3, random.Random(1).randbytes(LARGE_BYTES), peak_kb)
    ):  # fmt: skip
        part = part_of(unit, release, counter, content)
        with served(unit) as web:
            for repository in (web.url, "link"):
                use(unit, repository=repository)
                measured_kb[repository[:4]] = _fetch_and_measure(unit, release)
                assert part.size_bytes == len(content)
                part.remove()
    assert all(peak_kb[repository] - idle_kb[repository] <= 8_000 for repository in idle_kb), (idle_kb, peak_kb)
    assert "numpy" not in (unit.root / "modules").read_text().split()


def _fetch_and_measure(unit: HelpedUnit, release: str) -> int:
    helper = unit.start(unit.make_job("FETCH", release), [sys.executable, "-c", PEAK])
    assert helper.finish() == Done(7)
    return int((unit.root / "peak_kb").read_text())


@needs_mounts
def test_a_full_disk_is_told(unit: HelpedUnit) -> None:
    part = part_of(unit, "two", 2, random.Random(1).randbytes(1_000_000))
    mount = 'mount -t tmpfs -o size=200k tmpfs "$0" && exec "$@"'
    failed = _do_mounted(unit, "FETCH", mount, part.folder)
    assert isinstance(failed, Failed)
    assert (failed.fault, "No space left on device; make room" in failed.reason) == ("failed", True)


@needs_mounts
@pytest.mark.parametrize(("step", "folder"), [("REFRESH", "trust"), ("FETCH", "store")])
def test_a_disk_that_became_read_only_is_told(unit: HelpedUnit, step: str, folder: str) -> None:
    part_of(unit, "two", 2, NEW)
    unit.publish("three", 3, NEW + b"!")  # so that there is newer metadata to keep
    failed = _do_mounted(unit, step, READ_ONLY, unit.root / "var/lib/edgefuse" / folder)
    assert isinstance(failed, Failed)
    assert (failed.fault, "Read-only file system" in failed.reason) == ("failed", True)


@needs_mounts
def test_no_room_for_temporary_files_is_told(unit: HelpedUnit) -> None:
    part_of(unit, "two", 2, NEW)
    mount = 'mount -t tmpfs -o nr_inodes=2 tmpfs "$0" && exec "$@"'
    failed = _do_mounted(unit, "REFRESH", mount, unit.root / "run/edgefuse")
    assert isinstance(failed, Failed)
    assert (failed.fault, "No space left on device; make room" in failed.reason) == ("failed", True)


def _do_mounted(unit: HelpedUnit, step: str, mount: str, folder: Path) -> object:
    folder.mkdir(parents=True, exist_ok=True)
    own = module_command(sys.executable, "edgefuse.ota")
    command = [*mounted(mount, folder), *own]
    return unit.start(unit.make_job(step, "two"), command).finish()  # type: ignore[arg-type] # one of the steps


def test_a_file_that_may_be_no_larger_is_told_and_the_delta_goes(unit: HelpedUnit) -> None:
    """A limit to the size of files stands in for a disk that fills while a file is rebuilt."""
    two = unit.publish("two", 2, NEW, bases=[unit.first])
    keep_offer(unit.store, two, seq=1)
    assert unit.do("FETCH", "two") == Done(7)
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)); "
    program = limited + "from edgefuse.ota.__main__ import main; main()"
    failed = unit.start(unit.make_job("REBUILD", "two"), [sys.executable, "-c", program]).finish()
    assert isinstance(failed, Failed)
    assert (failed.fault, "File too large" in failed.reason) == ("failed", True)
    assert unit.parts() == ()
    assert not unit.has(two)
