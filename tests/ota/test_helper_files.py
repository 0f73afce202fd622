"""What becomes of files that the install helper fetches: parts, deltas, blobs, and what is left where that fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from fakes.helped_steps import NEW, Doing
from fakes.helped_unit import DETECTOR, HelpedUnit
from fakes.web_server import serving

from edgefuse.ota.events import Done, Progressed
from edgefuse.ota.parts import Part, parts_folder


@pytest.fixture
def by_delta(unit: HelpedUnit) -> Doing:
    """There is a delta from what runs."""
    return Doing(unit, bases=[unit.first])


def test_what_is_fetched_is_told_from_nothing_to_all(doing: Doing) -> None:
    doing.do("RESOLVE", "FETCH")
    assert doing.progress[0] == Progressed(7, done_bytes=0, total_bytes=len(NEW))
    assert doing.progress[-1] == Progressed(7, done_bytes=len(NEW), total_bytes=len(NEW))


def test_a_fetch_goes_on_where_it_was_broken_off(doing: Doing) -> None:
    with serving() as web:
        _serve(doing, web.files)
        doing.unit.settings = msgspec.structs.replace(doing.unit.settings, repository=web.url)
        doing.do("RESOLVE", "FETCH")  # all metadata is here but for the timestamp, which is asked for again
        doing.part.remove()
        web.cuts_bytes = [1 << 20, 20_000]
        fault, reason = doing.fail("FETCH")
        assert (fault, "broke off" in reason) == ("later", True)
        here_bytes = doing.part.size_bytes
        assert 0 < here_bytes <= 20_000
        assert doing.do("FETCH") == Done(7)
        assert web.ranges[-1] == f"bytes={here_bytes}-"
        assert doing.part.path.read_bytes() == NEW


def _serve(doing: Doing, files: dict[str, bytes]) -> None:
    published = doing.unit.site.published
    files.update(
        {f"/{path.relative_to(published)}": path.read_bytes() for path in published.rglob("*") if path.is_file()}
    )


@pytest.mark.parametrize("poison", [b"something else", NEW[:-1] + b"!", NEW + b"and more"])
def test_a_part_that_is_another_file_is_fetched_anew(doing: Doing, poison: bytes) -> None:
    doing.do("RESOLVE")
    doing.part.folder.mkdir()
    doing.part.path.write_bytes(poison)
    assert doing.do("FETCH") == Done(7)
    assert doing.part.path.read_bytes() == NEW
    assert doing.progress[-1].done_bytes == len(NEW)


def test_a_repository_with_another_file_is_refused_and_leaves_nothing(doing: Doing) -> None:
    doing.do("RESOLVE")
    doing.published.write_bytes(bytes(len(NEW)))
    fault, reason = doing.fail("FETCH")
    assert (fault, "which was not signed" in reason) == ("rejected", True)
    assert doing.unit.parts() == ()


def test_a_file_that_is_not_published_yet_is_waited_for(doing: Doing) -> None:
    doing.do("RESOLVE")
    content = doing.published.read_bytes()
    doing.published.unlink()
    assert doing.fail("FETCH")[0] == "later"
    doing.published.write_bytes(content)
    assert doing.do("FETCH") == Done(7)


def test_parts_of_another_release_go(doing: Doing) -> None:
    doing.do("RESOLVE")
    other = Part(parts_folder(doing.unit.store), "ab" * 32)
    other.folder.mkdir()
    other.path.write_bytes(b"x")
    doing.do("FETCH")
    assert doing.unit.parts() == (doing.part,)


def test_a_delta_comes_in_place_of_the_file(by_delta: Doing) -> None:
    by_delta.do("RESOLVE", "FETCH")
    assert by_delta.unit.parts() == (by_delta.delta,)
    size_bytes = by_delta.published_delta.stat().st_size
    assert by_delta.progress[-1] == Progressed(7, done_bytes=size_bytes, total_bytes=size_bytes)
    assert by_delta.do("REBUILD", "VERIFY") == Done(7)
    assert by_delta.unit.has(by_delta.two)


def test_a_delta_whose_base_is_not_here_is_not_asked_for(by_delta: Doing) -> None:
    by_delta.do("RESOLVE")
    assert by_delta.delta.base_sha256 is not None
    by_delta.unit.store.remove(by_delta.delta.base_sha256)
    by_delta.do("FETCH")
    assert by_delta.unit.parts() == (by_delta.part,)


def test_without_deltas_the_whole_file_comes_and_the_delta_goes(by_delta: Doing) -> None:
    by_delta.do("RESOLVE", "FETCH")
    by_delta.do("FETCH", allows_deltas=False)
    assert by_delta.unit.parts() == (by_delta.part,)
    assert by_delta.do("REBUILD", "VERIFY") == Done(7)
    assert by_delta.unit.has(by_delta.two)


@pytest.mark.parametrize("mishap", [lambda path: path.unlink(), lambda path: path.write_bytes(b"EFD1")])
def test_a_delta_that_the_repository_lost_or_broke_leads_to_the_whole_file(
    by_delta: Doing, mishap: Callable[[Path], object]
) -> None:
    by_delta.do("RESOLVE")
    mishap(by_delta.published_delta)
    fault, reason = by_delta.fail("FETCH")
    assert (fault, "cannot use a delta to detect_faces" in reason) == ("failed", True)
    assert by_delta.do("FETCH", "REBUILD", "VERIFY", allows_deltas=False) == Done(7)


def test_a_delta_of_which_more_has_come_than_there_is_leads_to_the_whole_file(by_delta: Doing) -> None:
    by_delta.do("RESOLVE", "FETCH")
    here = by_delta.delta.path.read_bytes()
    by_delta.delta.path.write_bytes(here[:-1])
    by_delta.published_delta.write_bytes(here[:-2])
    assert by_delta.fail("FETCH")[0] == "failed"
    assert by_delta.do("FETCH", "REBUILD", "VERIFY", allows_deltas=False) == Done(7)


def test_a_delta_that_leads_elsewhere_goes(by_delta: Doing) -> None:
    by_delta.do("RESOLVE", "FETCH")
    base = by_delta.unit.store.path(by_delta.delta.base_sha256 or "")
    base.chmod(0o644)
    base.write_bytes(bytes(len(DETECTOR)))  # as it may be on a failing disk
    fault, reason = by_delta.fail("REBUILD")
    assert (fault, "cannot rebuild" in reason) == ("failed", True)
    assert by_delta.unit.parts() == ()
    assert by_delta.do("FETCH", "REBUILD", allows_deltas=False) == Done(7)


def test_a_part_that_rots_before_it_becomes_a_blob_goes(doing: Doing) -> None:
    doing.do("RESOLVE", "FETCH")
    doing.part.path.write_bytes(bytes(len(NEW)))
    assert doing.fail("REBUILD")[0] == "failed"
    assert doing.unit.parts() == ()
    assert not doing.unit.store.has(doing.sha256)
    assert doing.do("FETCH", "REBUILD") == Done(7)


def test_what_was_not_fetched_cannot_be_rebuilt(doing: Doing) -> None:
    doing.do("RESOLVE")
    fault, reason = doing.fail("REBUILD")
    assert (fault, reason) == ("failed", "cannot keep detect_faces: it was not fetched")


def test_a_blob_that_rots_is_taken_out(doing: Doing) -> None:
    doing.do("RESOLVE", "FETCH", "REBUILD")
    blob = doing.unit.store.path(doing.sha256)
    blob.chmod(0o644)
    blob.write_bytes(bytes(len(NEW)))
    assert doing.fail("VERIFY")[0] == "failed"
    assert not doing.unit.store.has(doing.sha256)
    assert doing.do("FETCH", "REBUILD", "VERIFY") == Done(7)


def test_a_name_of_a_part_that_a_power_cut_left_beside_its_blob_goes(doing: Doing) -> None:
    doing.do("RESOLVE", "FETCH", "REBUILD")
    doing.part.path.hardlink_to(doing.unit.store.path(doing.sha256))
    assert doing.do("VERIFY") == Done(7)
    assert (doing.unit.parts(), doing.unit.has(doing.two)) == ((), True)
