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
