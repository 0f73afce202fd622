"""One suite over every runtime and every format that it reads; a new file in ``edgefuse/runtimes/`` joins by itself."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefuse import registry
from edgefuse.errors import RuntimeLoadError, RuntimeRunError
from edgefuse.runtime import Runtime, Session, SessionOptions
from edgefuse.runtimes import PROBE_MODELS

FAKE_MODELS = Path(__file__).parents[1] / "fakes/models"
MODELS = {**PROBE_MODELS, "fake": FAKE_MODELS / "probe.json"}
RUNTIMES: dict[str, Runtime] = {
    name: registry.load("edgefuse.runtimes", name) for name in registry.names("edgefuse.runtimes")
}
FACTS = {name: runtime.probe() for name, runtime in RUNTIMES.items()}
KINDS = [(name, form) for name, fact in FACTS.items() for form in fact.formats]
OPTIONS = SessionOptions()

each_kind = pytest.mark.parametrize(("name", "form"), KINDS)
each_network = pytest.mark.parametrize(("name", "form"), [kind for kind in KINDS if kind[1] != "fake"])


def each_kind_with(model: str) -> pytest.MarkDecorator:
    """Run a test for the formats in which ``fakes/models`` has this file."""
    kinds = [(name, form) for name, form in KINDS if (FAKE_MODELS / f"{model}{MODELS[form].suffix}").exists()]
    return pytest.mark.parametrize(("name", "form"), kinds)


def open_probe(name: str, form: str) -> Session:
    return RUNTIMES[name].open(MODELS[form], OPTIONS)


def picture() -> NDArray[np.float32]:
    return np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2) / 32


def outputs_of(session: Session) -> list[NDArray[np.generic]]:
    return [np.full(info.shape, np.nan, info.dtype) for info in session.outputs]


@pytest.mark.parametrize("name", RUNTIMES)
def test_fact_says_what_is_proven_or_why_nothing_is(name: str) -> None:
    fact = FACTS[name]
    assert fact.id == name
    assert fact.is_usable == bool(fact.targets and fact.formats and fact.version)
    assert fact.is_usable or "pip install" in fact.reason


@pytest.mark.parametrize("name", RUNTIMES)
def test_fact_claims_only_formats_that_the_runtime_reads(name: str) -> None:
    assert set(FACTS[name].formats) <= RUNTIMES[name].formats


@each_kind
def test_tensors_are_told_as_the_file_declares_them(name: str, form: str) -> None:
    session = open_probe(name, form)
    assert [(info.name, info.shape, info.dtype) for info in (*session.inputs, *session.outputs)] == [
        ("image", (1, 4, 4, 2), "float32"),
        ("features", (1, 4, 4, 3), "float32"),
        ("means", (1, 1, 1, 3), "float32"),
    ]


@each_kind
def test_every_run_reads_and_writes_the_bound_arrays(name: str, form: str) -> None:
    session, image = open_probe(name, form), picture()
    outputs = outputs_of(session)
    session.bind([image], outputs)
    session.run()
    first = [output.copy() for output in outputs]
    image += 1
    session.run()
    assert all(np.isfinite(a).all() and not np.array_equal(a, b) for a, b in zip(first, outputs, strict=True))


@each_kind
def test_binding_again_leaves_the_old_arrays_alone(name: str, form: str) -> None:
    session = open_probe(name, form)
    old, new = outputs_of(session), outputs_of(session)
    session.bind([picture()], old)
    session.bind([picture()], new)
    session.run()
    assert np.isnan(old[0]).all() and np.isfinite(new[0]).all()


@each_kind
def test_session_keeps_bound_arrays_alive(name: str, form: str) -> None:
    session = open_probe(name, form)
    outputs = outputs_of(session)
    session.bind([picture()], outputs)
    session.run()
    expected = outputs[1].copy()
    gc.collect()
    scribble = [np.full(32, 1e9, np.float32) for _ in range(100)]  # would take the place of a freed input
    session.run()
    assert len(scribble) == 100
    np.testing.assert_array_equal(outputs[1], expected)


@each_kind
def test_runs_in_another_thread_than_it_was_opened_in(name: str, form: str) -> None:
    session = open_probe(name, form)
    outputs = outputs_of(session)
    session.bind([picture()], outputs)
    thread = threading.Thread(target=session.run)
    thread.start()
    thread.join()
    assert np.isfinite(outputs[0]).all()


@each_network
def test_small_network_gives_what_the_definition_of_a_convolution_gives(name: str, form: str) -> None:
    session = open_probe(name, form)
    outputs = outputs_of(session)
    session.bind([picture()], outputs)
    session.run()
    # From tools/make_probe_models, exact in binary; 1e-6 is float32 rounding of 16 sums.
    np.testing.assert_allclose(outputs[1].ravel(), [0.29541016, 0.14160156, 0.31469727], atol=1e-6)
    np.testing.assert_allclose(outputs[0].mean(axis=(1, 2)).ravel(), outputs[1].ravel(), atol=1e-6)


def misfit(kind: str) -> NDArray[np.generic]:
    good = picture()
    return {
        "shape": good.reshape(1, 4, 2, 4),
        "rank": good.reshape(4, 4, 2),
        "dtype": good.astype(np.float64),
        "byte order": good.astype(">f4"),
        "strides": np.asfortranarray(good),
    }[kind]


@each_kind
@pytest.mark.parametrize("kind", ["shape", "rank", "dtype", "byte order", "strides"])
def test_input_that_does_not_fit_is_refused(name: str, form: str, kind: str) -> None:
    session = open_probe(name, form)
    with pytest.raises(RuntimeLoadError, match=r"^cannot bind input image: "):
        session.bind([misfit(kind)], outputs_of(session))


@each_kind
def test_output_that_does_not_fit_is_refused(name: str, form: str) -> None:
    session = open_probe(name, form)
    features, _ = outputs_of(session)
    with pytest.raises(RuntimeLoadError, match=r"^cannot bind output means: expected shape \(1, 1, 1, 3\), got \(3,\)"):
        session.bind([picture()], [features, np.zeros(3, np.float32)])


@each_kind
def test_wrong_number_of_arrays_is_refused(name: str, form: str) -> None:
    session = open_probe(name, form)
    with pytest.raises(RuntimeLoadError, match=r"^cannot bind outputs: the model has 2, got 0 arrays"):
        session.bind([picture()], [])


@each_kind
def test_refused_binding_leaves_the_last_one_working(name: str, form: str) -> None:
    session = open_probe(name, form)
    outputs = outputs_of(session)
    session.bind([picture()], outputs)
    with pytest.raises(RuntimeLoadError):
        session.bind([misfit("shape")], outputs)
    session.run()
    assert np.isfinite(outputs[0]).all()


@each_kind
def test_run_before_bind_is_refused(name: str, form: str) -> None:
    with pytest.raises(RuntimeRunError, match=r"^cannot run probe.*: nothing is bound"):
        open_probe(name, form).run()


@each_kind
def test_closed_session_neither_binds_nor_runs(name: str, form: str) -> None:
    session = open_probe(name, form)
    session.bind([picture()], outputs_of(session))
    session.close()
    session.close()
    with pytest.raises(RuntimeRunError):
        session.run()
    with pytest.raises(RuntimeLoadError, match=r"it is closed"):
        session.bind([picture()], outputs_of(session))


@each_kind
def test_unknown_target_is_refused_with_the_known_ones(name: str, form: str) -> None:
    with pytest.raises(RuntimeLoadError, match=r"there is no target 'abacus'; choose .*cpu"):
        RUNTIMES[name].open(MODELS[form], SessionOptions(target="abacus"))


@each_kind
@pytest.mark.parametrize("content", ["missing", "empty", "text", "a third", "nearly all"])
def test_file_that_is_no_model_is_refused_in_one_line(name: str, form: str, content: str, tmp_path: Path) -> None:
    good = MODELS[form].read_bytes()
    path = tmp_path / f"bad{MODELS[form].suffix}"
    contents = {
        "empty": b"",
        "text": b"this is not a model\n" * 9,
        "a third": good[: len(good) // 3],
        "nearly all": good[: len(good) * 19 // 20],
    }
    if content in contents:
        path.write_bytes(contents[content])
    with pytest.raises(RuntimeLoadError) as caught:
        RUNTIMES[name].open(path, OPTIONS)
    text = str(caught.value)
    assert text.startswith(f"cannot open {path.name} on {name} cpu: ")
    assert "\n" not in text and ".cpp" not in text and len(text) < 400


@each_kind_with("custom_op")
def test_model_with_an_unknown_operator_is_refused_by_its_name(name: str, form: str) -> None:
    with pytest.raises(RuntimeLoadError, match=r"^cannot open custom_op\.\w+ on .*Unknown") as caught:
        RUNTIMES[name].open(FAKE_MODELS / f"custom_op{MODELS[form].suffix}", OPTIONS)
    assert "\n" not in str(caught.value)


def open_dynamic(name: str, form: str) -> Session:
    return RUNTIMES[name].open(FAKE_MODELS / f"dynamic{MODELS[form].suffix}", OPTIONS)


@each_kind_with("dynamic")
def test_dynamic_axis_takes_the_size_that_is_bound(name: str, form: str) -> None:
    session = open_dynamic(name, form)
    assert (session.inputs[0].shape, session.outputs[0].shape) == ((1, -1), (1, -1))
    for size in (5, 700):
        source, result = np.arange(size, dtype=np.float32)[np.newaxis], np.full((1, size), np.nan, np.float32)
        session.bind([source], [result])
        session.run()
        np.testing.assert_array_equal(result, source)


@each_kind_with("dynamic")
@pytest.mark.parametrize("size", [2, 9])
def test_output_that_a_dynamic_model_cannot_fill_is_refused(name: str, form: str, size: int) -> None:
    session, source, result = open_dynamic(name, form), np.ones((1, 5), np.float32), np.zeros((1, size), np.float32)
    with pytest.raises((RuntimeLoadError, RuntimeRunError), match=r"^cannot (bind|run) .*(output|shape)") as caught:
        session.bind([source], [result])
        session.run()
    assert "\n" not in str(caught.value) and ".cc" not in str(caught.value)


@each_kind_with("dynamic")
def test_run_makes_no_array_of_64_kib(name: str, form: str) -> None:
    session = open_dynamic(name, form)
    session.bind([np.ones((1, 1 << 18), np.float32)], [np.ones((1, 1 << 18), np.float32)])
    session.run()
    tracemalloc.start()
    try:
        for _ in range(20):
            session.run()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 64 * 1024  # the arrays bound above have 1 MiB each


CYCLES = """
import gc, json, resource, sys
from pathlib import Path
import numpy as np
from edgefuse import registry
from edgefuse.runtime import SessionOptions

def rss_kb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024

def cycle(runtime, path):
    session = runtime.open(path, SessionOptions())
    sides = (session.inputs, session.outputs)
    session.bind(*([np.zeros(info.shape, info.dtype) for info in side] for side in sides))
    session.run()
    session.close()

runtime = registry.load("edgefuse.runtimes", sys.argv[1])
sizes = []
for count in (20, 50):
    for _ in range(count):
        cycle(runtime, Path(sys.argv[2]))
    gc.collect()
    sizes.append(rss_kb())
print(json.dumps(sizes))
"""


@each_kind
def test_close_gives_memory_back(name: str, form: str) -> None:
    command = [sys.executable, "-c", CYCLES, name, str(MODELS[form])]
    before_kb, after_kb = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert after_kb - before_kb < 2048  # 50 sessions; one alone holds some 100 kB
