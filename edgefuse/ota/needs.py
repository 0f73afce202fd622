"""What this unit needs of a release: the files of what its plan chooses, for the tasks that are in use here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import edgefuse
from edgefuse.config.manifest import ModelFile
from edgefuse.errors import PlanError
from edgefuse.planning.board import Board
from edgefuse.planning.plan import Choice, plan
from edgefuse.planning.tasks import REQUIRED_TASKS
from edgefuse.store.release import Release
from edgefuse.store.store import Store


@dataclass(frozen=True, slots=True)
class NeededFile:
    """A file, and the task by which its family vouches for it."""

    task: str
    file: ModelFile


@dataclass(frozen=True, slots=True)
class Needs:
    """What of a release will run here."""

    choices: tuple[Choice, ...]
    """Of the tasks in use, one a task and input size."""
    files: tuple[NeededFile, ...]
    """Of these choices, here or not; each once."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Name the tasks in use for which the release has a choice here."""
        return tuple(dict.fromkeys(choice.task for choice in self.choices))

    def missing(self, store: Store) -> tuple[NeededFile, ...]:
        """Give the files that are not in the store."""
        return tuple(needed for needed in self.files if not store.has(needed.file.sha256))

    def missing_bytes(self, store: Store) -> int:
        """Count what they take of the disk, at most: while the largest is rebuilt, its delta is there too."""
        sizes = [needed.file.size_bytes for needed in self.missing(store)]
        return sum(sizes) + max(sizes, default=0)


def find_misfit(board: Board, release: Release) -> str:
    """Say why a release must not go to this unit; empty where it may.

    Raises:
        StoreError: What this unit has learned cannot be read.
    """
    if misfit := release.constraints.find_misfit(board.profile, board.host, edgefuse.__version__):
        return misfit
    try:
        plan(board.profile, release, board.host, board.state())
    except PlanError as e:
        return str(e)
    return ""


def find_needs(board: Board, release: Release) -> Needs:
    """Plan a release for this unit, and give what the tasks in use need of it.

    Those of the main job are in use, and every other of which a model of the current release is here.

    Raises:
        PlanError: Nothing of it can run for a task that the main job needs.
        StoreError: What this unit has learned cannot be read.
    """
    made = plan(board.profile, release, board.host, board.state())
    tasks = _find_tasks_in_use(board)
    choices = tuple(choice for choice in made.choices if choice.task in tasks)
    files = {needed.file.sha256: needed for needed in _list_files(choices, release)}
    return Needs(choices, tuple(files.values()))


def _find_tasks_in_use(board: Board) -> set[str]:
    """Plan the current release with nothing but what is here."""
    files = (file for manifest in board.release.manifests for variant in manifest.variants for file in variant.files)
    absent = {file.sha256: "it is not here" for file in files if not board.store.has(file.sha256)}
    try:
        made = plan(board.profile, board.release, board.host, board.state(), absent)
    except PlanError:  # not even the main job has its models
        return set(REQUIRED_TASKS)
    return {*REQUIRED_TASKS, *(choice.task for choice in made.choices)}


def _list_files(choices: tuple[Choice, ...], release: Release) -> Iterator[NeededFile]:
    for choice in choices:
        for file in release.find(choice.model, choice.variant).files:
            yield NeededFile(choice.task, file)
