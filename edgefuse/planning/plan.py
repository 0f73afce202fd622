"""The plan: which model variant runs on which runtime, and why each other option does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from edgefuse.config.host import Host
from edgefuse.config.profile import Profile
from edgefuse.errors import PlanError
from edgefuse.planning.budget import Budget
from edgefuse.planning.candidate import Candidate, list_candidates
from edgefuse.planning.obstacle import find_obstacle
from edgefuse.planning.ranking import describe_choice, describe_rival, rank
from edgefuse.planning.tasks import REQUIRED_TASKS
from edgefuse.store.release import Release
from edgefuse.store.state import State

REASONS_TOLD = 3
"""Of what ranks before a choice; the plan has every rejection too."""


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """One variant on one runtime that will not be used."""

    task: str
    model: str
    variant: str
    runtime: str
    target: str
    reason: str


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One variant on one runtime that will be used for a task."""

    task: str
    model: str
    variant: str
    size_px: int
    precision: str
    runtime: str
    target: str
    threads: int
    basis: Literal["expected", "measured"]
    """Whether the order among the possible choices was measured on this unit or is what the profile expects."""
    p50_ms: float | None = None
    """Median time of one run, where it was measured."""
    reason: str = ""
    passed_over: tuple[Rejection, ...] = ()
    """What would have been better and cannot run here: for each reason the best, the best first."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What will run here."""

    v: int = 1
    profile: str
    release: str
    worker_python: str | None = None
    choices: tuple[Choice, ...]
    rejections: tuple[Rejection, ...]

    def choices_for(self, task: str) -> tuple[Choice, ...]:
        """Give the choices for a task, one an input size."""
        return tuple(choice for choice in self.choices if choice.task == task)


def plan(
    profile: Profile,
    release: Release,
    host: Host,
    state: State | None = None,
    absent: Mapping[str, str] | None = None,
) -> Plan:
    """Choose for every task and input size what will run; a pure function of its arguments.

    Args:
        profile: The kind of board, as its file says.
        release: The models to choose from, and what it changes of the profile.
        host: Facts of this unit, or the profile's ``sample``.
        state: What this unit has measured and checked.
        absent: Why files that are not on this unit cannot be had, by sha256.

    Returns:
        Every variant of the release on every runtime of the profile, either among the choices or among the rejections.

    Raises:
        PlanError: Nothing can run for a task that the main job needs; every option is named with its reason.
    """
    profile, state = release.fit(profile), state or State()
    found = list_candidates(profile, release, host, state)
    absent = absent or {}
    obstacles = {candidate: find_obstacle(candidate, host, state, absent) for candidate in found}
    outcomes = _choose_within_memory(obstacles, release, profile, host)
    if short := _first_without(outcomes):
        raise PlanError(_describe_failure(short, outcomes[short], profile, release))
    return Plan(
        profile=profile.id,
        release=release.id,
        worker_python=profile.worker_python,
        choices=tuple(
            _choice(c, why, outcome.passed_over[c])
            for outcome in outcomes.values()
            for c, why in outcome.reasons_chosen.items()
        ),
        rejections=tuple(
            _rejection(c, why) for outcome in outcomes.values() for c, why in outcome.reasons_rejected.items()
        ),
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of the candidates of one task, each with the reason; together they hold every candidate once."""

    reasons_chosen: dict[Candidate, str]
    reasons_rejected: dict[Candidate, str]
    passed_over: dict[Candidate, tuple[Rejection, ...]]
    """By what was chosen."""


def _choose_within_memory(
    obstacles: Mapping[Candidate, str], release: Release, profile: Profile, host: Host
) -> dict[str, _Outcome]:
    """Choose for every task; where a library leaves no room for a task of the main job, go without that library."""
    libraries_mb = {fact.id: fact.memory_mb for fact in host.runtimes}
    outcomes = _choose(obstacles, release, profile, Budget(profile, host))
    short = _first_without(outcomes)
    if not short:
        return outcomes
    loaded = {c.rule.id for task in REQUIRED_TASKS if task in outcomes for c in outcomes[task].reasons_chosen}
    heaviest = max(loaded, key=lambda runtime: libraries_mb.get(runtime, 0), default="")
    if not libraries_mb.get(heaviest):
        return outcomes
    reason = f"its {libraries_mb[heaviest]} MB for {heaviest} would leave no room for '{short}'"
    lighter = {c: why or (reason if c.rule.id == heaviest else "") for c, why in obstacles.items()}
    without = _choose_within_memory(lighter, release, profile, host)
    return outcomes if _first_without(without) else without


def _first_without(outcomes: Mapping[str, _Outcome]) -> str:
    """Name the first task of the main job for which nothing was chosen; empty where each has something."""
    return next((task for task in REQUIRED_TASKS if task in outcomes and not outcomes[task].reasons_chosen), "")


def _choose(
    obstacles: Mapping[Candidate, str], release: Release, profile: Profile, budget: Budget
) -> dict[str, _Outcome]:
    """Choose for one task after the other from the memory that the ones before have left."""
    return {
        task: _choose_for_task(
            task, {c: why for c, why in obstacles.items() if c.manifest.task == task}, profile, budget
        )
        for task in _tasks(release)
    }


def _tasks(release: Release) -> list[str]:
    """Order the tasks: what the main job needs has first claim on the memory."""
    others = {manifest.task for manifest in release.manifests}.difference(REQUIRED_TASKS)
    return [*REQUIRED_TASKS, *sorted(others)]


def _sizes(task: str, able: list[Candidate], profile: Profile) -> list[int]:
    """List the input sizes that must be served: a detector's stand on the ladder, any other model brings its own."""
    if task == "detect_faces":
        return list(dict.fromkeys(point.detect_px for point in profile.ladder))
    return sorted({candidate.variant.size_px for candidate in able})


def _choose_for_task(task: str, obstacles: dict[Candidate, str], profile: Profile, budget: Budget) -> _Outcome:
    """Choose for each size; ``obstacles`` holds every candidate of the task, with an empty text where it can run."""
    rejected = {candidate: reason for candidate, reason in obstacles.items() if reason}
    able = [candidate for candidate, reason in obstacles.items() if not reason]
    chosen: dict[Candidate, str] = {}
    passed_over: dict[Candidate, tuple[Rejection, ...]] = {}
    sizes = _sizes(task, able, profile)
    for size_px in sizes:
        ranked = rank(able, size_px)
        for place, candidate in enumerate(ranked):
            if candidate in chosen:
                break
            if reason := budget.obstacle(candidate):
                rejected[candidate] = reason
                continue
            budget.take(candidate)
            chosen[candidate] = describe_choice(candidate, ranked[place + 1 :], size_px)
            passed_over[candidate] = _find_better(candidate, rejected, size_px)
            break
    for candidate in able:
        if candidate not in chosen and candidate not in rejected:
            rejected[candidate] = _why_not(candidate, list(chosen), sizes)
    return _Outcome(chosen, rejected, passed_over)


def _find_better(winner: Candidate, rejected: Mapping[Candidate, str], size_px: int) -> tuple[Rejection, ...]:
    """Give what ranks before the winner and cannot run, for each reason the best."""
    ranked = rank([winner, *(c for c in rejected if c.variant.precision in c.rule.precisions)], size_px)
    found: dict[str, Rejection] = {}
    for candidate in ranked[: ranked.index(winner)]:
        reason = rejected[candidate]
        found.setdefault(reason, _rejection(candidate, reason))
    return tuple(found.values())[:REASONS_TOLD]


def _why_not(loser: Candidate, chosen: list[Candidate], sizes: list[int]) -> str:
    rivals = [c for c in chosen if c.variant.size_px == loser.variant.size_px]
    if rivals:
        return describe_rival(rivals[0], loser)
    return f"no point of the ladder asks for its size, only for {', '.join(map(str, sizes))} px"


def _choice(candidate: Candidate, reason: str, passed_over: tuple[Rejection, ...]) -> Choice:
    measurement = candidate.measurement
    return Choice(
        task=candidate.manifest.task,
        model=candidate.manifest.id,
        variant=candidate.variant.id,
        size_px=candidate.variant.size_px,
        precision=candidate.variant.precision,
        runtime=candidate.rule.id,
        target=candidate.rule.target,
        threads=candidate.setup.threads,
        basis="measured" if measurement else "expected",
        p50_ms=measurement.p50_ms if measurement else None,
        reason=reason,
        passed_over=passed_over,
    )


def _rejection(candidate: Candidate, reason: str) -> Rejection:
    return Rejection(
        task=candidate.manifest.task,
        model=candidate.manifest.id,
        variant=candidate.variant.id,
        runtime=candidate.rule.id,
        target=candidate.rule.target,
        reason=reason,
    )


def _describe_failure(task: str, outcome: _Outcome, profile: Profile, release: Release) -> str:
    """Name every option of a task with its reason, a paragraph a model; variants with the same reason share a line."""
    if not outcome.reasons_rejected:
        return f"cannot plan '{task}' on '{profile.id}': release {release.id} has no model for it"
    variants: dict[str, dict[tuple[str, str], list[str]]] = {}
    for candidate, reason in outcome.reasons_rejected.items():
        of_model = variants.setdefault(candidate.manifest.id, {})
        of_model.setdefault((candidate.runtime, reason), []).append(candidate.variant.id)
    lines: list[str] = []
    for model, of_model in variants.items():
        lines.append(f"cannot run model '{model}' on '{profile.id}':")
        lines += [f"  {', '.join(ids)} on {runtime}: {reason}" for (runtime, reason), ids in of_model.items()]
    return "\n".join(lines)
