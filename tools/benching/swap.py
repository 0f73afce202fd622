"""Let releases take over from one another while a viewer watches: how long is the picture still, and what is lost?

A real worker plays the default clip as a camera of 30 Hz would, and serves its live page. Again and again another
release with the same models is tried beside the one that runs, for one block of shared frames, and is kept, or is
closed again; at last a new worker is started with another release, as where memory does not hold both. Passes when
trials lose no frame, no gap of a swap or a rollback is longer than two frame periods, and no restart takes 2 s
(else exit code 1). Gaps are those between two frames as they come to the viewer.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys

import msgspec
from tqdm import trange

from benching.command import run_bench
from benching.driven_worker import DrivenWorker, Viewer, open_worker
from benching.supervised import unit_root
from edgefuse import clock, ipc
from edgefuse.cli._source import resolve_source
from edgefuse.cli._unit import format_table
from edgefuse.errors import EdgefuseError
from edgefuse.store.release import current_release, save_release
from edgefuse.store.store import open_store

RATE_HZ = 30
GAP_S, RESTART_S = 2 / RATE_HZ, 2.0
PLAIN_S, AFTER_S = 5.0, 1.0
RELEASES = ("bench-a", "bench-b")


class Swaps(msgspec.Struct, frozen=True, kw_only=True):
    """One run; the gaps are in seconds."""

    plain_s: float
    """The longest gap while nothing happens."""
    swaps_s: tuple[float, ...]
    """From the order to try a release on, until a second after it was kept."""
    rollbacks_s: tuple[float, ...]
    """The same, until a second after it was closed."""
    restarts_s: tuple[float, ...]
    lost: int
    """Frames, in all trials."""
    slowdown: float
    """Median time of a frame, of releases with the same models; 1 but for noise."""

    def faults(self) -> list[str]:
        """List what is not as it must be."""
        checks = {
            f"{self.lost} frames were lost": self.lost > 0,
            "a gap of a swap is too long": max(self.swaps_s) > GAP_S,
            "a gap of a rollback is too long": max(self.rollbacks_s) > GAP_S,
            "a restart took too long": max(self.restarts_s) > RESTART_S,
        }
        return [fault for fault, is_true in checks.items() if is_true]


class Show:
    """A worker and its viewer."""

    def __init__(self, worker: DrivenWorker, viewer: Viewer) -> None:
        self._worker, self._viewer = worker, viewer
        self._trials = 0
        self.lost = 0
        self.ratios: list[float] = []

    def watch(self, seconds: float) -> float:
        """Give the longest gap within a time from now on."""
        begun_ns = clock.now_ns()
        return self._gap_after(begun_ns, seconds)

    def swap(self) -> float:
        """Try a release and keep it."""
        begun_ns, before = self._begin()
        self._worker.ask(ipc.Keep(id=2))
        return self._end(begun_ns, before)

    def roll_back(self) -> float:
        """Try a release and close it."""
        begun_ns, before = self._begin()
        self._worker.tell(ipc.GoBack())
        self._trials -= 1
        return self._end(begun_ns, before)

    def _begin(self) -> tuple[int, int]:
        before, begun_ns = self._count_lost(), clock.now_ns()
        self._worker.ask(ipc.Try(id=1, release=RELEASES[self._trials % 2]))
        self._trials += 1
        block = self._worker.wait_for(ipc.Compared)
        self.ratios.append(block.new.median_ms / block.old.median_ms)
        return begun_ns, before

    def _end(self, begun_ns: int, before: int) -> float:
        gap_s = self._gap_after(begun_ns, AFTER_S)
        self.lost += self._count_lost() - before
        return gap_s

    def _gap_after(self, begun_ns: int, seconds: float) -> float:
        until_ns = clock.now_ns() + round(seconds * clock.NS_PER_S)
        self._worker.wait_for(ipc.Heartbeat, lambda _: clock.now_ns() > until_ns)
        return self._viewer.longest_gap_s(begun_ns, until_ns)

    def _count_lost(self) -> int:
        beat = self._worker.wait_for(ipc.Heartbeat)
        return beat.dropped + beat.skipped


def main() -> int:
    """Measure, print, and exit with 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="tools/bench/swap", description=__doc__)
    parser.add_argument("--count", type=int, default=5, metavar="N", help="times each is done (default %(default)d)")
    parser.add_argument("--effect", default="anonymise", choices=("fuse_mesh", "anonymise", "none"))
    _, swaps = run_bench(parser, _measure, describe)
    return 1 if swaps.faults() else 0


def _measure(options: argparse.Namespace) -> Swaps:
    source = f"loop:{resolve_source('default')}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    start = ipc.Start(source=source, sink=f"mjpeg:{port}", effect=options.effect)
    with unit_root({"source": source, "sink": "null"}):
        store = open_store()
        for release_id in RELEASES:
            save_release(store, msgspec.structs.replace(current_release(store), id=release_id, counter=1))
        viewer = Viewer(port)
        swaps = _play(start, viewer, options.count)
        viewer.leave()
    return swaps


def _play(start: ipc.Start, viewer: Viewer, count: int) -> Swaps:
    with open_worker(start) as worker:
        worker.wait_for(ipc.Heartbeat, lambda beat: beat.frames_out > RATE_HZ)
        show = Show(worker, viewer)
        plain_s = show.watch(PLAIN_S)
        gaps_s = [(show.swap(), show.roll_back()) for _ in trange(count, unit=" swap", disable=None)]
    restarts_s = [_restart(start, viewer, RELEASES[i % 2]) for i in trange(count, unit=" restart", disable=None)]
    return Swaps(
        plain_s=plain_s,
        swaps_s=tuple(swap_s for swap_s, _ in gaps_s),
        rollbacks_s=tuple(rollback_s for _, rollback_s in gaps_s),
        restarts_s=tuple(restarts_s),
        lost=show.lost,
        slowdown=statistics.median(show.ratios),
    )


def _restart(start: ipc.Start, viewer: Viewer, release_id: str) -> float:
    """Start a worker with a release after another has ended, and give the time without a frame."""
    last_ns = viewer.seen_ns[-1]
    with open_worker(msgspec.structs.replace(start, release=release_id)) as worker:
        worker.wait_for(ipc.Heartbeat, lambda beat: beat.frames_out > RATE_HZ)
    after = [seen_ns for seen_ns in viewer.seen_ns if seen_ns > last_ns]
    if not after:
        raise EdgefuseError("cannot measure: the viewer has seen nothing after a restart")
    return (after[0] - last_ns) / clock.NS_PER_S


def describe(swaps: Swaps) -> str:
    """Give the run for a person."""
    faults = swaps.faults()

    def longest(gaps_s: tuple[float, ...]) -> str:
        return f"{1000 * statistics.median(gaps_s):.0f} ms in the median, {1000 * max(gaps_s):.0f} at most"

    rows = [
        ("longest gap while nothing happens", f"{1000 * swaps.plain_s:.0f} ms"),
        ("longest gap of a swap", longest(swaps.swaps_s)),
        ("longest gap of a rollback", longest(swaps.rollbacks_s)),
        ("gap of a restart", longest(swaps.restarts_s)),
        ("frames lost in trials", str(swaps.lost)),
        ("new to old, same models", f"{swaps.slowdown:.3f}"),
        *(("fault", fault) for fault in faults),
    ]
    return f"{len(swaps.swaps_s)} times each: {'failed' if faults else 'passed'}\n{format_table(rows)}"


if __name__ == "__main__":
    sys.exit(main())
