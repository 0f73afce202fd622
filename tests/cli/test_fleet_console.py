"""``edgefuse fleet console token`` and ``edgefuse fleet serve --console`` as an operator has them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes.broker import free_port, free_ports
from fakes.command import CHECKOUT, Started, finish, start
from fakes.records import make_register

from edgefuse.__main__ import main
from edgefuse.console.tokens import find_token, load_tokens
from edgefuse.fleet.audit import read_acts
from edgefuse.fleet.enrolment import init_site
from edgefuse.fleet.site import save_register


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site without a broker and without keys."""
    save_register(tmp_path, make_register("door-3"))
    return tmp_path


def token(site: Path, *arguments: str) -> int:
    """Run the action."""
    return main(["fleet", "console", "token", *arguments, "--site", str(site)])


def test_a_token_is_printed_once_listed_and_revoked(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert token(site, "anna", "--role", "operator", "--expires-days", "30") == 0
    secret = capsys.readouterr().out.strip()
    found = find_token(load_tokens(site), secret)
    assert found is not None
    assert (found.name, found.role, bool(found.expires_at)) == ("anna", "operator", True)
    assert token(site) == 0
    listed = capsys.readouterr().out
    assert re.match(r"anna +operator, made .*, until 20", listed)
    assert secret not in listed
    assert token(site, "anna", "--revoke") == 0
    assert load_tokens(site) == ()
    assert [(act.what, act.via) for act in read_acts(site)] == [("make token", "command"), ("revoke token", "command")]
    assert secret not in (site / "audit.jsonl").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Anna"], "cannot make token 'Anna'"),
        (["anna", "--revoke"], "cannot revoke token 'anna'"),
        (["--revoke"], "cannot tell what to do"),
        (["anna", "--revoke", "--role", "viewer"], "cannot tell what to do"),
        (["anna", "--expires-days", "0"], "cannot make a token for 0 days"),
        (["anna", "--expires-days", "nan"], "cannot make a token for nan days"),
    ],
)
def test_what_makes_no_sense_is_said(
    arguments: list[str], said: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert token(site, *arguments) == 2
    assert said in capsys.readouterr().err
    assert load_tokens(site) == ()


@pytest.fixture
def whole_site(tmp_path: Path) -> Path:
    """A site whose broker is not there now."""
    init_site(tmp_path / "site", "localhost", free_ports())
    return tmp_path / "site"


def test_a_console_that_others_could_listen_to_is_refused(whole_site: Path) -> None:
    options = ("--site", str(whole_site), "--console", "0.0.0.0:0")
    with start("fleet", "serve", *options, folder=whole_site) as process:
        _, err = finish(process)
    assert (process.returncode, "cannot show the console on 0.0.0.0 without TLS" in err) == (2, True)


def test_the_first_start_tells_how_to_log_in_and_later_ones_how_to_let_others_in(whole_site: Path) -> None:
    port = free_port()

    def serve() -> tuple[str, str]:
        options = ("--console", str(port), "--site", str(whole_site))
        with start("fleet", "serve", *options, folder=whole_site) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            out, err = finish(process)
        assert process.returncode == 0, err
        return first + out, err

    first, logged = serve()
    secrets = re.findall(rf"http://127.0.0.1:{port}/#token=(\S+)", first)
    found = [find_token(load_tokens(whole_site), secret) for secret in secrets]
    assert [token and token.role for token in found] == ["operator", "viewer"]
    assert not any(secret in logged for secret in secrets)
    second, _ = serve()
    assert "#token=" not in second
    assert "edgefuse fleet console token NAME" in second


def test_no_token_gets_into_the_journal(whole_site: Path) -> None:
    output = whole_site / "journal"
    with output.open("w+") as journal:
        stat = os.fstat(journal.fileno())
        environment = {"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}", "PYTHONPATH": str(CHECKOUT)}
        command = [sys.executable, "-m", "edgefuse", "fleet", "serve", "--console", "0", "--site", str(whole_site)]
        with Started(command, env={**os.environ, **environment}, stdout=journal, stderr=subprocess.DEVNULL) as process:
            while "console: http" not in output.read_text():
                assert process.poll() is None
                time.sleep(0.05)
            process.terminate()
    assert "#token=" not in output.read_text()
    assert load_tokens(whole_site) == ()
