"""Heat that only the worker can read, in a fresh interpreter with a stand-in for the library that knows the stick."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENDORS = ROOT / "tests/fakes/vendors"
CODE = """
from pathlib import Path
from edgefuse import registry
from edgefuse.planning.plan import Choice, Plan
from edgefuse.runtime import SessionOptions
from edgefuse.worker.accelerators import read_temps_c

def plan(*targets):
    sizes = dict(size_px=128, precision="fp16", threads=1, basis="expected")
    choices = (Choice(task="t", model="m", variant="v", runtime="openvino", target=t, **sizes) for t in targets)
    return Plan(profile="p", release="0", choices=tuple(choices), rejections=())

registry.load("edgefuse.runtimes", "openvino").open(Path("model.onnx"), SessionOptions(target="myriad"))
print(read_temps_c(plan("cpu")), read_temps_c(plan("cpu", "myriad")))
"""


def test_the_stick_is_asked_where_the_plan_uses_it() -> None:
    search = os.pathsep.join(map(str, (VENDORS / "stick", VENDORS, ROOT)))
    environment = {**os.environ, "PYTHONPATH": search}
    said = subprocess.run([sys.executable, "-c", CODE], env=environment, check=True, capture_output=True, text=True)
    assert said.stdout == "{} {'myriad': 61.5}\n"
