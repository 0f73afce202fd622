"""One run from addresses to report: opens source, models, stages and sink, and closes what it opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace

import cv2

from edgefuse import clock
from edgefuse.errors import RuntimeLoadError, RuntimeMissingError, RuntimeRunError
from edgefuse.ipc import Latency
from edgefuse.memory import resident_mb, share_one_heap
from edgefuse.planning.board import Board
from edgefuse.planning.plan import Plan
from edgefuse.planning.proof import setup_of
from edgefuse.planning.recall import forget_probe
from edgefuse.planning.tasks import TASKS_ALONE
from edgefuse.store.state import state_path
from edgefuse.vision.model import Models
from edgefuse.vision.opener import open_models
from edgefuse.vision.pipeline import Pipeline, make_pipeline, stage_types
from edgefuse.vision.sink import Sink, make_sink
from edgefuse.vision.source import Source, StreamFormat, make_source
from edgefuse.worker import report
from edgefuse.worker.interruption import Interruption
from edgefuse.worker.loop import Counts, Loop
from edgefuse.worker.report import Memory, Pool, RunReport
from edgefuse.worker.request import Job, RunRequest


@dataclass(frozen=True, slots=True)
class OpenedPipeline:
    """Stages that are made and the models that they run, opened and warm."""

    pipeline: Pipeline
    models: Models

    def close(self) -> None:
        """Close both; a second call does nothing."""
        self.pipeline.close()
        self.models.close()


@dataclass(frozen=True, slots=True)
class Run:
    """Everything opened and warm, ready for the first frame."""

    request: RunRequest
    plan: Plan
    stream: StreamFormat
    stages: OpenedPipeline
    """What the first frame gets."""
    loop: Loop

    def run(self, on_progress: Callable[[Counts], None]) -> RunReport:
        """Run to the end, or until Ctrl-C or ``kill``, and report.

        Raises:
            EdgefuseError: Source, sink or a compose stage failed; what was delivered until then is complete.
        """
        start_ns, start_cpu_s, start_rss_mb = clock.now_ns(), time.process_time(), resident_mb()
        with Interruption(self.loop.stop) as interruption:
            self.loop.run(on_progress)
        duration_s = (clock.now_ns() - start_ns) / clock.NS_PER_S
        counts, latency = self.loop.counts, self.loop.latency
        return RunReport(
            frames_in=counts.frames_in,
            frames_out=counts.frames_out,
            dropped=counts.dropped,
            skipped=counts.skipped,
            failures=counts.failures,
            source_losses=counts.source_losses,
            is_interrupted=interruption.has_come,
            fps=round(counts.frames_out / duration_s, 2),
            duration_s=round(duration_s, 3),
            cpu_s=round(time.process_time() - start_cpu_s, 3),
            latency_ms=Latency(*(latency.percentile_ms(p) for p in (50, 95, 99))),
            rss_mb=Memory(start_rss_mb, resident_mb(), report.peak_rss_mb()),
            pool=Pool(**asdict(self.loop.pool.count())),
            stages={name: report.stage_time(h, duration_s) for name, h in self.loop.stage_times.items()},
            faces=counts.faces,
            passed_over=counts.passed_over,
            point=self.loop.point,
            effect=self.request.effect,
            plan=self.plan,
        )


def open_pipeline(
    job: Job, board: Board, plan: Plan, stream: StreamFormat, crumbs: memoryview | None = None
) -> OpenedPipeline:
    """Open the models and make the stages of a job beside a pipeline that runs, which needs the other cores.

    Args:
        stream: What the source gives.
        crumbs: As of ``open_models``.

    Raises:
        EdgefuseError: A model or a stage cannot be opened.
    """
    models = _open_models(job, board, plan, crumbs, at_once=1)
    try:
        return _make_stages(job, board, models, stream)
    except BaseException:
        models.close()
        raise


def _open_models(job: Job, board: Board, plan: Plan, crumbs: memoryview | None, at_once: int) -> Models:
    """Open the models of a job, after what those that need too much memory beside others are for was done."""
    alone = job.preparing_tasks & TASKS_ALONE

    def open_those(tasks: frozenset[str]) -> Models:
        return open_models(plan, board.release, board.store, tasks, crumbs=crumbs, at_once=at_once)

    try:
        if alone:
            _prepare(job, open_those(alone))
        return open_those((job.tasks | job.preparing_tasks) - alone)
    except (RuntimeMissingError, RuntimeLoadError, RuntimeRunError):
        forget_probe(state_path())  # a runtime is not what it was
        raise


def _prepare(job: Job, models: Models) -> None:
    """Let the stages of a job make what they keep, and close the models."""
    try:
        for name, kind in stage_types(tuple(job.options)).items():
            kind.prepare(job.options[name], models)
    finally:
        models.close()


def _make_stages(job: Job, board: Board, models: Models, stream: StreamFormat) -> OpenedPipeline:
    """Make the stages, and close the models that only this needed."""
    pipeline = make_pipeline(job.options, models, board.ladder, stream)
    models.close(keep=job.tasks | job.lasting_tasks)
    return OpenedPipeline(pipeline, models)


def _opened_at_once(board: Board, plan: Plan) -> int:
    """Give how many models to open together: one, where breadcrumbs must tell which of them crashed the worker."""
    state = board.state()
    is_suspicious = any(state.crash(setup_of(choice, board.release, board.host)) for choice in plan.choices)
    return 1 if is_suspicious else board.host.cores


@contextmanager
def open_run(
    job: Job,
    board: Board,
    plan: Plan,
    *,
    source: Source | None = None,
    sink: Sink | None = None,
    crumbs: memoryview | None = None,
    is_prompt: bool = False,
) -> Iterator[Run]:
    """Open everything that a run needs; source and sink come first, so that mistakes show before models are loaded.

    Args:
        source: In place of one made from the request's address; not opened yet.
        sink: Likewise.
        crumbs: As of ``open_models``.
        is_prompt: Open the models beside the source, which may take its time; mistakes show when all are open.

    Raises:
        EdgefuseError: Source, sink, a model or a stage cannot be opened.
    """
    # One thread a step is enough; OpenCV's own pool beside them took 6.0 ms of processor time a frame in place of 4.8.
    cv2.setNumThreads(1)
    share_one_heap()
    request = job.request
    source, sink = source or make_source(request.source), sink or make_sink(request.sink)
    with ExitStack() as opened:
        with ThreadPoolExecutor(1, "models") as beside:

            def begin() -> Future[Models]:
                opening = beside.submit(_open_models, job, board, plan, crumbs, _opened_at_once(board, plan))
                opened.callback(_close_if_open, opening)
                return opening

            begun = begin() if is_prompt else None
            opened.callback(source.close)
            stream = _shorten(source.open(), request.frames)
            opened.callback(sink.close)
            sink.open(stream)
            stages = _make_stages(job, board, (begun or begin()).result(), stream)
        opened.callback(stages.close)
        is_paced = request.is_paced or (sink.is_live and not stream.is_live)
        loop = Loop(source, stream, sink, stages.pipeline, board.ladder, request.point, is_paced, request.frames)
        yield Run(request, plan, stream, stages, loop)


def _close_if_open(opening: Future[Models]) -> None:
    if not opening.exception():
        opening.result().close()


def _shorten(stream: StreamFormat, frames: int | None) -> StreamFormat:
    """Tell a stream that ends early as it will be: a sink that takes one picture must know that no more come."""
    lengths = [length for length in (stream.frames, frames) if length is not None]
    return replace(stream, frames=min(lengths, default=None))
