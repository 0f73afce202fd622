"""What the ``fake`` runtime can be told to do wrong, so that tests can show what becomes of bad models."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edgefuse import registry
from edgefuse.errors import RuntimeRunError
from edgefuse.memory import resident_mb
from edgefuse.runtime import Session, SessionOptions

CHECKOUT = Path(__file__).parents[2]
IMAGE = {"name": "image", "shape": [4]}


def bound_session(folder: Path, **flaws: object) -> tuple[Session, np.ndarray[Any, Any]]:
    """Open a model whose output is its input, and bind it to ones."""
    path = folder / "flawed.json"
    path.write_bytes(msgspec.json.encode({"inputs": [IMAGE], "outputs": [{"name": "copy", "shape": [4]}], **flaws}))
    session: Session = registry.load("edgefuse.runtimes", "fake").open(path, SessionOptions())
    output = np.zeros(4, np.float32)
    session.bind([np.ones(4, np.float32)], [output])
    return session, output


RUN_TWICE = """
import signal, sys
from pathlib import Path
from test_fake import bound_session
import msgspec
session, _ = bound_session(Path(sys.argv[1]), fault=msgspec.json.decode(sys.argv[2]))
session.run()
print("ran once", flush=True)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
signal.alarm(1)
session.run()
"""


def run_twice(folder: Path, kind: str) -> subprocess.CompletedProcess[str]:
    """Run a model twice in a process of its own; an alarm ends the second run where nothing else does."""
    fault = json.dumps({"is": kind, "after_runs": 1})
    command = [sys.executable, "-c", RUN_TWICE, str(folder), fault]
    path = os.pathsep.join((str(CHECKOUT), str(Path(__file__).parent)))
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}, timeout=120
    )


def test_a_run_takes_as_long_as_it_should(tmp_path: Path) -> None:
    session, _ = bound_session(tmp_path, run_ms=20)
    start_s = time.monotonic()
    for _ in range(5):
        session.run()
    assert time.monotonic() - start_s >= 0.1


def test_each_run_takes_memory_that_closing_gives_back(tmp_path: Path) -> None:
    session, _ = bound_session(tmp_path, growth_kb=20_000)
    before_mb = resident_mb()
    for _ in range(5):
        session.run()
    assert resident_mb() - before_mb > 80
    session.close()
    assert resident_mb() - before_mb < 60


def test_outputs_are_zeros_after_so_many_runs(tmp_path: Path) -> None:
    session, output = bound_session(tmp_path, fault={"is": "zeros", "after_runs": 2})
    seen = []
    for _ in range(3):
        session.run()
        seen.append(output.tolist())
    assert seen == [[1.0] * 4, [1.0] * 4, [0.0] * 4]


def test_a_run_fails_after_so_many(tmp_path: Path) -> None:
    session, _ = bound_session(tmp_path, fault={"is": "fail", "after_runs": 1})
    session.run()
    with pytest.raises(RuntimeRunError, match=r"cannot run flawed.json: it fails after 1 runs"):
        session.run()


@pytest.mark.parametrize(("kind", "end"), [("crash", signal.SIGSEGV), ("hang", signal.SIGALRM)])
def test_the_run_after_so_many_takes_the_process_along(tmp_path: Path, kind: str, end: signal.Signals) -> None:
    done = run_twice(tmp_path, kind)
    assert (done.returncode, done.stdout) == (-end, "ran once\n"), done.stderr
