import logging
import os
import subprocess
import sys
from pathlib import Path

from edgefuse.log import JournalFormatter

SAY = "from edgefuse import log; log.start(is_verbose=False); import logging; logging.warning('hot')"


def say(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[1],
    )
    return done.stderr


def test_a_terminal_reads_plain_lines() -> None:
    assert say() == "WARNING root: hot\n"


def test_a_stream_that_is_no_longer_the_journal_gets_plain_lines() -> None:
    assert say(JOURNAL_STREAM="1:2") == "WARNING root: hot\n"


def test_the_journal_is_told_how_bad_each_line_is(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as journal:
        stat = os.fstat(journal.fileno())
        variables = {**os.environ, "JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}
        folder = Path(__file__).parents[1]
        subprocess.run([sys.executable, "-c", SAY], stderr=journal, check=True, env=variables, cwd=folder)
    assert (tmp_path / "journal").read_text() == "<4>WARNING root: hot\n"


def test_every_line_of_a_record_bears_its_priority() -> None:
    record = logging.LogRecord("a", logging.ERROR, "", 0, "first\nsecond", None, None)
    assert JournalFormatter("%(message)s").format(record) == "<3>first\n<3>second"


def test_what_only_concerns_a_library_is_not_said() -> None:
    code = SAY.replace("logging.warning('hot')", "logging.getLogger('tuf.api').info('no signature')")
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, stderr=subprocess.PIPE, check=True, cwd=Path(__file__).parents[1]).stderr == b""
