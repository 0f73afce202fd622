"""What the judges of an anonymised clip say."""

import pytest
from benching.anonymity import Report, describe

FOUND = {"yunet": 0, "blazeface": 0}


def test_a_clip_in_which_nobody_is_found_is_told_so() -> None:
    report = Report("solid", 9, FOUND, None, None, None)
    assert report.is_met
    assert "nearest to the person: none found (limit 0.3); outside: every bit as it was" in describe(report)


@pytest.mark.parametrize(("cosine", "is_met"), [(0.2, True), (0.4, False)])
def test_what_is_found_counts_by_its_likeness(cosine: float, is_met: bool) -> None:
    report = Report("blur", 9, FOUND, cosine, 7, 47.0)
    assert report.is_met is is_met
    assert f"cosine {cosine:.3f} in frame 7 " in describe(report)
