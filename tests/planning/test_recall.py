from pathlib import Path

import msgspec
import pytest
from fakes.planned import make_host, make_profile

from edgefuse.config.host import Host, RuntimeFact, ZoneFact
from edgefuse.config.profile import Profile
from edgefuse.planning.recall import NotProbedError, forget_probe, recall, recall_or_probe
from edgefuse.store.state import Setup, load_state, update_state

HOST = make_host()
SETUP = Setup("ab" * 32, 128, "fake", "1", "cpu", 1)
PROFILE = make_profile("fake")


class Probing:
    """Counts the runtimes that are really probed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.probed = 0

    def ask(self, profile: Profile = PROFILE, host: Host = HOST) -> tuple[RuntimeFact, ...]:
        return recall_or_probe(profile, host, self.path, self._count)

    def _count(self, fact: RuntimeFact) -> None:
        self.probed += 1


@pytest.fixture
def probing(tmp_path: Path) -> Probing:
    return Probing(tmp_path / "state.json")


def test_runtimes_are_probed_once_and_recalled_then(probing: Probing) -> None:
    facts = probing.ask()
    assert probing.ask() == facts
    assert (probing.probed, [fact.id for fact in facts]) == (1, ["fake"])


def test_a_temperature_changes_nothing(probing: Probing) -> None:
    probing.ask()
    probing.ask(host=msgspec.structs.replace(HOST, zones=(ZoneFact(name="cpu", temp_c=50.0),)))
    assert probing.probed == 1


def test_a_stick_that_was_plugged_in_has_them_probed_again(probing: Probing) -> None:
    probing.ask()
    probing.ask(host=msgspec.structs.replace(HOST, usb=("03e7:2485",)))
    assert probing.probed == 2


def test_a_package_that_was_installed_has_them_probed_again(
    probing: Probing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    probing.ask()
    (tmp_path / "site-packages/runtime-2.0.dist-info").mkdir(parents=True)
    probing.ask()
    assert probing.probed == 2


def test_a_profile_with_other_runtimes_has_them_probed_again(probing: Probing) -> None:
    probing.ask()
    probing.ask(make_profile("fake", "tflite"))
    assert probing.probed == 3


@pytest.mark.parametrize("change", ["forgotten", "crash"])
def test_after_a_crash_nothing_is_recalled(probing: Probing, change: str) -> None:
    probing.ask()
    if change == "crash":
        update_state(probing.path, lambda state: state.with_crash(SETUP, "SIGILL", "2026-01-01T00:00:00Z"))
    else:
        forget_probe(probing.path)
    probing.ask()
    assert probing.probed == 2


def test_where_no_runtime_works_it_is_looked_again(probing: Probing) -> None:
    nowhere = make_profile("fake", worker_python="/nowhere/python")
    probing.ask(nowhere)
    probing.ask(nowhere)
    assert probing.probed == 2


def test_state_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    probing = Probing(tmp_path / "file/state.json")
    assert probing.ask()[0].is_usable


def test_what_was_probed_last_is_recalled_without_probing_and_nothing_once_it_is_forgotten(probing: Probing) -> None:
    facts = probing.ask()
    assert recall(load_state(probing.path)) == facts
    forget_probe(probing.path)
    with pytest.raises(NotProbedError):
        recall(load_state(probing.path))
