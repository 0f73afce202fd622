"""One model on one runtime in a child process: the golden check and, if asked for, its speed and memory.

``python -m edgefuse.planning.trial`` is that child: it reads a ``TrialRequest`` and prints a ``Trial``, both as JSON.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

import edgefuse
from edgefuse import clock, paths, registry
from edgefuse.config.manifest import Variant
from edgefuse.errors import EdgefuseError, RuntimeMissingError
from edgefuse.memory import resident_mb
from edgefuse.planning.child import (
    ChildCrashedError,
    ChildError,
    ChildLimitError,
    ChildStarvedError,
    answer_parent,
    ask_child,
)
from edgefuse.runtime import Runtime, SessionOptions
from edgefuse.store.state import GoldenCheck, Measurement, Setup, update_state
from edgefuse.store.store import Store

TIMEOUT_S = 900.0  # TensorRT builds an engine for minutes on a small board
WARM_UP_RUNS = 3
FEWEST_RUNS = 5  # the slowest model takes a second
_MODULE = "edgefuse.planning.trial"


class TrialRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to try."""

    variant: Variant
    path: str
    setup: Setup
    duration_s: float
    """How long to measure; 0 means the golden check alone."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How it went."""

    failure: str = ""
    """Why the model cannot be used; empty where it passed."""
    was_starved: bool = False
    """It failed for want of memory or time, and may pass another time."""
    is_models_fault: bool = False
    """The model gave something else, crashed or went beyond the limits of this trial; all else may be this unit's."""
    deviation: float = 0.0
    """Largest difference from the golden outputs."""
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    memory_mb: int = 0


def run_trial(
    variant: Variant,
    setup: Setup,
    store: Store,
    *,
    python: str | None = None,
    duration_s: float = 0.0,
    timeout_s: float | None = None,
    limit_mb: float | None = None,
) -> Trial:
    """Try a model in a child process; a crash there is a failure like any other.

    Args:
        python: Interpreter of the worker, where it is not this one.
        duration_s: How long to measure; 0 means the golden check alone.
        timeout_s: After that time it has failed; ``TIMEOUT_S`` where nothing else is said.
        limit_mb: Memory that the child may hold.

    Raises:
        StoreError: A file of the variant is not in the store, or is damaged there.
        ChildStoppedError: Somebody stopped the child, which says nothing about the model.
    """
    request = TrialRequest(variant=variant, path=str(store.path_of(variant.files)), setup=setup, duration_s=duration_s)
    try:
        question = msgspec.json.encode(request)
        timeout_s = TIMEOUT_S if timeout_s is None else timeout_s
        answer = ask_child(_MODULE, question=question, timeout_s=timeout_s, limit_mb=limit_mb, python=python)
        trial = msgspec.json.decode(answer, type=Trial)
    except ChildStarvedError as e:
        return Trial(failure=str(e), was_starved=True, is_models_fault=isinstance(e, ChildLimitError))
    except (ChildError, msgspec.DecodeError) as e:
        trial = Trial(failure=str(e), is_models_fault=isinstance(e, ChildCrashedError))
    if trial.failure:
        store.check(variant.files)  # a damaged copy must not be remembered as a model that fails
    return trial


def record_trial(trial: Trial, setup: Setup, state_path: Path) -> GoldenCheck:
    """Keep what a trial has shown in the state of this unit and give its golden check.

    What may pass another time is not kept, a shortage or a unit that is broken: it must not ban a good model.

    Raises:
        StoreError: The state cannot be read or written.
    """
    check = make_check(trial, setup)
    if trial.was_starved or (trial.failure and not trial.is_models_fault):
        return check
    if trial.failure or not trial.p50_ms:
        update_state(state_path, lambda state: state.with_check(check))
        return check
    measurement = Measurement(
        setup=setup, p50_ms=trial.p50_ms, p95_ms=trial.p95_ms, memory_mb=trial.memory_mb, measured_at=check.checked_at
    )
    update_state(state_path, lambda state: state.with_check(check).with_measurement(measurement))
    return check


def make_check(trial: Trial, setup: Setup) -> GoldenCheck:
    """Give the golden check that a trial was."""
    return GoldenCheck(setup=setup, failure=trial.failure, edgefuse=edgefuse.__version__, checked_at=clock.wall_iso())


def _try(request: TrialRequest) -> Trial:
    """Do the child's work."""
    from edgefuse.planning import golden  # numpy: in the child only

    setup = request.setup
    runtime: Runtime = registry.load("edgefuse.runtimes", setup.runtime)
    runtime.probe()  # loads the library, whose memory is not the model's
    before_mb = resident_mb()
    options = SessionOptions(
        target=setup.target,
        threads=setup.threads,
        precision=request.variant.precision,
        cache_dir=paths.cache_dir() / "engines",
    )
    try:
        session = runtime.open(Path(request.path), options)
        deviation = golden.check(session, request.variant)
        if not request.duration_s:
            return Trial(deviation=deviation)
        times_ms = measure(session.run, request.duration_s)
    except EdgefuseError as e:
        return Trial(failure=str(e), is_models_fault=not isinstance(e, RuntimeMissingError))
    memory_mb = max(0, round(resident_mb() - before_mb))
    return Trial(
        p50_ms=percentile(times_ms, 50),
        p95_ms=percentile(times_ms, 95),
        memory_mb=memory_mb,
        deviation=deviation,
    )


def measure(run: Callable[[], object], duration_s: float) -> list[float]:
    """Run a model again and again; give the time of each run, milliseconds, sorted.

    Raises:
        RuntimeRunError: It failed.
    """
    for _ in range(WARM_UP_RUNS):
        run()
    times_ms: list[float] = []
    last_ns = clock.now_ns()
    end_ns = last_ns + duration_s * clock.NS_PER_S
    while last_ns < end_ns or len(times_ms) < FEWEST_RUNS:
        run()
        start_ns, last_ns = last_ns, clock.now_ns()
        times_ms.append((last_ns - start_ns) / 1e6)
    return sorted(times_ms)


def percentile(ordered: list[float], percent: int) -> float:
    """Give a percentile of sorted times, milliseconds to a tenth of a microsecond."""
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 4)


def _answer() -> bytes:
    return msgspec.json.encode(_try(msgspec.json.decode(sys.stdin.buffer.read(), type=TrialRequest)))


if __name__ == "__main__":
    answer_parent(_answer)
