import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgefuse.memory import resident_mb


def test_resident_memory_is_what_the_kernel_says_in_kilobytes() -> None:
    status_kb = int(re.findall(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])
    assert resident_mb() == pytest.approx(status_kb * 1024 / 1e6, rel=0.02)  # pages move between the two readings


def test_the_kernels_page_size_is_asked_for() -> None:
    code = "import os; os.sysconf = lambda _: 16384; from edgefuse.memory import resident_mb; print(resident_mb())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 16  # a bare interpreter has 1,500 pages and more


def _count_heaps(prepare: str) -> int:
    """Count glibc's heaps in a process whose threads allocate at the same time."""
    code = f"""
import ctypes, threading
from edgefuse.memory import share_one_heap
{prepare}
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.fopen.restype = ctypes.c_void_p, ctypes.c_void_p
together = threading.Barrier(4)
def allocate():
    libc.malloc(1000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_info(0, ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w")))
libc.fflush(None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="another C library has other heaps")
def test_threads_share_one_heap() -> None:
    assert _count_heaps("share_one_heap()") == 1
    assert _count_heaps("") > 1
