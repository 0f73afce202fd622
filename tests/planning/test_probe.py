from pathlib import Path

import msgspec
import pytest
from fakes.interpreter import write_interpreter
from fakes.planned import make_profile

from edgefuse.planning.probe import probe_host, probe_runtime, runtimes_to_probe


def test_a_runtime_proves_itself_in_a_child() -> None:
    fact = probe_runtime("fake")
    assert (fact.id, fact.targets, fact.formats, fact.is_usable) == ("fake", ("cpu",), ("fake",), True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("kill -SEGV $$", "cannot probe tflite: it crashed with SIGSEGV"),
        ("exec sleep 60", "cannot probe tflite: it gave no answer within 0.2 s"),
        ("echo no JSON", "cannot probe tflite: JSON is malformed"),
    ],
)
def test_a_runtime_that_kills_its_child_is_a_fact_with_the_reason(tmp_path: Path, line: str, reason: str) -> None:
    python = write_interpreter(tmp_path / "python", line)
    fact = probe_runtime("tflite", python, timeout_s=0.2 if "sleep" in line else 10)
    assert (fact.is_usable, fact.targets) == (False, ())
    assert fact.reason.startswith(reason)


def test_an_interpreter_of_the_profile_that_is_not_there_is_told_with_what_makes_it() -> None:
    fact = probe_runtime("openvino", "/nowhere/bin/python")
    assert not fact.is_usable
    assert "worker_python /nowhere/bin/python is not there" in fact.reason


def test_without_a_profile_every_runtime_but_the_fake_one_is_probed() -> None:
    names = runtimes_to_probe(None)
    assert {"tflite", "onnxruntime", "openvino"} <= set(names)
    assert "fake" not in names


def test_a_profile_names_the_runtimes_and_the_fake_one_too() -> None:
    assert runtimes_to_probe(make_profile("fake", "tflite", "fake")) == ("fake", "tflite")


def test_the_host_carries_the_facts_of_its_runtimes(tmp_path: Path) -> None:
    probed: list[str] = []
    host = probe_host(tmp_path, make_profile("fake"), on_probed=lambda fact: probed.append(fact.id))
    assert [fact.id for fact in host.runtimes] == probed == ["fake"]


def test_facts_survive_the_way_through_json() -> None:
    fact = probe_runtime("fake")
    assert msgspec.json.decode(msgspec.json.encode(fact), type=type(fact)) == fact


def test_a_probe_tells_what_the_library_itself_takes() -> None:
    assert probe_runtime("fake").memory_mb < probe_runtime("onnxruntime").memory_mb < 300
