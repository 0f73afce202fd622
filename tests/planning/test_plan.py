import msgspec
import pytest
from fakes.planned import CLOSED, make_host, make_manifest, make_profile, make_release, make_variant
from hypothesis import given, settings
from hypothesis import strategies as st

import edgefuse
from edgefuse.config.host import Host, RuntimeFact
from edgefuse.config.manifest import Source
from edgefuse.config.profile import RuntimeRule
from edgefuse.errors import PlanError
from edgefuse.planning.candidate import make_setup
from edgefuse.planning.plan import Plan, plan
from edgefuse.planning.tasks import REQUIRED_TASKS, TASKS_ALONE, TASKS_AT_FIRST
from edgefuse.store.board_settings import BoardSettings
from edgefuse.store.state import GoldenCheck, Measurement, Setup, State


def detector(*variants, model_id="finder", **keys):
    return make_manifest(model_id, "detect_faces", *variants, **keys)


def chosen(made: Plan, task: str = "detect_faces") -> list[tuple[str, str]]:
    return [(choice.variant, choice.runtime) for choice in made.choices_for(task)]


def why_not(made: Plan, variant: str, runtime: str = "tflite") -> str:
    (reason,) = [r.reason for r in made.rejections if (r.variant, r.runtime) == (variant, runtime)]
    return reason


def setup_of(variant, runtime="tflite", threads=2) -> Setup:
    return make_setup(variant, runtime, "1", "cpu", threads)


def measured(setup: Setup, p50_ms: float) -> Measurement:
    return Measurement(setup=setup, p50_ms=p50_ms, p95_ms=p50_ms, memory_mb=1, measured_at="2026-01-01T00:00:00Z")


def failed(setup: Setup, failure: str) -> GoldenCheck:
    return GoldenCheck(setup=setup, failure=failure, edgefuse=edgefuse.__version__, checked_at="2026-01-01T00:00:00Z")


def test_the_first_runtime_of_the_profile_wins() -> None:
    release = make_release(detector(make_variant("a")))
    made = plan(make_profile("openvino", "tflite"), release, make_host("tflite", "openvino"))
    assert chosen(made) == [("a", "openvino")]
    assert why_not(made, "a") == "a on openvino is better: its runtime stands earlier in the profile"


def test_a_choice_names_what_would_have_been_better_and_for_each_reason_why_not() -> None:
    made = plan(
        make_profile("openvino", "onnxruntime", "tflite"),
        make_release(detector(make_variant("a")), detector(make_variant("c"), model_id="second")),
        make_host("tflite", "onnxruntime"),
    )
    (choice,) = made.choices_for("detect_faces")
    assert (choice.variant, choice.runtime) == ("a", "tflite")
    assert [(r.model, r.variant, r.runtime) for r in choice.passed_over] == [
        ("finder", "a", "openvino"),
        ("finder", "a", "onnxruntime"),
    ]
    assert all(rejection in made.rejections for rejection in choice.passed_over)


def test_the_first_precision_of_the_rule_wins() -> None:
    rule = RuntimeRule(id="tflite", precisions=("int8", "fp32"))
    release = make_release(detector(make_variant("a"), make_variant("b", precision="int8")))
    assert chosen(plan(make_profile(rule), release, make_host("tflite"))) == [("b", "tflite")]


def test_an_original_wins_over_its_conversion() -> None:
    converted = make_variant("a", source=Source(converted_from="z"))
    release = make_release(detector(converted, make_variant("z")))
    assert chosen(plan(make_profile("tflite"), release, make_host("tflite"))) == [("z", "tflite")]


def test_each_detector_size_of_the_ladder_gets_a_choice() -> None:
    release = make_release(detector(make_variant("a", 320), make_variant("b", 128), make_variant("c", 640)))
    made = plan(make_profile("tflite", sizes_px=(320, 320, 128)), release, make_host("tflite"))
    assert chosen(made) == [("a", "tflite"), ("b", "tflite")]
    assert why_not(made, "c") == "no point of the ladder asks for its size, only for 320, 128 px"


def test_points_that_the_release_brings_say_which_sizes_are_served() -> None:
    release = make_release(detector(make_variant("a", 320), make_variant("b", 128)))
    profile = make_profile("tflite", sizes_px=(320,))
    point = msgspec.structs.replace(profile.ladder[0], detect_px=128)
    brought = msgspec.structs.replace(release, boards={profile.id: BoardSettings(ladder=(point,))})
    assert chosen(plan(profile, release, make_host("tflite"))) == [("a", "tflite")]
    assert chosen(plan(profile, brought, make_host("tflite"))) == [("b", "tflite")]


def test_the_nearest_size_stands_in_for_one_that_cannot_run() -> None:
    release = make_release(detector(make_variant("a", 320, format="onnx"), make_variant("b", 192)))
    made = plan(make_profile("tflite", sizes_px=(320, 128)), release, make_host("tflite"))
    assert chosen(made) == [("b", "tflite")]
    assert made.choices[0].reason.startswith("nearest to 320 px")


def test_other_tasks_get_a_choice_for_every_size_of_the_release() -> None:
    generator = make_manifest("gan", "fuse_neural", make_variant("small", 128), make_variant("large", 256))
    release = make_release(detector(make_variant("a")), generator)
    made = plan(make_profile("tflite"), release, make_host("tflite"))
    assert chosen(made, "fuse_neural") == [("small", "tflite"), ("large", "tflite")]


@pytest.mark.parametrize(
    ("keys", "rule", "reason"),
    [
        ({"precision": "int8"}, {"precisions": ("fp32",)}, "the profile allows fp32 there, this is int8"),
        ({"has_static_shapes": False}, {"needs_static_shapes": True}, "needs static shapes there"),
        ({"format": "onnx", "opset": 17}, {"max_opset": 13}, "has opset 17, 13 is the newest there"),
        ({"format": "onnx"}, {"max_opset": 13}, "its opset is unknown, opset 13 is the newest that can be read there"),
        ({"format": "openvino_ir"}, {}, "runtime does not read openvino_ir"),
        ({"needs": {"tflite": "1.1"}}, {}, "needs tflite 1.1 or newer, 1 is here"),
        ({}, {"target": "gpu"}, "there is no target gpu here, only cpu"),
        ({"memory_mb": 910}, {}, "needs 910 MB, 905 MB of the memory budget are left"),
    ],
)
def test_what_cannot_run_is_rejected_with_its_reason(keys, rule, reason) -> None:
    profile = make_profile(RuntimeRule(id="tflite", **rule), "tflite")
    release = make_release(detector(make_variant("ok"), make_variant("odd", **keys)))
    made = plan(profile, release, make_host("tflite"))
    assert reason in [r.reason for r in made.rejections if r.variant == "odd"]


@pytest.mark.parametrize("version", ["2024.4", "2024.4.1", "2024.10", "openvino 2025.0.0", "2026"])
def test_a_runtime_that_is_new_enough_runs_what_needs_it(version) -> None:
    fact = RuntimeFact(id="openvino", version=version, targets=("cpu",), formats=("onnx",))
    variant = make_variant("a", format="onnx", needs={"openvino": "2024.4"})
    host = msgspec.structs.replace(make_host("tflite"), runtimes=(fact, *make_host("tflite").runtimes))
    made = plan(make_profile("openvino", "tflite"), make_release(detector(variant)), host)
    assert chosen(made) == [("a", "openvino")]


def test_a_missing_runtime_is_rejected_with_the_command_that_installs_it() -> None:
    reason = "runtime is not installed (pip install openvino)"
    host = make_host("tflite")
    host = msgspec.structs.replace(
        host, runtimes=(*host.runtimes, RuntimeFact(id="openvino", is_usable=False, reason=reason))
    )
    made = plan(make_profile("openvino", "tflite"), make_release(detector(make_variant("a"))), host)
    assert why_not(made, "a", "openvino") == reason


def test_a_runtime_that_was_never_looked_for_is_rejected() -> None:
    made = plan(make_profile("openvino", "tflite"), make_release(detector(make_variant("a"))), make_host("tflite"))
    assert why_not(made, "a", "openvino") == "nothing is known of this runtime here (edgefuse doctor)"


def test_a_file_that_nobody_has_made_is_rejected() -> None:
    absent = make_variant("a", source=Source(converted_from="b"))
    release = make_release(detector(absent, make_variant("b")))
    made = plan(make_profile("tflite"), release, make_host("tflite"), absent={absent.files[0].sha256: "gone"})
    assert chosen(made) == [("b", "tflite")]
    assert why_not(made, "a") == "gone"


def test_a_licence_without_commercial_use_is_never_a_default() -> None:
    release = make_release(detector(make_variant("a"), model_id="closed", licence=CLOSED), detector(make_variant("b")))
    made = plan(make_profile("tflite"), release, make_host("tflite"))
    assert chosen(made) == [("b", "tflite")]
    assert "not for commercial use: CC-BY-NC-4.0" in why_not(made, "a")


def test_a_model_with_such_a_licence_that_was_opted_in_comes_after_all_free_ones() -> None:
    closed = detector(make_variant("a"), model_id="closed", licence=CLOSED, is_optional=True)
    both = plan(make_profile("tflite"), make_release(closed, detector(make_variant("b"))), make_host("tflite"))
    alone = plan(make_profile("tflite"), make_release(closed), make_host("tflite"))
    assert chosen(both) == [("b", "tflite")]
    assert chosen(alone) == [("a", "tflite")]
    assert "not for commercial use (CC-BY-NC-4.0)" in alone.choices[0].reason


def test_synthetic_people_may_be_drawn_under_such_a_licence_and_the_choice_says_so() -> None:
    people = make_manifest("people", "make_person", make_variant("p", 1024), licence=CLOSED)
    made = plan(make_profile("tflite"), make_release(detector(make_variant("a")), people), make_host("tflite"))
    (choice,) = made.choices_for("make_person")
    assert "not for commercial use" in choice.reason


def test_memory_of_sessions_that_are_open_together_adds_up() -> None:
    sized = [make_variant(f"d{px}", px, memory_mb=500) for px in (320, 128)]
    made = plan(make_profile("tflite", sizes_px=(320, 128)), make_release(detector(*sized)), make_host("tflite"))
    assert chosen(made) == [("d320", "tflite")]
    assert why_not(made, "d128") == "needs 500 MB, 405 MB of the memory budget are left"


def test_what_is_done_while_stages_are_made_must_fit_beside_the_models_of_the_main_job_only() -> None:
    parts = (
        detector(make_variant("d", memory_mb=500)),
        make_manifest("e", "embed_faces", make_variant("e", memory_mb=350)),
    )
    for memory_mb, is_chosen in ((390, True), (400, False)):
        parser = make_manifest("parser", "parse_faces", make_variant("p", memory_mb=memory_mb))
        made = plan(make_profile("tflite"), make_release(*parts, parser), make_host("tflite"))
        assert [c.variant for c in made.choices_for("parse_faces")] == ["p"] * is_chosen


def test_what_the_ladder_keeps_open_must_fit_beside_all_that_is_open() -> None:
    profile = make_profile("tflite")
    parsed = msgspec.structs.replace(profile.ladder[0], parse_every=30)
    parts = (
        detector(make_variant("d", memory_mb=500)),
        make_manifest("e", "embed_faces", make_variant("e", memory_mb=350)),
    )
    parser = make_manifest("parser", "parse_faces", make_variant("p", memory_mb=100))
    kept = plan(msgspec.structs.replace(profile, ladder=(parsed,)), make_release(*parts, parser), make_host("tflite"))
    assert why_not(kept, "p") == "needs 100 MB, 45 MB of the memory budget are left"


def with_libraries(**memory_mb: int) -> Host:
    host = make_host(*memory_mb)
    facts = (msgspec.structs.replace(fact, memory_mb=memory_mb[fact.id]) for fact in host.runtimes)
    return msgspec.structs.replace(host, runtimes=tuple(facts))


def test_the_library_of_each_runtime_counts_once() -> None:
    sized = [make_variant(f"d{px}", px, memory_mb=300) for px in (320, 128)]
    profile, release = make_profile("tflite", sizes_px=(320, 128)), make_release(detector(*sized))
    fits = plan(profile, release, with_libraries(tflite=295))
    assert chosen(fits) == [("d320", "tflite"), ("d128", "tflite")]
    assert why_not(plan(profile, release, with_libraries(tflite=306)), "d128") == (
        "needs 300 MB, 299 MB of the memory budget are left"
    )


def test_a_second_library_is_not_loaded_where_it_does_not_fit() -> None:
    sized = [make_variant("d320", 320), make_variant("d128", 128, format="onnx")]
    profile = make_profile("tflite", "onnxruntime", sizes_px=(320, 128))
    made = plan(profile, make_release(detector(*sized)), with_libraries(tflite=400, onnxruntime=500))
    assert chosen(made) == [("d320", "tflite")]
    assert why_not(made, "d128", "onnxruntime") == (
        "needs 10 MB and 500 MB for onnxruntime, 495 MB of the memory budget are left"
    )


def test_a_library_that_leaves_no_room_for_the_main_job_is_gone_without() -> None:
    release = make_release(
        detector(make_variant("d", memory_mb=100)),
        make_manifest("mesh", "track_faces", make_variant("m", memory_mb=300)),
    )
    profile = make_profile("openvino", "tflite")
    made = plan(profile, release, with_libraries(openvino=600, tflite=100))
    assert (chosen(made), chosen(made, "track_faces")) == ([("d", "tflite")], [("m", "tflite")])
    assert why_not(made, "d", "openvino") == "its 600 MB for openvino would leave no room for 'track_faces'"
    with pytest.raises(PlanError, match="needs 300 MB, 205 MB of the memory budget are left"):
        plan(profile, release, with_libraries(openvino=600, tflite=600))


def test_the_limit_of_the_control_group_counts() -> None:
    release = make_release(detector(make_variant("a", memory_mb=300)))
    with pytest.raises(PlanError, match="needs 300 MB, 105 MB of the memory budget are left"):
        plan(make_profile("tflite"), release, make_host("tflite", memory_limit_mb=200))


def test_measured_speed_decides_between_variants_of_a_model() -> None:
    slow, fast = make_variant("a"), make_variant("b", precision="int8")
    state = State(measurements=(measured(setup_of(slow), 9.0), measured(setup_of(fast), 2.0)))
    made = plan(make_profile("tflite"), make_release(detector(slow, fast)), make_host("tflite"), state)
    (choice,) = made.choices_for("detect_faces")
    assert (choice.variant, choice.basis, choice.p50_ms) == ("b", "measured", 2.0)
    assert why_not(made, "a") == "b on tflite is better: 2.00 ms against 9.00 ms"


def test_measured_speed_never_trades_one_model_for_another() -> None:
    release = make_release(detector(make_variant("a")), detector(make_variant("b", precision="int8"), model_id="other"))
    state = State(measurements=(measured(setup_of(make_variant("b")), 0.1), measured(setup_of(make_variant("a")), 9.0)))
    assert chosen(plan(make_profile("tflite"), release, make_host("tflite"), state)) == [("a", "tflite")]


def test_one_file_that_serves_two_sizes_is_measured_at_each() -> None:
    small = make_variant("a", 128)
    large = msgspec.structs.replace(small, id="b", size_px=256)
    state = State(measurements=(measured(setup_of(small), 2.0), measured(setup_of(large), 8.0)))
    generator = make_manifest("gan", "fuse_neural", small, large)
    made = plan(
        make_profile("tflite"), make_release(detector(make_variant("d")), generator), make_host("tflite"), state
    )
    assert [choice.p50_ms for choice in made.choices_for("fuse_neural")] == [2.0, 8.0]


def test_a_measurement_of_another_version_does_not_count() -> None:
    variant = make_variant("a")
    old = msgspec.structs.replace(setup_of(variant), version="0")
    made = plan(
        make_profile("tflite"),
        make_release(detector(variant)),
        make_host("tflite"),
        State(measurements=(measured(old, 1),)),
    )
    assert made.choices[0].basis == "expected"


@pytest.mark.parametrize(("p50_ms_of_two", "threads"), [(5.0, 2), (9.5, 1)])
def test_more_threads_are_taken_only_where_they_pay(p50_ms_of_two: float, threads: int) -> None:
    variant = make_variant("a")
    times = {1: 10.0, 2: p50_ms_of_two}
    state = State(measurements=tuple(measured(setup_of(variant, threads=n), ms) for n, ms in times.items()))
    made = plan(make_profile("tflite"), make_release(detector(variant)), make_host("tflite"), state)
    assert made.choices[0].threads == threads


def test_the_threads_of_the_rule_are_never_exceeded() -> None:
    variant = make_variant("a")
    state = State(measurements=tuple(measured(setup_of(variant, threads=n), 10.0 / n) for n in (1, 2, 4)))
    profile = make_profile(RuntimeRule(id="tflite", threads=2))
    assert plan(profile, make_release(detector(variant)), make_host("tflite"), state).choices[0].threads == 2


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (3, 1), (8, 4)])
def test_an_unmeasured_session_gets_half_of_the_cores(cores: int, threads: int) -> None:
    release = make_release(detector(make_variant("a")))
    assert plan(make_profile("tflite"), release, make_host("tflite", cores=cores)).choices[0].threads == threads


@pytest.mark.parametrize(("crashes", "choice"), [(2, "a"), (3, "b")])
def test_what_crashed_the_worker_three_times_is_not_chosen_again(crashes: int, choice: str) -> None:
    first, second = make_variant("a"), make_variant("b")
    state = State()
    for how in ("hang", "hang", "SIGSEGV")[-crashes:]:
        state = state.with_crash(setup_of(first), how, "2026-01-01T00:00:00Z")
    made = plan(make_profile("tflite"), make_release(detector(first, second)), make_host("tflite"), state)
    assert chosen(made) == [(choice, "tflite")]
    if choice == "b":
        assert why_not(made, "a") == "crashed the worker here 3 times (SIGSEGV)"


def test_what_failed_its_golden_check_is_not_chosen_again() -> None:
    broken, sound = make_variant("a"), make_variant("b")
    state = State(checks=(failed(setup_of(broken), "it crashed with SIGSEGV"),))
    made = plan(make_profile("tflite"), make_release(detector(broken, sound)), make_host("tflite"), state)
    assert chosen(made) == [("b", "tflite")]
    assert why_not(made, "a") == "failed its golden check here: it crashed with SIGSEGV"


def test_a_required_task_without_a_choice_names_every_option() -> None:
    variants = (make_variant("int8-320", format="onnx"), make_variant("int8-640", format="onnx"))
    release = make_release(detector(*variants, model_id="scrfd-500m"))
    host = make_host("tflite")
    host = msgspec.structs.replace(
        host,
        runtimes=(
            RuntimeFact(id="onnxruntime", is_usable=False, reason="runtime is not installed (pip install onnxruntime)"),
            *host.runtimes,
        ),
    )
    with pytest.raises(PlanError) as raised:
        plan(make_profile("onnxruntime", "tflite", id="raspberry-pi-5"), release, host)
    assert str(raised.value) == (
        "cannot run model 'scrfd-500m' on 'raspberry-pi-5':\n"
        "  int8-320, int8-640 on onnxruntime: runtime is not installed (pip install onnxruntime)\n"
        "  int8-320, int8-640 on tflite: runtime does not read onnx"
    )


def test_a_release_without_a_required_task_cannot_be_planned() -> None:
    with pytest.raises(PlanError, match="release 7 has no model for it"):
        plan(make_profile("tflite"), make_release(), make_host("tflite"))


RUNTIMES = ("tflite", "onnxruntime", "openvino")
PRECISIONS = ("fp32", "fp16", "int8")
TASKS = ("detect_faces", "track_faces", "embed_faces", "fuse_neural", "make_person", "parse_faces")

rules = st.builds(
    RuntimeRule,
    id=st.sampled_from(RUNTIMES),
    target=st.sampled_from(("cpu", "gpu")),
    precisions=st.lists(st.sampled_from(PRECISIONS), min_size=1, unique=True).map(tuple),
    needs_static_shapes=st.booleans(),
    max_opset=st.none() | st.integers(11, 18),
    threads=st.none() | st.integers(1, 4),
)
facts = st.builds(
    RuntimeFact,
    id=st.sampled_from(RUNTIMES),
    version=st.just("1"),
    targets=st.lists(st.sampled_from(("cpu", "gpu")), unique=True).map(tuple),
    formats=st.lists(st.sampled_from(("tflite", "onnx", "openvino_ir")), unique=True).map(tuple),
    is_usable=st.booleans(),
)
hosts = st.builds(
    Host,
    arch=st.just("aarch64"),
    cores=st.integers(1, 8),
    memory_mb=st.integers(0, 4000),
    memory_limit_mb=st.none() | st.integers(150, 2000),
    runtimes=st.lists(facts.filter(lambda fact: fact.id != "tflite"), unique_by=lambda fact: fact.id).map(
        lambda facts: (*facts, *make_host("tflite").runtimes)
    ),
)


@st.composite
def releases(draw):
    manifests = []
    for i in range(draw(st.integers(0, 4))):
        variants = [
            make_variant(
                f"m{i}v{j}",
                draw(st.sampled_from((128, 192, 320))),
                format=draw(st.sampled_from(("tflite", "onnx", "openvino_ir"))),
                precision=draw(st.sampled_from(PRECISIONS)),
                opset=draw(st.none() | st.integers(11, 18)),
                has_static_shapes=draw(st.booleans()),
                memory_mb=draw(st.integers(0, 200)),
            )
            for j in range(draw(st.integers(1, 3)))
        ]
        licence = {"licence": CLOSED} if draw(st.booleans()) else {}
        task, is_optional = draw(st.sampled_from(TASKS)), draw(st.booleans())
        manifests.append(make_manifest(f"m{i}", task, *variants, is_optional=is_optional, **licence))
    manifests.append(detector(make_variant("sure"), model_id="sure"))
    return make_release(*manifests)


@st.composite
def states(draw, release):
    setups = [
        setup_of(variant, draw(st.sampled_from(RUNTIMES)), draw(st.integers(1, 4)))
        for manifest in release.manifests
        for variant in manifest.variants
        if draw(st.booleans())
    ]
    state = State()
    for setup in setups:
        state = state.with_measurement(measured(setup, draw(st.floats(0.1, 9.0))))
        if draw(st.integers(0, 4)) == 0:
            state = state.with_check(failed(setup, "all zero"))
    return state


profiles = st.builds(
    lambda rules, sizes_px, memory_mb: make_profile(*rules, "tflite", sizes_px=sizes_px, memory_mb=memory_mb),
    st.lists(rules, max_size=3),
    st.lists(st.sampled_from((96, 128, 192, 640)), min_size=1, max_size=4),
    st.integers(50, 2000),
)


@settings(deadline=None)  # the machine may be busy
@given(st.data())
def test_every_variant_on_every_rule_is_chosen_or_rejected_exactly_once(data: st.DataObject) -> None:
    profile, release, host = data.draw(profiles), data.draw(releases()), data.draw(hosts)
    try:
        made = plan(profile, release, host, data.draw(states(release)))
    except PlanError as e:
        assert str(e).startswith("cannot ")
        return
    told = [(o.model, o.variant, o.runtime, o.target) for o in (*made.choices, *made.rejections)]
    pairs = [(m.id, v.id, r.id, r.target) for m in release.manifests for v in m.variants for r in profile.runtimes]
    assert sorted(told) == sorted(pairs)
    assert all(option.reason for option in (*made.choices, *made.rejections))


@settings(deadline=None)  # the machine may be busy
@given(st.data())
def test_the_order_of_manifests_and_variants_changes_nothing(data: st.DataObject) -> None:
    profile, release, host = data.draw(profiles), data.draw(releases()), data.draw(hosts)
    state = data.draw(states(release))
    shuffled = tuple(
        msgspec.structs.replace(m, variants=tuple(data.draw(st.permutations(m.variants))))
        for m in data.draw(st.permutations(release.manifests))
    )
    assert outcome(profile, release, host, state) == outcome(
        profile, msgspec.structs.replace(release, manifests=shuffled), host, state
    )


@settings(deadline=None)  # the machine may be busy
@given(st.data())
def test_what_is_chosen_fits_into_the_memory(data: st.DataObject) -> None:
    profile, release, host = data.draw(profiles), data.draw(releases()), data.draw(hosts)
    try:
        made = plan(profile, release, host)
    except PlanError:
        return
    together = [set(TASKS) - TASKS_ALONE - TASKS_AT_FIRST, {*REQUIRED_TASKS, *TASKS_AT_FIRST}]
    for tasks in (*together, *({task} for task in TASKS_ALONE)):
        memory_mb = sum(release.find(c.model, c.variant).memory_mb for c in made.choices if c.task in tasks)
        assert memory_mb <= min(profile.memory_mb, host.memory_limit_mb or 2000)


def outcome(profile, release, host, state) -> Plan | str:
    try:
        return plan(profile, release, host, state)
    except PlanError as e:
        return str(e)
