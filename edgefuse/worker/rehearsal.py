"""A release opened as a worker would, all at once, in a child process: what it holds, and how fast its models are.

``python -m edgefuse.worker.rehearsal FD`` is that child: it reads a ``RehearsalRequest`` and prints a ``Rehearsal``,
both as JSON, and leaves breadcrumbs in the memory file.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Collection
from pathlib import Path

import msgspec

from edgefuse import disk, registry
from edgefuse.errors import ConfigError, EdgefuseError, RuntimeLoadError, RuntimeRunError
from edgefuse.in_flight import make_in_flight, map_in_flight, places_of_plan, read_in_flight
from edgefuse.memory import resident_mb, share_one_heap
from edgefuse.planning.child import ChildCrashedError, ChildError, ChildLimitError, answer_parent, ask_child
from edgefuse.planning.plan import Plan
from edgefuse.planning.trial import measure, percentile
from edgefuse.runtime import Runtime
from edgefuse.store.release import Release, decode_release
from edgefuse.store.store import Store, open_store

DURATION_S = 0.3
"""For which each model is run."""
_MODULE = "edgefuse.worker.rehearsal"
_OWN_FAULTS = (ConfigError, RuntimeLoadError, RuntimeRunError)


class RehearsalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to open."""

    release: str
    """Path of its description."""
    plan: Plan
    loaded: tuple[str, ...]
    """Runtimes that the worker has loaded anyway, whose libraries are not counted."""
    apart: frozenset[str]
    """Tasks whose models are not open while frames come."""


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """How it went."""

    failure: str = ""
    is_models_fault: bool = False
    """See ``edgefuse.planning.trial.Trial``; settings that nobody understands are the release's fault too."""
    needs_mb: int = 0
    """The most that was held while the models for frames were opened and run, beyond what ``loaded`` holds."""
    runs_ms: tuple[float, ...] = ()
    """Median time of a run, by the place of the choice in the plan."""


def rehearse(request: RehearsalRequest, *, timeout_s: float, limit_mb: float, python: str | None) -> Rehearsal:
    """Open the models in a child process; a crash there is a failure like any other.

    Args:
        request: What to open.
        timeout_s: After that time it has failed.
        limit_mb: Memory that the child may hold.
        python: Interpreter of the worker, where it is not this one.

    Raises:
        ChildStoppedError: Somebody stopped the child, which says nothing about the models.
    """
    crumbs = make_in_flight()
    try:
        answer = ask_child(
            _MODULE,
            str(crumbs),
            question=msgspec.json.encode(request),
            timeout_s=timeout_s,
            limit_mb=limit_mb,
            inherit=(crumbs,),
            python=python,
        )
        return msgspec.json.decode(answer, type=Rehearsal)
    except (ChildError, msgspec.DecodeError) as e:
        under_way = [
            f"while it was {doing} {request.plan.choices[i].model}" for i, doing in read_in_flight(crumbs).items()
        ]
        return Rehearsal(
            failure=", ".join([str(e), *under_way]), is_models_fault=isinstance(e, ChildCrashedError | ChildLimitError)
        )
    finally:
        os.close(crumbs)


def _rehearse(request: RehearsalRequest, crumbs: int) -> Rehearsal:
    """Do the child's work."""
    from edgefuse.vision.pipeline import load_options, stage_types  # pixels: in the child only
    from edgefuse.worker.report import peak_rss_mb

    share_one_heap()
    bank = places_of_plan(map_in_flight(crumbs)[0], 0)
    release = decode_release(b"".join(disk.read_chunks(Path(request.release))), request.release)
    for runtime_id in request.loaded:
        runtime: Runtime = registry.load("edgefuse.runtimes", runtime_id)
        runtime.probe()
    before_mb = resident_mb()
    tasks = {choice.task for choice in request.plan.choices}
    for_frames = tasks - request.apart
    try:
        load_options(stage_types(tuple(release.settings)), release.settings, f"release {release.id}: settings.")
        times_ms = _run_each(request.plan, release, open_store(), for_frames, bank)
        needs_mb = max(0, math.ceil(peak_rss_mb() - before_mb))
        for task in tasks - for_frames:
            times_ms |= _run_each(request.plan, release, open_store(), {task}, bank)
    except EdgefuseError as e:
        return Rehearsal(failure=str(e), is_models_fault=isinstance(e, _OWN_FAULTS))
    runs_ms = tuple(times_ms[choice.model, choice.variant] for choice in request.plan.choices)
    return Rehearsal(needs_mb=needs_mb, runs_ms=runs_ms)


def _run_each(
    plan: Plan, release: Release, store: Store, tasks: Collection[str], bank: memoryview
) -> dict[tuple[str, str], float]:
    """Open the models of some tasks, give the median time of a run of each, and close them."""
    from edgefuse.vision.opener import open_models

    models = open_models(plan, release, store, tasks, crumbs=bank)
    try:
        return {(m.manifest.id, m.variant.id): percentile(measure(m.run, DURATION_S), 50) for m in models}
    finally:
        models.close()


def _answer() -> bytes:
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=RehearsalRequest)
    return msgspec.json.encode(_rehearse(request, int(sys.argv[1])))


if __name__ == "__main__":
    answer_parent(_answer)
