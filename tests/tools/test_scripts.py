"""The shell scripts of ``tools``: what they ask of ``tools/environment``."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(
    path
    for path in (ROOT / "tools").rglob("*")
    if path.is_file() and path.name != "environment" and b"make_environment " in path.read_bytes()
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_asks_for_an_extra_that_there_is(script: Path) -> None:
    described = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[project.optional-dependencies]\n")[2]
    extras = re.findall(r"^(\w+) = \[", described.partition("\n[")[0], re.MULTILINE)
    (asked,) = re.findall(r"make_environment ([^\s\"]+)", script.read_text(encoding="utf-8"))
    assert asked in extras


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with constraints for two versions of Python, and Pythons that only note what they are asked."""
    for name in ("tools/environment", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "constraints").mkdir()
    for version in ("py310", "py311"):
        (tmp_path / f"constraints/newest-{version}.txt").touch()
        write_python(tmp_path / version, version)
    return tmp_path


def write_python(path: Path, version: str) -> None:
    """Write a Python that tells its version, makes environments of its kind, and takes a while to install."""
    make = f"mkdir -p .venv/bin; cp {path} .venv/bin/python; cp {path} .venv/bin/pip"
    path.write_text(
        "#!/bin/sh\n"
        f'case $* in "-c import sys"*) echo {version} ;; "-m venv"*) echo venv >>calls; {make} ;;\n'
        '*) echo start >>calls; sleep 0.3; echo "${7##*/}" >>calls ;; esac\n'
    )
    path.chmod(0o755)


def start_environment(checkout: Path, python: str) -> subprocess.Popen[bytes]:
    script = ["bash", "-euc", ". tools/environment; make_environment dev"]
    return subprocess.Popen(script, cwd=checkout, env={**os.environ, "PYTHON": f"{checkout}/{python}"})


def test_pins_follow_the_environment_that_is_there(checkout: Path) -> None:
    assert start_environment(checkout, "py310").wait() == 0
    (checkout / ".venv/dev.stamp").unlink()
    assert start_environment(checkout, "py311").wait() == 0
    done = ["start", "newest-py310.txt"]
    assert (checkout / "calls").read_text().split() == ["venv", *done, *done]


@pytest.mark.skipif(shutil.which("flock") is None, reason="no flock here")
def test_two_first_uses_make_the_environment_once(checkout: Path) -> None:
    uses = [start_environment(checkout, "py311") for _ in range(2)]
    assert [use.wait() for use in uses] == [0, 0]
    assert (checkout / "calls").read_text().split() == ["venv", "start", "newest-py311.txt"]


def test_a_python_that_is_missing_is_told(checkout: Path) -> None:
    assert start_environment(checkout, "nowhere").wait() == 2
