"""What a unit needs of a release: what its plan chooses, for the tasks that are in use."""

from pathlib import Path

import msgspec
import pytest
from fakes.planned import add_fake_variant, make_host, make_manifest, make_profile

import edgefuse
from edgefuse.config.manifest import Manifest, Variant
from edgefuse.errors import PlanError
from edgefuse.ota.needs import find_misfit, find_needs
from edgefuse.planning.board import Board
from edgefuse.planning.candidate import make_setup
from edgefuse.store.release import Release
from edgefuse.store.state import Crash
from edgefuse.store.store import Store
from edgefuse.store.terms import Constraints

MAIN = ("detect_faces", "track_faces")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Store:
    """Where models are that the unit may not have."""
    return Store(tmp_path / "elsewhere")


@pytest.fixture
def board(root: Path, elsewhere: Store) -> Board:
    """A unit whose release has a model for each of four tasks, and which has the files of the main job alone."""
    release = describe("one", *(model(elsewhere, task) for task in (*MAIN, "embed_faces", "parse_faces")))
    board = Board(make_profile("fake"), make_host("fake"), Store(root / "store"), release, crashes=None)
    for manifest in release.manifests[:2]:
        bring(board, elsewhere, *manifest.variants)
    return board


def model(store: Store, task: str, *names: str, **keys: object) -> Manifest:
    variants = [add_fake_variant(store, f"{task}-{name}") for name in names or ("a",)]
    return make_manifest(task.replace("_", "-"), task, *variants, **keys)


def describe(release_id: str, *manifests: Manifest, **keys: object) -> Release:
    return Release(id=release_id, counter=2, manifests=manifests, **keys)


def bring(board: Board, elsewhere: Store, *variants: Variant) -> None:
    for variant in variants:
        for file in variant.files:
            board.store.add([elsewhere.path(file.sha256).read_bytes()], file)


@pytest.fixture
def newer(elsewhere: Store) -> Release:
    """A release with other models for the same tasks, of which the detector has one more than will be chosen."""
    variants = {"detect_faces": ("b", "c")}
    tasks = (*MAIN, "embed_faces", "parse_faces")
    return describe("two", *(model(elsewhere, task, *variants.get(task, ("b",))) for task in tasks))


def test_only_the_main_job_counts_where_nothing_else_was_fetched_here(board: Board, newer: Release) -> None:
    needs = find_needs(board, newer)
    assert needs.tasks == MAIN
    assert [needed.task for needed in needs.files] == list(MAIN)


def test_a_task_whose_model_is_here_is_in_use(board: Board, elsewhere: Store, newer: Release) -> None:
    bring(board, elsewhere, *board.release.manifest("parse-faces").variants)
    assert find_needs(board, newer).tasks == (*MAIN, "parse_faces")


def test_a_unit_that_has_fetched_nothing_yet_needs_the_main_job(board: Board, newer: Release) -> None:
    for sha256 in board.store.blobs():
        board.store.remove(sha256)
    assert find_needs(board, newer).tasks == MAIN


def test_only_the_files_of_the_chosen_variant_are_needed(board: Board, newer: Release) -> None:
    needs = find_needs(board, newer)
    chosen = newer.find("detect-faces", needs.choices[0].variant)
    assert [needed.file for needed in needs.files if needed.task == "detect_faces"] == list(chosen.files)


def test_a_model_that_crashes_here_is_not_fetched(board: Board, newer: Release) -> None:
    first, second = newer.manifest("detect-faces").variants
    setup = make_setup(first, "fake", "1", "cpu", threads=2)
    crash = Crash(setup=setup, how="SIGSEGV", count=3, edgefuse=edgefuse.__version__, crashed_at="2026-01-01T00:00:00Z")
    crashing = Board(board.profile, board.host, board.store, board.release, crashes=(crash,))
    assert find_needs(crashing, newer).choices[0].variant == second.id


def test_what_is_missing_takes_its_size_and_that_of_the_largest_once_more(
    board: Board, elsewhere: Store, newer: Release
) -> None:
    needs = find_needs(board, newer)
    sizes = [needed.file.size_bytes for needed in needs.files]
    assert needs.missing(board.store) == needs.files
    assert needs.missing_bytes(board.store) == sum(sizes) + max(sizes)
    bring(board, elsewhere, *(newer.find(choice.model, choice.variant) for choice in needs.choices))
    assert (needs.missing(board.store), needs.missing_bytes(board.store)) == ((), 0)


def test_a_release_for_other_boards_is_a_misfit(board: Board, newer: Release) -> None:
    elsewhere = msgspec.structs.replace(newer, constraints=Constraints(profiles=("stick",)))
    assert find_misfit(board, elsewhere) == "it is for stick only"
    assert find_misfit(board, newer) == ""


def test_a_release_that_cannot_do_the_main_job_here_is_a_misfit(board: Board, newer: Release) -> None:
    blind = describe("two", *newer.manifests[1:])
    assert find_misfit(board, blind) == "cannot plan 'detect_faces' on 'board': release two has no model for it"
    with pytest.raises(PlanError):
        find_needs(board, blind)
