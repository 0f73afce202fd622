"""Every shipped profile, planned from its sample with the models that ship."""

from pathlib import Path

import pytest

from edgefuse.config import loader
from edgefuse.config.manifest import load_manifests
from edgefuse.config.profile import Profile
from edgefuse.planning.plan import Plan, plan
from edgefuse.store.release import SHIPPED_ID, Release

ROOT = Path(__file__).parents[2]
PROFILES = tuple(loader.load_folder(ROOT / "devices", Profile).values())
RELEASE = Release(id=SHIPPED_ID, counter=0, manifests=load_manifests(ROOT / "models"))


def ids(profile) -> str:
    return profile.id


def made_for(profile) -> Plan:
    return plan(profile, RELEASE, profile.sample)


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
