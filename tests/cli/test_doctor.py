import json
from pathlib import Path

import pytest
import yaml

from edgefuse.__main__ import main
from edgefuse.config import loader
from edgefuse.config.host import Host
from edgefuse.store.store import Store


def test_a_unit_that_can_run_is_healthy(machine: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.root.is_dir()
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "fake 1 on cpu" in text
    assert text.endswith("edgefuse can run here\n")


def test_the_same_facts_come_as_json(machine: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.root.is_dir()
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["is_healthy"], report["profile"]) == (True, "workbench")
    assert [fact["id"] for fact in report["host"]["runtimes"]] == ["fake"]
    assert all(problem["remedy"] for problem in report["problems"])


def test_a_unit_whose_worker_cannot_start_is_told_so_by_exit_code_and_reason(
    machine: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.root.is_dir()
    path = tmp_path / "etc/edgefuse/devices.d/workbench.yaml"
    profile = {**yaml.safe_load(path.read_text()), "worker_python": "/nowhere/python"}
    path.write_text(yaml.safe_dump(profile))
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "! fake: the profile's worker_python /nowhere/python is not there" in text
    assert "cannot run model 'finder' on 'workbench':" in text


def test_the_sample_fits_into_a_profile(machine: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.root.is_dir()
    assert main(["doctor", "--sample"]) == 0
    text = capsys.readouterr().out
    sample = loader.parse(yaml.safe_dump(yaml.safe_load(text)["sample"]), Host, name="sample")
    assert [(fact.id, fact.targets, fact.formats) for fact in sample.runtimes] == [("fake", ("cpu",), ("fake",))]
