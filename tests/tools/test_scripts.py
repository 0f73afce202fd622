"""The shell scripts of ``tools``: what they ask of ``tools/environment``."""

import re
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
