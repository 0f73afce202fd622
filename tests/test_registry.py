"""Plug-ins by file name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgefuse import registry
from edgefuse.errors import ConfigError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "throwaway_colours"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "red.py").write_text("PLUGIN = 'red!'\n", encoding="utf-8")
    (folder / "broken.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    (folder / "_helper.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.startswith("throwaway_colours")]:
        monkeypatch.delitem(sys.modules, name)
    return "throwaway_colours"


def test_plugins_are_listed_by_file_name_without_being_imported(package: str) -> None:
    assert registry.names(package) == ("broken", "red")


def test_a_plugin_is_loaded_without_its_neighbours(package: str) -> None:
    assert registry.load(package, "red") == "red!"


def test_an_unknown_plugin_is_refused_with_the_known_ones(package: str) -> None:
    with pytest.raises(ConfigError) as caught:
        registry.load(package, "blue")
    assert str(caught.value) == "cannot load throwaway_colour 'blue': there is none; choose from broken, red"


def test_listing_runtimes_loads_no_vendor() -> None:
    code = (
        "import sys; from edgefuse import registry; registry.names('edgefuse.runtimes');"
        "print({'onnxruntime', 'openvino', 'ai_edge_litert'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
