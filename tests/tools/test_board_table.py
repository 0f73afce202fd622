import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_boards_in_the_readme_is_what_the_plans_say() -> None:
    command = [sys.executable, ROOT / "tools/docs/board_table"]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("<!-- boards -->\n")[2].partition("<!-- /boards -->")[0]
    assert shown == table, "run: .venv/bin/python tools/docs/board_table --update"
