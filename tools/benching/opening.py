"""The real pipeline, opened as ``edgefuse run`` opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edgefuse.planning.board import Board
from edgefuse.worker.request import RunRequest, check_request
from edgefuse.worker.run import Run, open_run


@contextmanager
def open_pipeline(board: Board, request: RunRequest) -> Iterator[Run]:
    """Plan for this unit and open everything that the request needs.

    Raises:
        EdgefuseError: The request does not fit, nothing can run it, or something cannot be opened.
    """
    job = check_request(request, board.profile, board.release)
    plan = board.plan(job.tasks, job.preparing_tasks)
    with open_run(job, board, plan) as run:
        yield run
