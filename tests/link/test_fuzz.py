"""Junk on the topic of commands: refused, and nothing else. tools/bench/link_fuzz does it for minutes over a broker."""

from __future__ import annotations

from pathlib import Path

from benching.link_fuzz import Fuzzer
from fakes.operator_station import Signer, trust

from edgefuse.link.audit import Audit
from edgefuse.link.intake import Intake, Task
from edgefuse.link.messages import Reply
from edgefuse.link.operators import OperatorKeys
from edgefuse.link.refusal import RefusedError
from edgefuse.link.topics import parse_topic
from edgefuse.trusted_time import TrustedTime


def test_junk_is_refused_and_nothing_else_happens(tmp_path: Path) -> None:
    signer = Signer()
    trust(tmp_path / "operators.json", signer)
    audit = Audit(tmp_path / "audit")
    intake = Intake("dev1", (), OperatorKeys(tmp_path / "operators.json"), TrustedTime(), audit)
    fuzzer = Fuzzer(1, signer)
    seen = {type(intake.take(fuzzer.payload())) for _ in range(3000)}
    audit.close()
    assert seen <= {Task, Reply, RefusedError, type(None)}
    assert {Reply, RefusedError} <= seen


def test_junk_topics_are_read_or_refused() -> None:
    fuzzer = Fuzzer(2, Signer())
    for _ in range(200):
        try:
            parse_topic(fuzzer.topic())
        except ValueError:
            continue
