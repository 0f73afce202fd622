"""Going on under the interpreter that the profile names; the command is a real process."""

import platform
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml
from fakes.interpreter import write_interpreter
from fakes.planned import make_host, make_profile

from edgefuse.config.profile import Match

CHECKOUT = Path(__file__).resolve().parents[2]


def run(root: Path, python: str, *, is_named: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command that fails where it reads its settings, on a unit whose profile names an interpreter."""
    profile = make_profile("fake", id="stick", sample=make_host("fake"), worker_python=python)
    profile = msgspec.structs.replace(profile, match=Match(arch=(platform.machine(),)))
    folder = root / "etc/edgefuse/devices.d"
    folder.mkdir(parents=True)
    (folder / "stick.yaml").write_text(yaml.safe_dump(msgspec.to_builtins(profile)))
    command = [sys.executable, "-m", "edgefuse", "run", "--source", "a b", "--sink", "null", "--set", "no-equals"]
    command += ["--profile", "stick"] if is_named else []
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)


def recording(folder: Path) -> str:
    """Write an interpreter that notes its arguments and is this one."""
    return write_interpreter(folder / "python", f'printf "%s\\n" "$@" >> {folder}/calls; exec {sys.executable} "$@"')


@pytest.mark.parametrize("is_named", [True, False], ids=["named profile", "matching profile"])
def test_the_command_goes_on_once_under_the_profiles_interpreter(root: Path, tmp_path: Path, is_named: bool) -> None:
    done = run(root, recording(tmp_path), is_named=is_named)
    assert (done.returncode, "cannot set 'no-equals'" in done.stderr) == (2, True)
    arguments = ["edgefuse", "run", "--source", "a b", "--sink", "null", "--set", "no-equals"]
    arguments += ["--profile", "stick"] if is_named else []
    # What stands before is how a module is started.
    assert (tmp_path / "calls").read_text().splitlines()[2:] == arguments


def test_where_it_is_this_interpreter_nothing_is_started_anew(root: Path) -> None:
    assert "cannot set 'no-equals'" in run(root, sys.executable).stderr


def test_a_missing_interpreter_is_told_with_what_makes_it(root: Path) -> None:
    done = run(root, "/nowhere/bin/python")
    assert done.returncode == 2
    assert done.stderr.startswith("edgefuse: cannot run models under 'stick': the profile's worker_python /nowhere/")
    assert "python3.10 -m venv /nowhere/bin/venv" in done.stderr and "docs/boards.md" in done.stderr


def test_an_interpreter_that_does_not_start_is_told(root: Path, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_bytes(b"\0")
    broken.chmod(0o755)
    done = run(root, str(broken))
    assert (done.returncode, "does not start: Exec format error" in done.stderr) == (2, True)
