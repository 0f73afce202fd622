import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.model_files import write_wheel

from edgefuse.errors import FetchError
from edgefuse.store.transport import Request, UnreachableError
from edgefuse.store.transports.python import PLUGIN


@pytest.fixture
def request_wheel(tmp_path: Path) -> Request:
    return Request("tiny_model==1.0", tmp_path / "here", 1 << 20, lambda *_: None)


def test_a_wheel_comes_by_the_users_pip(wheel_folder: Path, request_wheel: Request) -> None:
    wheel = write_wheel(wheel_folder, {"net": b"weights"})
    assert PLUGIN.fetch(request_wheel).read_bytes() == wheel.read_bytes()


def test_a_wheel_for_another_machine_serves_where_there_is_none_for_this_one(
    wheel_folder: Path, request_wheel: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_PLATFORM", "linux_armv7l")  # what pip takes this machine for
    write_wheel(wheel_folder, {"net": b"weights"}, tag="cp311-cp311-manylinux_2_28_x86_64")
    assert PLUGIN.fetch(request_wheel).suffix == ".whl"


def test_a_source_distribution_is_never_run(wheel_folder: Path, request_wheel: Request) -> None:
    (wheel_folder / "tiny_model-1.0.tar.gz").write_bytes(b"its setup.py would run")
    with pytest.raises(FetchError, match="no wheel of that version was found"):
        PLUGIN.fetch(request_wheel)


@pytest.mark.usefixtures("wheel_folder")
def test_a_missing_package_is_told_in_one_line(request_wheel: Request) -> None:
    with pytest.raises(FetchError, match=r"^cannot fetch tiny_model==1\.0 with pip: [^\n]*$"):
        PLUGIN.fetch(request_wheel)


def test_no_network_is_told_in_one_line(
    wheel_folder: Path, request_wheel: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not list(wheel_folder.iterdir())
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port, where nobody listens
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(UnreachableError, match=r"^cannot reach the package index with pip: [^\n]*$"):
        PLUGIN.fetch(request_wheel)


def test_a_python_without_pip_is_told_with_the_command_that_mends_it() -> None:
    program = """
from pathlib import Path
from edgefuse.store.transport import Request
from edgefuse.store.transports.python import PLUGIN
PLUGIN.fetch(Request("tiny_model==1.0", Path("."), 1, lambda *_: None))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-S", "-c", program]  # -S: nothing but the standard library
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert f"UnreachableError: cannot run pip: it is not installed ({sys.executable} -m ensurepip)" in done.stderr
