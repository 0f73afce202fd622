"""The audit of commands as a person and a program see it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from edgefuse.__main__ import main
from edgefuse.link.audit import Audit, list_files
from edgefuse.link.intake import make_reply
from edgefuse.link.ledger import Accepted, Finished, Refused


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The audit of a unit that was asked for something twice."""
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    folder = tmp_path / "var/lib/edgefuse/audit"
    audit = Audit(folder)
    pin = Accepted(id="c1", key_id="k1", seq=1, command="pin-point", args=msgspec.Raw(b'{"point":2}'))
    audit.add(pin, is_durable=False)
    audit.add(Finished(key_id="k1", reply=make_reply("c1", "failed", "no such\x1b[2J point")), is_durable=False)
    audit.add(Refused(fault="unsigned", reason="it bears no signature", unrecorded=7), is_durable=False)
    audit.close()
    return folder


def test_records_are_told_in_words_and_the_chain_is_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 0
    told = capsys.readouterr()
    assert [line.split(" ", 2)[2] for line in told.out.splitlines()] == [
        "a new file; 0 commands remembered",
        'accepted pin-point {"point":2} (c1, key k1)',
        "failed: no such?[2J point (c1, key k1)",
        "refused unsigned: it bears no signature (no id, key unknown), after 7 that came too fast to be recorded",
    ]
    assert "4 records is whole" in told.err


def test_all_are_checked_however_few_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = list_files(folder)
    path.write_bytes(path.read_bytes().replace(b'{"point":2}', b'{"point":3}'))
    assert main(["audit", "-n", "1"]) == 1
    told = capsys.readouterr()
    assert (len(told.out.splitlines()), "BROKEN before 3" in told.err) == (1, True)
    assert main(["audit", "--json"]) == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["is_chained"] for record in records] == [True, True, False, True]
    assert [record["record"]["is"] for record in records] == ["checkpoint", "accepted", "finished", "refused"]


def test_copy_of_another_unit_can_be_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = folder.rename(folder.with_name("copy"))
    assert main(["audit"]) == 2
    assert "once it has a link" in capsys.readouterr().err
    assert main(["audit", str(copy)]) == 0
