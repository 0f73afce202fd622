import os
import sys
from pathlib import Path

import pytest
from fakes.interpreter import write_interpreter

from edgefuse.planning.child import ChildError, ChildLimitError, ChildStoppedError, ask_child


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("kill -SEGV $$", "it crashed with SIGSEGV"),
        ("kill -XCPU $$", "it took more processor time than it may"),
        ("kill -KILL $$", "it was killed by SIGKILL, most likely because memory ran out"),
        ("echo first >&2; echo 'ImportError: no numpy' >&2; exit 1", "it failed with ImportError: no numpy"),
        ("exit 3", "it ended with code 3"),
        ("exec sleep 60", "it gave no answer within 0.2 s"),
    ],
)
def test_the_end_of_a_child_becomes_the_reason(tmp_path: Path, line: str, reason: str) -> None:
    python = write_interpreter(tmp_path / "python", line)
    with pytest.raises(ChildError, match=f"^{reason}$"):
        ask_child("any.module", timeout_s=0.2 if "sleep" in line else 10, python=python)


def test_a_child_that_was_stopped_at_shutdown_did_not_fail(tmp_path: Path) -> None:
    python = write_interpreter(tmp_path / "python", "kill -TERM $$")
    with pytest.raises(ChildStoppedError, match="stopped by SIGTERM"):
        ask_child("any.module", timeout_s=10, python=python)


def test_a_child_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    python = write_interpreter(
        tmp_path / "python", f"exec {sys.executable} -c 'x = []\nwhile 1: x.append(bytearray(1000000) + b\"1\")'"
    )
    with pytest.raises(ChildLimitError, match="it took more than the 60 MB of memory that it may"):
        ask_child("any.module", timeout_s=60, limit_mb=60, python=python)


def test_a_child_within_its_limits_answers_and_keeps_what_it_inherits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "slow.py").write_text(
        "import os, sys, time\n"
        "from edgefuse.planning.child import answer_parent\n"
        "question = sys.stdin.buffer.read()\n"
        "time.sleep(0.2)\n"
        "os.write(int(sys.argv[1]), b'noted')\n"
        "answer_parent(lambda: question * 2)\n"
    )
    notes = os.memfd_create("notes")
    question = b"?" * 1_000_000  # more than a pipe holds, so that it goes in several parts
    try:
        assert (
            ask_child("slow", str(notes), question=question, timeout_s=60, limit_mb=500, inherit=(notes,))
            == question * 2
        )
        assert os.pread(notes, 100, 0) == b"noted"
    finally:
        os.close(notes)


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match=r"cannot run .*/nowhere: No such file or directory"):
        ask_child("any.module", timeout_s=10, python=str(tmp_path / "nowhere"))


def test_what_libraries_print_does_not_spoil_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "chatty.py").write_text(
        "import os\n"
        "from edgefuse.planning.child import answer_parent\n"
        "def answer():\n"
        "    os.write(1, b'native noise')\n"
        "    print('python noise')\n"
        "    return b'answer'\n"
        "answer_parent(answer)\n"
    )
    assert ask_child("chatty", timeout_s=10) == b"answer"


def test_a_library_that_crashes_when_it_is_taken_down_does_not_spoil_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "fragile.py").write_text(
        "import atexit, os\n"
        "from edgefuse.planning.child import answer_parent\n"
        "atexit.register(os.abort)\n"
        "answer_parent(lambda: b'answer')\n"
    )
    assert ask_child("fragile", timeout_s=10) == b"answer"


@pytest.mark.parametrize("name", ["msgspec", "runpy", "edgefuse"])
def test_a_file_in_the_working_folder_does_not_pass_for_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working folder')")
    monkeypatch.chdir(tmp_path)
    assert b'"id":"fake"' in ask_child("edgefuse.planning.probe", "fake", timeout_s=10)
