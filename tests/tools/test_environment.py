"""Environments of pinned packages: made once, however many ask for them at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from converting import environment
from fakes.interpreter import write_interpreter


def test_two_first_uses_make_an_environment_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "CACHE", tmp_path / "cache")
    python = write_interpreter(
        tmp_path / "python",
        f"""case $1 in
-c) echo 3.10 ;;
*) [ "$2" = venv ] && mkdir -p "$4/bin" && cp {tmp_path}/python "$4/bin/python"
   echo "$2" >>{tmp_path}/calls; sleep 0.2 ;;
esac""",
    )
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: environment.make(environment.OPENVINO_2022, Path(python)), range(2)))
    assert made[0] == made[1]
    assert (tmp_path / "calls").read_text().split() == ["venv", "pip"]
