"""What browsers are given: whole, plain, and nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgefuse.console.app import PAGE

MODULES = sorted(path.name for path in (PAGE / "js").glob("*.js"))
INDEX = (PAGE / "index.html").read_text()


def test_the_page_asks_for_every_module_at_once() -> None:
    assert sorted(re.findall(r'"js/(\w+\.js)"', INDEX)) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_a_module_makes_no_markup_of_data_and_no_code_of_text(name: str) -> None:
    source = (PAGE / "js" / name).read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", source)


@pytest.mark.parametrize("path", sorted(PAGE.rglob("*.*")), ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere_or_stands_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"https?://(?!www\.w3\.org/)|style=\"|<script>|javascript:", text)
