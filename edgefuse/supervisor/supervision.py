"""The supervised worker: feeds the pure state machine with what happens, and does what it decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from edgefuse import ipc
from edgefuse.errors import EdgefuseError
from edgefuse.planning.plan import Plan
from edgefuse.store.state import Setup
from edgefuse.supervisor import health, memory_ring, service, verdict, worker_news
from edgefuse.supervisor.attempt import Attempt, Listener, NoAnswerError, Recipe
from edgefuse.supervisor.cgroup import WorkerGroup
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.health import Phase
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.memory_ring import MemoryRing
from edgefuse.supervisor.service import Action, Service, Step
from edgefuse.supervisor.verdict import Verdict
from edgefuse.supervisor.worker_process import End, WorkerProcess

ANSWER_S = 15.0
_QUIET_FACES = 0.05  # a frame: nobody, but for a false alarm now and then


class Supervision:
    """Keeps one worker as well as it can be."""

    def __init__(
        self,
        children: Children,
        journal: Journal,
        make_recipe: Callable[[], Recipe],
        on_blamed: Callable[[tuple[Setup, ...], str], object],
    ) -> None:
        """Take what it needs; nothing runs yet.

        Args:
            make_recipe: Asked at every start.
            on_blamed: Gets the setups that the worker died of, and how.
        """
        self.service = Service()
        self.plan: Plan | None = None
        self.group: WorkerGroup | None = None
        """What limits the worker's memory, where that can be."""
        self.listeners: list[Listener] = []
        """Are told of what the worker says of its frames, and of its end."""
        self._children, self._journal = children, journal
        self._make_recipe, self._on_blamed = make_recipe, on_blamed
        self._run: Attempt | None = None
        self.now_s = 0.0
        """Of the last tick."""
        self._next_id, self._refusal = 0, ""
        self._settling: asyncio.Future[str] | None = None
        """Awaited; gets why the worker does not run."""

    @property
    def beat(self) -> ipc.Heartbeat | None:
        """The newest heartbeat; nothing while no worker runs."""
        return self._run.beat if self._run else None

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the worker's frames; zeros while it has none."""
        return self._run.size_px if self._run else (0, 0)

    @property
    def pid(self) -> int | None:
        """The worker's process."""
        return self._run.process.pid if self._run else None

    @property
    def phase(self) -> Phase | None:
        """How far the worker has come; nothing while none is there."""
        return self._run.health.phase if self._run else None

    @property
    def is_open(self) -> bool:
        """Tell whether a worker is there that takes messages for its pipeline."""
        return self._run is not None and self._run.health.is_open and self.service.state == "RUNNING"

    def start(self) -> None:
        """Start the worker, or start it again at once where it waits or has failed for good."""
        self._take(service.start(self.service, self.now_s))

    def wake(self) -> None:
        """Start a worker that waits for its next try: what it waits for may be mended."""
        if self.service.state in ("BACKOFF", "FATAL"):
            self.start()

    def stop(self) -> None:
        """Stop the worker."""
        self._take(service.stop(self.service, self.now_s))

    def restart(self, reason: str) -> None:
        """Start the worker anew, as the recipe says now."""
        if self.service.state in ("STARTING", "RUNNING"):
            self._journal.note("info", "worker_restarted", reason)
        self._take(service.restart(self.service, self.now_s, reason))

    def tell(self, message: ipc.Message) -> None:
        """Tell the worker something that needs no answer, where there is one."""
        if self._run is not None:
            self._run.process.send(message)

    async def ask(self, make_message: Callable[[int], ipc.Message], limit_s: float = ANSWER_S) -> ipc.Answer:
        """Ask the worker for something.

        Args:
            make_message: Gets the id that the answer will bear.
            limit_s: For the answer.

        Raises:
            NoAnswerError: It gave none in time.
            EdgefuseError: There is no worker that could.
        """
        if self._run is None or not self.is_open:
            state = self.service.state
            raise EdgefuseError(f"cannot ask the worker: it is {state}, not RUNNING; `edgefuse status` has the reason")
        self._next_id += 1
        number, answers = self._next_id, self._run.answers
        answers[number] = answer = asyncio.get_running_loop().create_future()
        self._run.process.send(make_message(number))
        try:
            return await asyncio.wait_for(answer, limit_s)
        except asyncio.TimeoutError as e:
            raise NoAnswerError(f"cannot ask the worker: no answer within {limit_s:g} s; ask again") from e
        finally:
            del answers[number]

    def rename_release(self, release: str) -> None:
        """Take note that what runs is live under another number now."""
        if self.plan is not None:
            self.plan = msgspec.structs.replace(self.plan, release=release)

    def end_trial(self) -> None:
        """Take note that no release is open beside the one that runs any more."""
        if self._run is not None:
            self._run.forget_trial(self.now_s)

    async def settled(self, limit_s: float) -> str:
        """Wait until the worker that is about to be started runs, or waits for its source; else give the reason."""
        self._settling = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(self._settling, limit_s)
        except asyncio.TimeoutError:
            return f"the new worker was not ready within {limit_s:g} s"
        finally:
            self._settling = None

    def tick(self, now_s: float) -> None:
        """Judge the worker and do what is due; call it several times a second."""
        self.now_s = now_s
        self._children.reap()
        if self._run is not None:
            self._run.health, illness = health.judge(self._run.health, now_s)
            if illness:
                self._take(service.on_ill(self.service, now_s, illness))
        self._take(service.on_tick(self.service, now_s))

    def _take(self, step: Step) -> None:
        """Go over to the next state, and do what it asks for."""
        was_flapping = self.service.is_flapping(self.now_s)
        self.service, action = step
        if self.service.is_flapping(self.now_s) and not was_flapping:
            self._journal.note("error", "worker_flapping", "the worker ends again and again")
        if self._settling and not self._settling.done() and (outcome := service.outcome(self.service)) is not None:
            self._settling.set_result(outcome)
        if action is Action.SPAWN:
            self._spawn()
        elif action is not None:
            assert self._run is not None  # as the state machine's property tests show
            self._end(self._run, action)

    def _end(self, run: Attempt, action: Action) -> None:
        if action is Action.ABORT:
            run.illness, run.was_stopped = self.service.reason, run.process.is_stopped()
            cause = "; somebody has stopped it (SIGSTOP)" if run.was_stopped else ""
            self._journal.note("warning", "worker_hung", f"the worker is ended: {run.illness}{cause}")
            run.process.abort()
        elif action is Action.KILL:
            run.process.kill()
        else:
            run.process.ask_to_stop()

    def _spawn(self) -> None:
        oom_kills = self.group.oom_kills() if self.group else 0
        try:
            recipe = self._make_recipe()
            process = WorkerProcess(self._children, recipe.python, recipe.start, self._hear, self._on_ended)
        except (EdgefuseError, OSError) as e:
            self._note_refusal(str(e))
            self._tell_end(Verdict(str(e)), is_trial_blamed=False)
            self._take(service.on_ended(self.service, self.now_s, str(e), retry_s=service.FATAL_RETRY_S))
            return
        ring = MemoryRing(limit_mb=recipe.memory_mb, started_s=self.now_s)
        self._run = Attempt(process, health.start(self.now_s), ring, oom_kills)
        if self.group is not None:
            self._limit(self.group, process.pid, recipe.memory_mb)

    def _limit(self, group: WorkerGroup, pid: int, memory_mb: int) -> None:
        try:
            group.limit(memory_mb)
            group.add(pid)
        except OSError as e:
            self._journal.note("warning", "not_limited", f"cannot limit the worker's memory: {e}")
            self.group = None

    def _hear(self, message: ipc.Message) -> None:
        run = self._run
        assert run is not None  # it is made before the loop reads
        match message:
            case ipc.Heartbeat():
                self._on_beat(run, message)
            case ipc.Alive():
                run.health = health.on_alive(run.health, self.now_s)
            case ipc.Planned():
                self._on_planned(run, message)
            case ipc.Opened():
                run.health, run.startup_s = health.on_opened(run.health, self.now_s), message.startup_s
                run.size_px = (message.width_px, message.height_px)
            case ipc.Answer():
                if (answer := run.answers.get(message.id)) and not answer.done():
                    answer.set_result(message)
            case ipc.Failed():
                run.failure = message.reason
        if isinstance(message, ipc.Heartbeat | ipc.Compared | ipc.TrialFailed):
            for listener in tuple(self.listeners):
                listener.hear(message)

    def _on_planned(self, run: Attempt, planned: ipc.Planned) -> None:
        """Take note of what is opened now, or of what has taken over."""
        run.learn_places(planned, self.now_s)
        if planned.is_trial:
            return
        worker_news.note_plan(self._journal, self.plan, planned.plan)
        self.plan = planned.plan
        if not run.health.is_open:
            run.health = health.on_planned(run.health)
            self._take(service.on_planned(self.service, self.now_s))

    def _on_beat(self, run: Attempt, beat: ipc.Heartbeat) -> None:
        before, run.beat = run.beat, beat
        was_running = self.service.state == "RUNNING"
        run.health = health.on_beat(run.health, beat, self.now_s)
        if beat.source != "flowing":
            rest = worker_news.describe_rest(beat)
            self._take(service.on_resting(self.service, self.now_s, rest, is_open=run.health.is_open))
        elif beat.frames_out > (before.frames_out if before else 0):
            self._take(service.on_delivered(self.service, self.now_s))
        if self.service.state == "RUNNING" and not was_running:
            self._refusal = ""
            worker_news.note_running(self._journal, run)
        worker_news.note_source(self._journal, before, beat)
        self._watch_memory(run, beat)

    def _watch_memory(self, run: Attempt, beat: ipc.Heartbeat) -> None:
        if run.trial_places:
            return  # what two releases hold tells nothing of either
        is_quiet = beat.source != "flowing" or beat.faces < _QUIET_FACES
        run.ring, advice = memory_ring.step(run.ring, beat.rss_mb, self.now_s, is_quiet=is_quiet)
        if advice.warning:
            self._journal.note("warning", "memory_high", advice.warning)
        if advice.restart:
            self.restart(advice.restart)

    def _on_ended(self, end: End) -> None:
        run = self._run
        assert run is not None
        self._run = None
        run.answer_all("cannot ask the worker: it ended before it answered; ask again")
        is_over_memory = self.group is not None and self.group.oom_kills() > run.oom_kills
        was_wished = self.service.state == "STOPPING" and not run.illness
        judged = verdict.judge(end, run.tell_circumstances(is_over_memory=is_over_memory))
        if not was_wished:
            self._report(judged, run)
        self._tell_end(None if was_wished else judged, is_trial_blamed=run.is_trial_blamed(judged))
        self._take(service.on_ended(self.service, self.now_s, judged.reason, retry_s=judged.retry_s))

    def _tell_end(self, judged: Verdict | None, *, is_trial_blamed: bool) -> None:
        for listener in tuple(self.listeners):
            listener.end(judged, is_trial_blamed=is_trial_blamed)

    def _report(self, judged: Verdict, run: Attempt) -> None:
        if judged.retry_s is not None:
            self._note_refusal(judged.reason)
            return
        if not run.illness:  # of which was told when the worker was to be ended
            self._journal.note("warning", judged.kind, judged.reason)
        if setups := tuple(run.setups[place] for place in judged.blamed if place in run.setups):
            self._on_blamed(setups, judged.how)

    def _note_refusal(self, reason: str) -> None:
        """Report what a person must mend, once and not at each new try."""
        if reason != self._refusal:
            self._refusal = reason
            self._journal.note("error", "worker_refused", reason)
