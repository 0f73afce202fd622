"""Libraries that are missing, broken or run elsewhere than asked, each in a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgefuse import registry
from edgefuse.config.host import RuntimeFact

ROOT = Path(__file__).parents[2]
VENDORS = ROOT / "tests/fakes/vendors"
MODULES = {
    "tflite": ("ai_edge_litert", "tflite_runtime"),
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino",),
}
PROBE = """
import sys
for module in sys.argv[2].split(","):
    sys.modules[module] = None  # what Python's import takes for: there is no such module
import msgspec
from edgefuse import registry
print(msgspec.json.encode(registry.load("edgefuse.runtimes", sys.argv[1]).probe()).decode())
"""
OPEN = """
import sys
from pathlib import Path
from edgefuse import registry
from edgefuse.errors import EdgefuseError
from edgefuse.runtime import SessionOptions
try:
    registry.load("edgefuse.runtimes", sys.argv[1]).open(Path("model.onnx"), SessionOptions(target=sys.argv[2]))
except EdgefuseError as e:
    print(type(e).__name__, e)
"""


def run(code: str, *arguments: str, vendor: str = "") -> str:
    """Run Python code with one of the stand-in libraries first on its path, and give what it prints."""
    search = [str(VENDORS / vendor), str(VENDORS)] * bool(vendor) + [str(ROOT)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(search)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def probe(name: str, *, without: tuple[str, ...], vendor: str = "") -> RuntimeFact:
    return msgspec.json.decode(run(PROBE, name, ",".join(without) or "none", vendor=vendor), type=RuntimeFact)


@pytest.mark.parametrize("name", sorted(set(registry.names("edgefuse.runtimes")) - {"fake"}))
def test_missing_library_is_a_fact_with_the_pip_line(name: str) -> None:
    fact = probe(name, without=MODULES[name])
    assert (fact.is_usable, fact.targets, fact.formats) == (False, (), ())
    assert "runtime is not installed (pip install " in fact.reason


def test_openvino_tells_nobody_of_its_use() -> None:
    pytest.importorskip("openvino_telemetry")  # where it is missing, nothing can be told
    told = run(
        PROBE + "print([name for name in sys.modules if name.startswith('openvino_telemetry.')])", "openvino", "x"
    )
    assert told.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_opening_without_the_library_says_what_to_install(name: str) -> None:
    blocked = f"import sys; sys.modules.update(dict.fromkeys({MODULES[name]!r}))\n"
    text = run(blocked + OPEN, name, "cpu")
    assert text.startswith("RuntimeMissingError cannot load") and "pip install" in text


def test_library_that_does_not_load_is_a_fact_with_its_own_reason() -> None:
    fact = probe("onnxruntime", without=(), vendor="broken")
    assert not fact.is_usable
    assert "libgomp.so.1: cannot open shared object file (pip install onnxruntime)" in fact.reason


def test_provider_that_falls_back_to_the_processor_is_refused() -> None:
    text = run(OPEN, "onnxruntime", "cuda", vendor="gpuless")
    assert text.startswith("RuntimeLoadError cannot open model.onnx on onnxruntime cuda: CUDAExecutionProvider did not")


def test_provider_that_the_build_lacks_is_refused_with_those_that_it_has() -> None:
    text = run(OPEN, "onnxruntime", "tensorrt", vendor="gpuless")
    assert "this build has no TensorrtExecutionProvider; it has CUDAExecutionProvider, CPU" in text


@pytest.mark.skipif(np.__version__.startswith("1."), reason="tflite-runtime works with numpy 1")
def test_tflite_runtime_under_numpy_2_is_a_fact_before_it_dies() -> None:
    fact = probe("tflite", without=("ai_edge_litert",), vendor="numpy1")
    assert f"cannot load tflite-runtime: it does not work with numpy {np.__version__} (pip" in fact.reason


def test_missing_delegate_library_is_refused_by_its_name() -> None:
    text = run(OPEN, "tflite", "gpu")
    assert (
        text.startswith("RuntimeLoadError") and "libtensorflowlite_gpu_delegate.so is not on the library path" in text
    )


def test_openvino_without_the_myriad_plugin_names_the_way_out() -> None:
    model = ROOT / "edgefuse/runtimes/probe_models/probe.onnx"
    text = run(OPEN.replace("model.onnx", str(model)), "openvino", "myriad")
    assert text.startswith(
        "RuntimeMissingError cannot open probe.onnx on openvino myriad: this OpenVINO carries no MYRIAD"
    )


def test_myriad_plugin_without_a_stick_says_to_plug_it_in() -> None:
    text = run(OPEN, "openvino", "myriad", vendor="stickless")
    assert text.startswith("RuntimeMissingError "), "it is not the model's fault"
    assert "no Neural Compute Stick answers; plug it in, and check its udev rules" in text


def test_the_sticks_heat_is_read_where_a_model_is_loaded() -> None:
    ask = 'print(registry.load("edgefuse.runtimes", "openvino").read_temps_c())\n'
    assert run(f"from edgefuse import registry\n{ask}{OPEN}{ask}", "openvino", "myriad", vendor="stick") == (
        "{}\n{'myriad': 61.5}\n"
    )
    assert run(f"from edgefuse import registry\n{ask}") == "{}\n"


@pytest.mark.parametrize(("precision", "hint"), [("fp32", "f32"), ("fp16", "f16"), ("int8", "f16")])
def test_the_gpu_computes_as_exactly_as_the_file_asks(
    monkeypatch: pytest.MonkeyPatch, precision: str, hint: str
) -> None:
    monkeypatch.setenv("GPU_PROPERTIES", "CACHE_DIR INFERENCE_PRECISION_HINT")
    code = OPEN.replace("target=sys.argv[2]", f"target=sys.argv[2], precision={precision!r}")
    assert f"GPU [('INFERENCE_PRECISION_HINT', '{hint}')]" in run(code, "openvino", "gpu", vendor="graphics")


def test_a_gpu_that_takes_no_precision_is_not_told_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPU_PROPERTIES", "CACHE_DIR")
    assert "GPU []" in run(OPEN, "openvino", "gpu", vendor="graphics")


def test_myriad_refuses_a_model_with_dynamic_shapes() -> None:
    model = ROOT / "tests/fakes/models/dynamic.onnx"
    text = run(OPEN.replace("model.onnx", str(model)), "openvino", "myriad")
    assert "the stick takes static shapes only" in text


def test_openvinos_binding_meets_numpy_in_one_thread() -> None:
    code = """
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from edgefuse import registry
from edgefuse.runtime import SessionOptions
together = threading.Barrier(2)
def open_one(_):
    together.wait()
    return registry.load("edgefuse.runtimes", "openvino").open(Path("model.onnx"), SessionOptions(target="cpu"))
with ThreadPoolExecutor(2) as pool:
    print(len(list(pool.map(open_one, range(2)))))
"""
    assert run(code, vendor="racing") == "2\n"


def test_runtime_modules_load_without_their_libraries() -> None:
    blocked = [module for modules in MODULES.values() for module in modules]
    names = list(registry.names("edgefuse.runtimes"))
    code = f"""
import sys
sys.modules.update(dict.fromkeys({blocked!r}))
from edgefuse import registry
print(sorted(f for name in {names!r} for f in registry.load("edgefuse.runtimes", name).formats))
"""
    assert "tflite" in run(code)
