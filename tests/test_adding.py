"""Adding a runtime takes one file: a throw-away one is found, probed, planned, opened and run.

A board is added in ``tests/devices/test_adding_a_board.py``, a stage below.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from fakes.planned import add_fake_variant, make_host, make_manifest, make_profile, make_release

from edgefuse import registry
from edgefuse.config.profile import OperatingPoint
from edgefuse.planning.plan import plan
from edgefuse.planning.probe import probe_runtime
from edgefuse.store.store import Store
from edgefuse.vision.opener import open_models
from edgefuse.vision.pipeline import load_options, stage_types
from edgefuse.vision.pool import Buffer
from edgefuse.vision.stage import StageContext
from edgefuse.vision.types import Attention, Frame, Packet

RUNTIME = '''
"""Formulas, as the fake runtime runs them, under another name."""

from edgefuse.config.host import RuntimeFact
from edgefuse.runtime import Runtime
from edgefuse.runtimes.fake import Fake


class Abacus(Fake):
    def probe(self) -> RuntimeFact:
        return RuntimeFact(id="abacus", version="3", targets=("cpu",), formats=("fake",))


PLUGIN: Runtime = Abacus()
'''

STAGE = '''
"""Turns a frame into its negative."""

import msgspec

from edgefuse.vision.stage import StageContext, StageType
from edgefuse.vision.types import Packet


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    white: int = 255


class Negate:
    def __init__(self, options: Options, context: StageContext) -> None:
        self._white = options.white

    def run(self, packet: Packet) -> Packet:
        packet.frame.pixels[:] = self._white - packet.frame.pixels
        return packet

    def close(self) -> None:
        """Nothing is open."""


PLUGIN: StageType = StageType(Options, Negate, thread="compose")
'''


def add_file(package: str, name: str, text: str, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let a package look for plug-ins in a folder too, and put one there."""
    (folder / f"{name}.py").write_text(text)
    places = importlib.import_module(package).__path__
    patch.setattr(importlib.import_module(package), "__path__", [*places, str(folder)])
    yield name
    sys.modules.pop(f"{package}.{name}", None)


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield from add_file("edgefuse.runtimes", "abacus", RUNTIME, tmp_path, monkeypatch)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield from add_file("edgefuse.vision.stages", "negate", STAGE, tmp_path, monkeypatch)


def test_the_new_runtime_is_planned_opened_and_run(runtime: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    finder = make_manifest("finder", "detect_faces", add_fake_variant(store, "a"))
    mesh = make_manifest("mesh", "track_faces", add_fake_variant(store, "b", 192))
    release = make_release(finder, mesh)
    assert runtime in registry.names("edgefuse.runtimes")
    fact = registry.load("edgefuse.runtimes", runtime).probe()
    made = plan(make_profile(runtime), release, msgspec.structs.replace(make_host(), runtimes=(fact,)))
    assert [(choice.variant, choice.runtime) for choice in made.choices] == [("a", runtime), ("b", runtime)]
    models = open_models(made, release, store, {"detect_faces"})
    model = models.model("detect_faces", 128)
    model.run()
    np.testing.assert_array_equal(model.outputs[0], np.ones((1, 8), np.float32))
    models.close()


def test_a_runtime_that_nobody_added_is_told_with_those_that_are() -> None:
    fact = probe_runtime("abacus")
    assert not fact.is_usable
    assert "cannot load runtime 'abacus': there is none; choose from" in fact.reason


def test_the_new_stage_takes_options_and_runs(stage: str) -> None:
    types = stage_types([stage])
    options = load_options(types, {stage: {"white": "200"}})[stage]
    point = OperatingPoint(effect_px=256, detect_px=128, rate_hz=30, detect_every=1)
    made = types[stage].make(options, StageContext(None, (point,), 2, 2, Attention()))  # type: ignore[arg-type] # no model
    buffer = Buffer(12)
    pixels = buffer.view(2, 2)
    pixels[:] = 50
    made.run(Packet(Frame(pixels, 0, 0, buffer), point))
    assert (pixels == 150).all()
