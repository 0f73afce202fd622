import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from benching.allocations import Allocation, Result, build_tracer, describe, read_trace
from benching.tracing import Traced

from edgefuse.errors import EdgefuseError
from edgefuse.worker.report import Pool

NUMPY = "9\t220000\t/x/edgefuse/vision/warp.py:112|/x/edgefuse/worker/loop.py:190\tnumpy.so:?\tpython:_PyEval_EvalFrame"
DECODER = "2\t70000\t\tlibavutil-58.so:av_malloc\tlibavcodec-5e.so.62:?\tlibc.so.6:?"
CALLED_FROM_CODEC = "1\t70000\t/x/edgefuse/a.py:1\tnumpy.so:?\tpython:_PyEval_EvalFrame\tlibavcodec-5e.so.62:?"

WORKLOAD = """
import ctypes, numpy
tracer = ctypes.CDLL(None)
small, large = numpy.zeros(10), numpy.zeros(10)
tracer.malloc_trace_start()
for _ in range(3):
    small = numpy.full(1_000, 1.0)
    large = numpy.full(10_000, 1.0)
tracer.malloc_trace_stop({trace!r}.encode())
"""


def make_result(*trace: str, returned: int = 10, slope_kb: float = 0.0) -> Result:
    allocations = read_trace("\n".join(("lost\t0", *trace)))
    run = Traced(10, Pool(buffers=8, leased=10, returned=returned, peak=3), rss_mb=100.0, rss_slope_kb=slope_kb)
    in_codecs = tuple(a for a in allocations if a.codec)
    return Result("none", run, in_codecs, tuple(a for a in allocations if not a.codec))


def test_allocation_of_a_decoder_is_listed_by_its_library_and_no_fault() -> None:
    result = make_result(DECODER)
    assert [a.codec for a in result.in_codecs] == ["libavcodec"]
    assert result.faults() == []
    assert "2 of up to 70,000 bytes in libavcodec" in describe(result)


def test_allocation_elsewhere_is_a_fault_told_with_its_line_of_edgefuse() -> None:
    assert make_result(NUMPY).faults() == ["9 allocations of up to 220,000 bytes at /x/edgefuse/vision/warp.py:112"]


def test_python_that_a_codec_calls_is_not_the_codec() -> None:
    assert make_result(CALLED_FROM_CODEC).in_codecs == ()


def test_lost_buffer_is_a_fault() -> None:
    assert make_result(returned=9).faults() == ["1 buffers did not come back"]


def test_growing_memory_is_a_fault() -> None:
    assert make_result(slope_kb=4.0).faults() == ["memory grows by 4.00 kB a frame, more than 1"]


def test_trace_that_is_not_complete_is_refused() -> None:
    with pytest.raises(EdgefuseError, match="7 had call stacks beyond"):
        read_trace("lost\t7")


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler to build the tracer with")
def test_tracer_counts_large_allocations_only_and_names_the_line(tmp_path: Path) -> None:
    trace, script = tmp_path / "trace", tmp_path / "workload.py"
    script.write_text(WORKLOAD.format(trace=str(trace)))
    environment = os.environ | {"LD_PRELOAD": str(build_tracer(tmp_path))}
    subprocess.run([sys.executable, str(script)], env=environment, check=True)
    found: list[Allocation] = [a for a in read_trace(trace.read_text()) if f"{script}:8" in a.place]
    assert [(a.count, a.largest_bytes) for a in found] == [(3, 80_000)]
