"""Memory in steady state: no large allocation outside codecs, no lost buffer, no growth."""

import shutil
from pathlib import Path

import pytest
from benching.allocations import measure


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler to build the tracer with")
@pytest.mark.parametrize("effect", ["fuse_mesh", "anonymise"])
def test_two_thousand_frames_need_no_new_memory(effect: str, default_clip: Path) -> None:
    result = measure(effect, str(default_clip))
    assert result.run.frames_out == 2001
    assert result.faults() == []
