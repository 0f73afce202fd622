import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes.wheels import list_tree, make_edgefuse, make_wheelhouse, put

from edgefuse.errors import InstallError
from edgefuse.install import systemd
from edgefuse.install.target import Target

pytestmark = pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl here")


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    return make_wheelhouse(tmp_path / "house")


def test_a_board_boots_into_what_was_installed(installed_image: Path) -> None:
    image = installed_image
    current = image / "opt/edgefuse/current"
    assert (current / "lib/python3.11/site-packages/edgefuse").is_dir()
    assert str((current / "bin/python3").readlink()) == "/usr/bin/python3"
    assert (current / "bin/edgefuse").read_text().startswith("#!/opt/edgefuse/current/bin/python3\n")
    assert (image / "usr/share/edgefuse/systemd/edgefuse.service").is_file()
    assert systemd.is_enabled(Target(image))
    assert "edgefuse:" in (image / "etc/passwd").read_text()


def test_only_runtimes_of_the_profile_are_installed(installed_image: Path) -> None:
    packages = installed_image / "opt/edgefuse/current/lib/python3.11/site-packages"
    assert (packages / "ai_edge_litert.py").is_file()
    assert not (packages / "onnxruntime.py").exists()


def test_the_same_again_changes_nothing(installed_image: Path, installed_wheelhouse: Path) -> None:
    image = installed_image
    before, stamps = list_tree(image), {path: path.lstat().st_mtime_ns for path in image.rglob("*")}
    assert put(image, installed_wheelhouse).changed == ()
    assert list_tree(image) == before
    assert {path: path.lstat().st_mtime_ns for path in image.rglob("*")} == stamps


def test_a_refusal_leaves_nothing(image: Path, wheelhouse: Path) -> None:
    next(wheelhouse.glob("msgspec-*")).unlink()
    before = list_tree(image)
    with pytest.raises(InstallError, match=r"cannot install edgefuse's packages: pip: .*msgspec"):
        put(image, wheelhouse)
    assert list_tree(image) == before


def test_a_failure_at_the_last_step_leaves_what_was_installed_before(installed_image: Path, wheelhouse: Path) -> None:
    image = installed_image
    make_edgefuse(wheelhouse, "9.10.0")
    (image / "etc/systemd/system/multi-user.target.wants/edgefuse.service").unlink()
    (image / "etc/systemd/system/multi-user.target.wants").rmdir()
    (image / "etc/systemd/system/multi-user.target.wants").touch()  # so that `systemctl enable` fails
    before = list_tree(image)
    with pytest.raises(InstallError, match=r"enable --quiet edgefuse\.service"):
        put(image, wheelhouse)
    assert list_tree(image) == before


def test_a_newer_version_is_switched_to_and_only_the_one_before_is_kept(image: Path, wheelhouse: Path) -> None:
    folders = []
    for version in ("9.9.1", "9.9.2", "9.9.3"):
        for old in wheelhouse.glob("edgefuse-*"):
            old.unlink()
        make_edgefuse(wheelhouse, version)
        folders.append(Path(put(image, wheelhouse).folder).name)
    found = sorted(path.name for path in (image / "opt/edgefuse").iterdir())
    assert found == sorted([*folders[1:], "current", "folders"])
    assert str((image / "opt/edgefuse/current").readlink()) == folders[2]


def test_what_the_owner_wrote_stays(image: Path, wheelhouse: Path) -> None:
    site = image / "etc/edgefuse/edgefuse.yaml"
    site.parent.mkdir(parents=True)
    site.write_text("source: mine\n")
    command = image / "usr/local/bin/edgefuse"
    command.parent.mkdir(parents=True)
    command.write_text("mine")
    changed = put(image, wheelhouse).changed
    assert (site.read_text(), command.read_text()) == ("source: mine\n", "mine")
    assert not {"/etc/edgefuse/edgefuse.yaml", "/usr/local/bin/edgefuse"} & set(changed)


def test_a_folder_without_systemd_is_refused(image: Path, wheelhouse: Path) -> None:
    (image / "usr/lib/systemd/systemd").unlink()
    with pytest.raises(InstallError, match="there is no systemd in it"):
        put(image, wheelhouse)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(
    image: Path, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=400_000_000))
    before = list_tree(image)
    with pytest.raises(InstallError, match=r"has 400 MB free, and it needs \d+ MB"):
        put(image, wheelhouse)
    assert list_tree(image) == before
