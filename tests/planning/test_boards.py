"""Every shipped profile, planned from its sample with the models that ship."""

from pathlib import Path

import pytest

from edgefuse.config import loader
from edgefuse.config.manifest import load_manifests
from edgefuse.config.profile import Profile
from edgefuse.planning.plan import REQUIRED_TASKS, Plan, plan
from edgefuse.store.release import SHIPPED_ID, Release

ROOT = Path(__file__).parents[2]
PROFILES = tuple(loader.load_folder(ROOT / "devices", Profile).values())
RELEASE = Release(id=SHIPPED_ID, counter=0, manifests=load_manifests(ROOT / "models"))
ELSEWHERE: dict[tuple[str, str], str] = {}
"""(profile, task) whose models run elsewhere than on the board's first runtime, and why; README shows the reason."""


def ids(profile) -> str:
    return profile.id


def made_for(profile) -> Plan:
    return plan(profile, RELEASE, profile.sample)


@pytest.mark.parametrize("task", REQUIRED_TASKS)
@pytest.mark.parametrize("profile", PROFILES, ids=ids)
def test_required_tasks_run_on_the_first_runtime_of_the_board(profile, task: str) -> None:
    first = profile.runtimes[0]
    places = {(choice.runtime, choice.target) for choice in made_for(profile).choices_for(task)}
    assert (places == {(first.id, first.target)}) is ((profile.id, task) not in ELSEWHERE)


@pytest.mark.parametrize("profile", PROFILES, ids=ids)
def test_each_detector_size_of_the_ladder_has_a_model_of_that_size(profile) -> None:
    wanted = {point.detect_px for point in profile.ladder}
    assert {choice.size_px for choice in made_for(profile).choices_for("detect_faces")} == wanted


def test_old_openvino_is_not_asked_to_draw_people() -> None:
    (profile,) = (p for p in PROFILES if p.id == "intel-nuc-ncs2")
    reasons = {
        r.reason for r in made_for(profile).rejections if (r.model, r.target) == ("random-face-synthesis", "cpu")
    }
    assert "needs openvino 2024.4 or newer, 2022.3.2 is here" in reasons


@pytest.mark.parametrize("profile", PROFILES, ids=ids)
def test_a_golden_output_stands_behind_every_choice(profile) -> None:
    for choice in made_for(profile).choices:
        variant = RELEASE.find(choice.model, choice.variant)
        assert set(variant.golden) == {output.name for output in variant.outputs}
