import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgefuse.interpreter import module_command

PROGRAM = "import json, sys\nprint(__name__, sys.argv[1:], json.dumps(1))\n"


@pytest.mark.parametrize("name", ["runpy", "json", "shown"])
def test_a_file_in_the_working_folder_does_not_pass_for_a_module(tmp_path: Path, name: str) -> None:
    modules, working = tmp_path / "modules", tmp_path / "working"
    modules.mkdir()
    working.mkdir()
    (modules / "shown.py").write_text(PROGRAM)
    (working / f"{name}.py").write_text("raise SystemExit('imported from the working folder')")
    command = module_command(sys.executable, "shown", "a b", "-c")
    environment = {**os.environ, "PYTHONPATH": str(modules)}
    done = subprocess.run(command, cwd=working, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("__main__ ['a b', '-c'] 1\n", "")
