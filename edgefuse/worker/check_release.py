"""Checking a release before it sees a frame: each model by its golden outputs, then all of them together.

Nothing is fetched, and no model is opened in this process: children of it do that, within limits. One model that fails
is enough. That another runtime or another variant of it may do well does not matter: its publisher should know.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgefuse import disk
from edgefuse.confinement import confine, end_with_parent
from edgefuse.errors import EdgefuseError, PlanError
from edgefuse.ota.checked import CheckedModel, CheckReport
from edgefuse.ota.events import Fault
from edgefuse.ota.needs import Needs, find_misfit, find_needs
from edgefuse.planning.board import Board, probe_board
from edgefuse.planning.host import name_arch
from edgefuse.planning.plan import Choice, Plan
from edgefuse.planning.proof import plan_unit, setup_of
from edgefuse.planning.tasks import TASKS_ALONE, tasks_at_first
from edgefuse.planning.trial import record_trial, run_trial
from edgefuse.store.release import Release, decode_release
from edgefuse.store.state import state_path
from edgefuse.worker.rehearsal import Rehearsal, RehearsalRequest, rehearse

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be checked, and within which limits."""

    release: Path
    """Its description."""
    profile: str | None
    """Profile to use in place of the one that matches."""
    memory_mb: int | None
    """What the worker may use, in place of what the profile says."""
    limit_s: float
    """What each model may take."""


class CheckError(EdgefuseError):
    """The release must not be tried."""

    def __init__(self, text: str, fault: Fault) -> None:
        """Take the reason, and whose fault it is."""
        super().__init__(text)
        self.fault: Fault = fault


def answer_release_check(question: Question, answer: int) -> int:
    """Write the report to a descriptor, for good limited in what this process may do, and give the exit code."""
    end_with_parent()
    architecture = name_arch(platform.machine(), is_32_bit=sys.maxsize < 1 << 32)
    refused = confine(architecture, cpu_s=question.limit_s * (os.cpu_count() or 1))
    report = msgspec.structs.replace(check_release(question), refused=refused)
    for limit in refused:
        logger.warning("release is checked without a limit limit=%s", limit)
    for model in report.models:
        logger.info("checked %s", " ".join(f"{key}={value}" for key, value in msgspec.structs.asdict(model).items()))
    with os.fdopen(answer, "wb") as out:
        out.write(msgspec.json.encode(report) + b"\n")
    return 0


def check_release(question: Question) -> CheckReport:
    """Check a release whose files are in the store; golden checks that pass are kept, so that they hold later too."""
    try:
        board = probe_board(question.profile, memory_mb=question.memory_mb)
        release = decode_release(b"".join(disk.read_chunks(question.release)), str(question.release))
        needs = _find_needs(board, release)
        deviations = [_prove(choice, release, board, question.limit_s) for choice in needs.choices]
        rehearsal = _rehearse(needs, release, board, question)
    except CheckError as e:
        return CheckReport(error=str(e), fault=e.fault)
    except EdgefuseError as e:
        return CheckReport(error=str(e))
    models = zip(needs.choices, deviations, rehearsal.runs_ms, strict=True)
    return CheckReport(models=tuple(_describe(*model) for model in models), needs_mb=rehearsal.needs_mb)


def _find_needs(board: Board, release: Release) -> Needs:
    """Find what is to be opened.

    Raises:
        CheckError: The release is not for this unit, or not all here.
    """
    if misfit := find_misfit(board, release):
        raise CheckError(misfit, "rejected")
    needs = find_needs(board, release)
    if missing := needs.missing(board.store):
        text = f"{len(missing)} of its files are not in the store, such as {missing[0].file.name}"
        raise CheckError(f"cannot check release {release.id}: {text}", "failed")
    return needs


def _prove(choice: Choice, release: Release, board: Board, limit_s: float) -> float | None:
    """Run the golden check of a choice, unless it has passed here before; give how far its outputs are off.

    Raises:
        CheckError: It fails.
        StoreError: A file of it is damaged, or the result cannot be kept.
    """
    setup = setup_of(choice, release, board.host)
    if board.state().has_passed(setup):
        return None
    profile = board.profile
    trial = run_trial(
        release.find(choice.model, choice.variant),
        setup,
        board.store,
        python=profile.worker_python,
        timeout_s=limit_s,
        limit_mb=profile.memory_mb,
    )
    record_trial(trial, setup, state_path())
    if trial.failure:
        where = f"{choice.model} {choice.variant} on {choice.runtime} {choice.target}"
        raise CheckError(f"{where}: {trial.failure}", "bad" if trial.is_models_fault else "failed")
    return trial.deviation


def _rehearse(needs: Needs, release: Release, board: Board, question: Question) -> Rehearsal:
    """Open everything together.

    Raises:
        CheckError: It fails.
        StoreError: It fails, and a file of it is damaged.
    """
    profile = board.profile
    request = RehearsalRequest(
        release=str(question.release),
        plan=Plan(profile=profile.id, release=release.id, choices=needs.choices, rejections=()),
        loaded=_find_loaded(board, needs),
        apart=TASKS_ALONE | tasks_at_first(release.fit(profile).ladder),
    )
    rehearsal = rehearse(
        request,
        timeout_s=question.limit_s * len(needs.choices),
        limit_mb=profile.memory_mb,
        python=profile.worker_python,
    )
    if rehearsal.failure:
        for needed in needs.files:
            board.store.check([needed.file])  # what has passed before was not read since; a disk may have failed
        text = f"the models of release {release.id} together: {rehearsal.failure}"
        raise CheckError(text, "bad" if rehearsal.is_models_fault else "failed")
    return rehearsal


def _find_loaded(board: Board, needs: Needs) -> tuple[str, ...]:
    """Name the runtimes that the current release has loaded, where it runs."""
    try:
        made = plan_unit(board.profile, board.release, board.host, board.store, board.state())
    except PlanError:
        return ()
    return tuple(sorted({choice.runtime for choice in made.choices if choice.task in needs.tasks}))


def _describe(choice: Choice, deviation: float | None, run_ms: float) -> CheckedModel:
    return CheckedModel(
        task=choice.task,
        model=choice.model,
        variant=choice.variant,
        runtime=choice.runtime,
        target=choice.target,
        deviation=deviation,
        run_ms=run_ms,
    )
