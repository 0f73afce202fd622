import re
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


def test_a_board_whose_models_run_on_the_processor_says_why() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table, _, rest = readme.partition("<!-- /boards -->")
    reasons = rest.partition("Another board is")[0]
    on_processor = re.findall(r"`([\w-]+)` \|.* cpu \|", table)
    assert on_processor
    assert [board for board in on_processor if f"`{board}`" not in reasons] == []
