from pathlib import Path

import pytest
from fakes.wheels import list_tree

from edgefuse.install.changes import Changes


class GaveUpError(Exception):
    pass


def give_up(changes: Changes) -> None:
    with changes:
        raise GaveUpError


def test_an_error_takes_back_what_was_made_and_restores_what_was_replaced(tmp_path: Path) -> None:
    (tmp_path / "unit").write_text("old")
    (tmp_path / "link").symlink_to("old")
    before = list_tree(tmp_path)
    changes = Changes()
    changes.put_file(tmp_path / "unit", b"new")
    changes.put_file(tmp_path / "deep/er/file", b"new")
    changes.put_link(tmp_path / "link", "new")
    changes.put_link(tmp_path / "other/link", "new")
    changes.build_folder(tmp_path / "built", lambda folder: (folder / "part").write_text("x") and None)
    assert list_tree(tmp_path) != before
    with pytest.raises(GaveUpError):
        give_up(changes)
    assert list_tree(tmp_path) == before


def test_a_folder_that_could_not_be_built_is_not_left_half_full(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "part").mkdir()
        raise GaveUpError

    with pytest.raises(GaveUpError), Changes() as changes:
        changes.build_folder(tmp_path / "deep/built", build)
    assert list_tree(tmp_path) == {}


def test_what_a_power_cut_left_of_a_build_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    (tmp_path / "built/half").touch()
    with Changes() as changes:
        assert not changes.is_built(tmp_path / "built")
        changes.build_folder(tmp_path / "built", lambda folder: (folder / "whole").touch())
        assert changes.is_built(tmp_path / "built")
    assert sorted(path.name for path in (tmp_path / "built").iterdir()) == [".complete", "whole"]


def test_what_is_as_it_should_be_is_neither_written_nor_counted(tmp_path: Path) -> None:
    with Changes() as first:
        first.put_file(tmp_path / "unit", b"a")
        first.put_link(tmp_path / "link", "a")
    stamps = [(tmp_path / name).lstat().st_mtime_ns for name in ("unit", "link")]
    with Changes() as second:
        second.put_file(tmp_path / "unit", b"a")
        second.put_link(tmp_path / "link", "a")
    assert second.paths == []
    assert [(tmp_path / name).lstat().st_mtime_ns for name in ("unit", "link")] == stamps
