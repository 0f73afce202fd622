"""What a release must show before it is built."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from fakes.planned import add_fake_variant, make_host, make_manifest, make_profile, make_release, make_variant

from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import TensorSpec
from edgefuse.config.profile import Trip
from edgefuse.errors import ConfigError, EdgefuseError, PlanError
from edgefuse.factory.promise import make_golden
from edgefuse.factory.proving import (
    boards_for,
    check_boards,
    check_limits,
    check_promises,
    check_settings,
    list_checks,
)
from edgefuse.store.board_settings import BoardSettings
from edgefuse.store.release import Release
from edgefuse.store.store import Store
from edgefuse.store.terms import Constraints

FAKE = RuntimeFact(id="fake", version="1", targets=("cpu",), formats=("fake",))


def constrained(**keys: object) -> Release:
    """Give a release that may not go everywhere."""
    release = make_release(make_manifest("finder", "detect_faces", make_variant("fp32-128")))
    return msgspec.structs.replace(release, constraints=Constraints(**keys))


def test_release_is_for_every_board_that_nothing_excludes() -> None:
    everywhere = {profile.id for profile in boards_for(constrained())}
    assert {"raspberry-pi-5", "generic-x86-64", "jetson-nano"} <= everywhere
    assert [p.id for p in boards_for(constrained(profiles=("raspberry-pi-5",)))] == ["raspberry-pi-5"]
    without_old = {profile.id for profile in boards_for(constrained(runtimes={"openvino": "2023"}))}
    assert everywhere - without_old == {"intel-nuc-ncs2"}


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"profiles": ("raspberry-pi-50",)}, "there is no profile 'raspberry-pi-50'"),
        ({"edgefuse": "99.0"}, "it needs edgefuse 99.0 or newer"),
    ],
)
def test_release_that_may_go_nowhere_is_refused(keys: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        boards_for(constrained(**keys))


def test_board_that_could_not_do_the_main_job_is_named() -> None:
    release = make_release(make_manifest("finder", "detect_faces", make_variant("fp32-128")))
    able = make_profile("tflite", id="able", sample=make_host("tflite"))
    unable = make_profile("onnxruntime", id="unable", sample=make_host("onnxruntime"))
    check_boards(release, [able])
    with pytest.raises(PlanError, match=r"cannot build release 7: add a variant.*\n.*on 'unable'") as raised:
        check_boards(release, [able, unable])
    assert "'able'" not in str(raised.value)


@pytest.mark.parametrize(
    ("board", "settings", "reason"),
    [
        ("intel-nuc", BoardSettings(), "boards.intel-nuc: it does not go to such a board, only to raspberry-pi-5"),
        (
            "raspberry-pi-5",
            BoardSettings(trips=(Trip(zone="gpu", enter_c=60, exit_c=50),)),
            "no zone 'gpu' has a limit",
        ),
        (
            "raspberry-pi-5",
            BoardSettings(trips=(Trip(zone="cpu-thermal", enter_c=99, exit_c=50),)),
            "99 C is above the board's own limit for 'cpu-thermal'",
        ),
    ],
)
def test_limit_that_no_board_would_take_is_refused(board: str, settings: BoardSettings, reason: str) -> None:
    release = constrained(profiles=("raspberry-pi-5",))
    boards = boards_for(release)
    lower = BoardSettings(trips=(Trip(zone="cpu-thermal", enter_c=60, exit_c=50),))
    check_limits(msgspec.structs.replace(release, boards={"raspberry-pi-5": lower}), boards)
    with pytest.raises(ConfigError, match=reason):
        check_limits(msgspec.structs.replace(release, boards={board: settings}), boards)


def test_output_that_promises_nothing_is_refused(tmp_path: Path) -> None:
    good = add_fake_variant(Store(tmp_path), "a")
    check_promises(Release(id="7", counter=7, manifests=(make_manifest("finder", "detect_faces", good),)))
    silent = msgspec.structs.replace(good, golden={})
    with pytest.raises(EdgefuseError, match="finder a has no golden values for its output score"):
        check_promises(Release(id="7", counter=7, manifests=(make_manifest("finder", "detect_faces", silent),)))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"anonymise": {"metod": "blur"}}, "settings.anonymise.metod: unknown key"),
        ({"anonymise": {"method": "paint"}}, "settings.anonymise.method: "),
        ({"anonimise": {"method": "blur"}}, "anonimise"),
    ],
)
def test_setting_that_no_stage_takes_is_refused(settings: dict[str, dict[str, str]], reason: str) -> None:
    release = msgspec.structs.replace(constrained(), settings={"anonymise": {"method": "blur"}})
    check_settings(release)
    with pytest.raises(ConfigError, match=reason):
        check_settings(msgspec.structs.replace(release, settings=settings))


def test_variant_is_run_on_every_runtime_that_reads_it(tmp_path: Path) -> None:
    variant = add_fake_variant(Store(tmp_path), "a")
    picky = msgspec.structs.replace(variant, id="b", needs={"fake": "2"})
    release = Release(id="7", counter=7, manifests=(make_manifest("finder", "detect_faces", variant, picky),))
    broken = msgspec.structs.replace(FAKE, id="broken", is_usable=False)
    other = msgspec.structs.replace(FAKE, id="other", formats=("onnx",))
    names = [check.name for check in list_checks(release, [FAKE, broken, other])]
    assert names == ["finder a on fake cpu"]


def test_check_runs_the_model_and_tells_what_is_wrong(tmp_path: Path) -> None:
    store = Store(tmp_path)
    right, wrong = add_fake_variant(store, "a"), add_fake_variant(store, "b", promise=2.0)
    release = Release(id="7", counter=7, manifests=(make_manifest("finder", "detect_faces", right, wrong),))
    failures = [check.run(store) for check in list_checks(release, [FAKE])]
    assert failures[0] == ""
    assert "output score differs by 1 from the manifest" in failures[1]


def test_golden_values_are_what_a_runtime_gives(tmp_path: Path) -> None:
    store = Store(tmp_path)
    variant = add_fake_variant(store, "a")
    golden = make_golden(msgspec.structs.replace(variant, golden={}), FAKE, store)
    assert golden["score"].values == (1.0,) * 8
    assert golden["score"].tolerance == 1e-3


def test_model_that_cannot_be_run_makes_no_golden_values(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other_shape = (TensorSpec(name="score", shape=(1, 9)),)
    variant = msgspec.structs.replace(add_fake_variant(store, "a"), outputs=other_shape)
    with pytest.raises(EdgefuseError, match=r"cannot run 'a' on fake: .*cannot bind output score"):
        make_golden(variant, FAKE, store)
