"""Count allocations of 64 KiB or more between frames 200 and 2,000 of the real pipeline, by call stack.

Those inside codecs are listed; any other is a failure (exit code 1), as are a buffer that did not come back and
resident memory that grows. Needs Linux and a C compiler, ``cc``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import av
import msgspec
from av.video.stream import VideoStream

from benching.tracing import FIRST_FRAME, LAST_FRAME, RUNS, Traced
from edgefuse.cli._source import resolve_source
from edgefuse.errors import EdgefuseError

TRACER = Path(__file__).resolve().parents[1] / "bench/malloc_trace.c"
CHECKOUT = TRACER.parents[2]
CODECS = re.compile(r"lib(av|sw)[a-z]+|libx26[45]|libvpx|libdav1d|libaom|libSvtAv1|libopenh264")
"""The libraries that FFmpeg consists of or decodes and encodes video with."""
MAX_SLOPE_KB = 1.0
"""Kilobytes a frame, far below anything that belongs to a frame; a leaked 720p frame is 2,765."""


class Allocation(msgspec.Struct, frozen=True):
    """All allocations with one call stack."""

    count: int
    largest_bytes: int
    place: tuple[str, ...]
    """Lines of Python that led there, innermost first; none in threads that Python does not know."""
    stack: tuple[str, ...]
    """library:function of the native frames, innermost first."""

    @property
    def codec(self) -> str:
        """The codec library in which it happened, or nothing; libavutil, which all of them allocate by, only alone."""
        native = (CODECS.match(frame) for frame in self.stack[: self._first_python()])
        libraries = [match[0] for match in native if match]
        return next((library for library in libraries if library != "libavutil"), *libraries[:1] or [""])

    @property
    def own_place(self) -> str:
        """The innermost line of edgefuse, or what else is known."""
        own = [line for line in self.place if "/edgefuse/" in line]
        return (own or list(self.place) or [self.stack[0]])[0].replace(f"{CHECKOUT}/", "")

    def _first_python(self) -> int:
        """Count the native frames up to the interpreter: what called Python before is not to blame."""
        return next((i for i, frame in enumerate(self.stack) if "_PyEval" in frame), len(self.stack))


class Result(msgspec.Struct, frozen=True):
    """One run of one effect."""

    effect: str
    run: Traced
    in_codecs: tuple[Allocation, ...]
    elsewhere: tuple[Allocation, ...]

    def faults(self) -> list[str]:
        """List what is not as it must be."""
        faults = [f"{a.count} allocations of up to {a.largest_bytes:,} bytes at {a.own_place}" for a in self.elsewhere]
        pool = self.run.pool
        if pool.leased != pool.returned:
            faults.append(f"{pool.leased - pool.returned} buffers did not come back")
        if self.run.rss_slope_kb > MAX_SLOPE_KB:
            faults.append(f"memory grows by {self.run.rss_slope_kb:.2f} kB a frame, more than {MAX_SLOPE_KB:g}")
        return faults


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/allocations", description=__doc__)
    parser.add_argument("--source", default="default", help="a video; `default` is a clip of a real face")
    parser.add_argument("--sink", default="null", help="`null` discards; name.mp4 brings the encoder in")
    parser.add_argument("--json", action="store_true", help="print one JSON object a run")
    options = parser.parse_args()
    try:
        source = resolve_source(options.source)
        results = [measure(effect, source, options.sink) for effect in RUNS]
    except EdgefuseError as e:
        print(f"allocations: {e}", file=sys.stderr)
        return 2
    for result in results:
        print(msgspec.json.encode(result).decode() if options.json else describe(result))
    return 1 if any(result.faults() for result in results) else 0


def measure(effect: str, source: str, sink: str = "null") -> Result:
    """Run an effect, one of ``RUNS``, in a traced child process.

    Raises:
        EdgefuseError: There is no C compiler, or the run failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"
        if Path(source).is_file():
            source = str(lengthen(Path(source), Path(folder) / f"long{Path(source).suffix}"))
        environment = os.environ | {
            "LD_PRELOAD": str(build_tracer(Path(folder))),
            "PYTHONPATH": os.pathsep.join((str(CHECKOUT / "tools"), str(CHECKOUT))),
            # Python's own allocator keeps an index of 128 KiB per 16 GiB of addresses in which it has an arena; which
            # frame meets a new one is chance, and no doing of the line it happens in.
            "PYTHONMALLOC": "malloc",
        }
        command = [sys.executable, "-m", "benching.tracing", effect, source, sink, str(trace)]
        child = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if child.returncode:
            raise EdgefuseError(f"cannot trace {effect}: the run ended with code {child.returncode}")
        traced = msgspec.json.decode(child.stdout.splitlines()[-1], type=Traced)
        allocations = read_trace(trace.read_text())
    in_codecs = tuple(a for a in allocations if a.codec)
    return Result(effect, traced, in_codecs, tuple(a for a in allocations if not a.codec))


def lengthen(clip: Path, long: Path) -> Path:
    """Write a clip again and again into one file until there are frames enough; nothing is decoded.

    Opening the clip anew would not do: each new decoder settles in memory of its own.
    """
    with av.open(str(long), "w") as output:
        stream: VideoStream | None = None
        offset = frames = 0
        while frames <= LAST_FRAME:
            with av.open(str(clip)) as container:
                played = container.streams.video[0]
                stream = stream or output.add_stream_from_template(played)
                packets = [packet for packet in container.demux(played) if packet.dts is not None]
                for packet in packets:
                    packet.dts, packet.pts = packet.dts + offset, packet.pts + offset
                    packet.stream = stream
                    output.mux(packet)
            frames += len(packets)
            offset += played.duration
    return long


def build_tracer(folder: Path) -> Path:
    """Compile the tracer.

    Raises:
        EdgefuseError: There is no C compiler, or it refuses.
    """
    if shutil.which("cc") is None:
        raise EdgefuseError("cannot build the tracer: there is no C compiler, `cc` (Debian: apt install gcc libc6-dev)")
    library = folder / "malloc_trace.so"
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(TRACER), "-ldl", "-lpthread"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise EdgefuseError(f"cannot build the tracer: {done.stderr.strip()}")
    return library


def read_trace(text: str) -> list[Allocation]:
    """Read what malloc_trace_stop wrote, most frequent first.

    Raises:
        EdgefuseError: There were more call stacks than it can count.
    """
    head, *lines = text.splitlines()
    lost = int(head.partition("\t")[2])
    if lost:
        raise EdgefuseError(f"cannot count allocations: {lost} had call stacks beyond the table's size")
    allocations = []
    for line in lines:
        count, largest_bytes, place, *stack = line.split("\t")
        lines_of_python = tuple(filter(None, place.split("|")))
        allocations.append(Allocation(int(count), int(largest_bytes), lines_of_python, tuple(stack)))
    return sorted(allocations, key=lambda a: -a.count)


def describe(result: Result) -> str:
    """Give a result for a person."""
    traced = result.run
    lines = [
        f"{result.effect}: frames {FIRST_FRAME} to {LAST_FRAME} of {traced.frames_out}, "
        f"{traced.pool.leased} buffers leased and {traced.pool.returned} returned, "
        f"{traced.rss_mb:.0f} MB, growing {traced.rss_slope_kb:.2f} kB a frame",
        f"  allocations of 64 KiB or more outside codecs: {sum(a.count for a in result.elsewhere)}",
        f"  inside codecs: {sum(a.count for a in result.in_codecs)}",
        *_codecs(result.in_codecs),
        *(f"  fault: {fault}" for fault in result.faults()),
        *_details(result.elsewhere),
    ]
    return "\n".join(lines)


def _codecs(allocations: Collection[Allocation]) -> list[str]:
    """Sum up by library."""
    counts: Counter[str] = Counter()
    for allocation in allocations:
        counts[allocation.codec] += allocation.count
    largest = {codec: max(a.largest_bytes for a in allocations if a.codec == codec) for codec in counts}
    return [f"    {count:6} of up to {largest[codec]:,} bytes in {codec}" for codec, count in counts.most_common()]


def _details(allocations: Collection[Allocation]) -> list[str]:
    """Give what it takes to find offenders."""
    lines = []
    for allocation in allocations:
        lines += [f"  {allocation.own_place}", *(f"    python {line}" for line in allocation.place)]
        lines += [f"    native {frame}" for frame in allocation.stack]
    return lines


if __name__ == "__main__":
    sys.exit(main())
