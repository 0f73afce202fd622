import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.model_files import CONTENT, model_file, variant
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefuse.errors import StoreError
from edgefuse.store.store import Store


def test_bytes_come_back_unchanged_however_they_were_cut(tmp_path_factory: pytest.TempPathFactory) -> None:
    @settings(deadline=None)  # it syncs, which takes as long as a busy disk likes
    @given(st.lists(st.binary(max_size=50), min_size=1).filter(any))
    def check(chunks: list[bytes]) -> None:
        store = Store(tmp_path_factory.mktemp("store"))
        file = model_file(b"".join(chunks))
        store.add(chunks, file)
        assert store.path(file.sha256).read_bytes() == b"".join(chunks)
        assert store.is_intact(file.sha256)

    check()


def test_any_changed_byte_is_refused_and_nothing_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    @settings(deadline=None)
    @given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
    def check(place: int, change: int) -> None:
        store = Store(tmp_path_factory.mktemp("store"))
        altered = bytearray(CONTENT)
        altered[place] ^= change
        with pytest.raises(StoreError):
            store.add([bytes(altered)], model_file())
        assert store.blobs() == ()

    check()


def test_wrong_content_is_told_with_both_hashes_and_its_origin(store: Store) -> None:
    file = model_file()
    with pytest.raises(StoreError) as caught:
        store.add([b"something else"], file)
    text = str(caught.value)
    assert file.sha256 in text
    assert hashlib.sha256(b"something else").hexdigest() in text
    assert file.source.address in text


def test_content_without_end_is_stopped_at_the_size_of_the_manifest(store: Store) -> None:
    def endless() -> object:
        while True:
            yield b"x" * 1000

    with pytest.raises(StoreError, match=r"longer than the \d+ bytes"):
        store.add(endless(), model_file())  # type: ignore[arg-type]
    assert list(store.root.glob("incoming")) == []


def test_blobs_cannot_be_written_by_mistake(store: Store) -> None:
    store.add([CONTENT], model_file())
    assert store.path(model_file().sha256).stat().st_mode & 0o777 == 0o444


def test_a_local_file_is_kept_under_its_hash(store: Store, tmp_path: Path) -> None:
    (tmp_path / "made.onnx").write_bytes(CONTENT)
    assert store.add_file(tmp_path / "made.onnx") == model_file().sha256
    assert store.has(model_file().sha256)


def test_a_file_beside_the_blobs_becomes_one_by_another_name(store: Store) -> None:
    path = store.root / "part"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)
    store.adopt(path, model_file())
    store.adopt(path, model_file())  # after a kill, once more
    assert store.path(model_file().sha256).samefile(path)
    assert store.path(model_file().sha256).stat().st_mode & 0o777 == 0o444


def test_another_file_than_was_promised_does_not_become_a_blob(store: Store) -> None:
    path = store.root / "part"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"something else")
    with pytest.raises(StoreError, match="its sha256 is"):
        store.adopt(path, model_file())
    assert (path.exists(), store.blobs()) == (True, ())


def test_a_missing_local_file_is_told(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*gone\.onnx: No such file"):
        store.add_file(tmp_path / "gone.onnx")


def test_files_of_a_variant_lie_together_under_their_names(store: Store) -> None:
    xml, weights = model_file(b"<net/>", "net.xml"), model_file(b"weights", "net.bin")
    store.add([b"<net/>"], xml)
    store.add([b"weights"], weights)
    path = store.path_of(variant(xml, weights).files)
    assert path.name == "net.xml"
    assert path.read_bytes() == b"<net/>"
    assert path.with_suffix(".bin").read_bytes() == b"weights"


def test_names_are_made_again_after_they_were_deleted(store: Store) -> None:
    xml, weights = model_file(b"<net/>", "net.xml"), model_file(b"weights", "net.bin")
    store.add([b"<net/>"], xml)
    store.add([b"weights"], weights)
    store.path_of(variant(xml, weights).files).with_suffix(".bin").unlink()
    assert store.path_of(variant(xml, weights).files).with_suffix(".bin").read_bytes() == b"weights"


def test_what_a_kill_left_of_a_link_is_overwritten(store: Store) -> None:
    store.add([CONTENT], model_file())
    path = store.path_of(variant(model_file()).files)
    path.unlink()
    path.with_name(f".{path.name}.new").symlink_to("anywhere")
    assert store.path_of(variant(model_file()).files).read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_variants_that_share_a_file_do_not_share_a_folder(store: Store) -> None:
    shared, other = model_file(b"<net/>", "net.xml"), model_file(b"weights", "net.bin")
    store.add([b"<net/>"], shared)
    store.add([b"weights"], other)
    assert store.path_of(variant(shared).files).parent != store.path_of(variant(shared, other).files).parent


def test_names_still_lead_to_blobs_after_the_store_was_moved(store: Store, tmp_path: Path) -> None:
    store.add([CONTENT], model_file())
    name = store.path_of(variant(model_file()).files).relative_to(store.root)
    store.root.rename(tmp_path / "moved")
    assert (tmp_path / "moved" / name).read_bytes() == CONTENT


def test_a_variant_that_is_not_here_names_the_command_that_helps(store: Store) -> None:
    with pytest.raises(StoreError, match=r"cannot open net\.tflite: .*edgefuse models fetch"):
        store.path_of(variant(model_file()).files)


def test_a_flipped_bit_is_found_and_can_be_mended(store: Store) -> None:
    file = model_file()
    store.add([CONTENT], file)
    path = store.path(file.sha256)
    path.chmod(0o644)
    path.write_bytes(b"X" + CONTENT[1:])
    assert not store.is_intact(file.sha256)
    store.remove(file.sha256)
    store.add([CONTENT], file)
    assert store.is_intact(file.sha256)


def test_files_that_are_no_blobs_are_not_listed(store: Store) -> None:
    store.add([CONTENT], model_file())
    (store.path(model_file().sha256).parent / "lost+found").touch()
    assert store.blobs() == (model_file().sha256,)


def test_a_kill_before_the_rename_leaves_a_store_that_works(store: Store) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from fakes.model_files import CONTENT, model_file
from edgefuse.store.store import Store

def all_but_the_end():
    yield CONTENT
    os.kill(os.getpid(), signal.SIGKILL)

Store(Path(sys.argv[1])).add(all_but_the_end(), model_file())
"""
    done = subprocess.run([sys.executable, "-c", program, str(store.root)], env=_child_environment(), check=False)
    assert done.returncode == -signal.SIGKILL
    assert (store.root / "incoming").exists()
    assert store.blobs() == ()
    store.add([CONTENT], model_file())
    assert store.is_intact(model_file().sha256)
    assert not (store.root / "incoming").exists()


@pytest.mark.skipif(
    subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0
    if shutil.which("unshare")
    else True,
    reason="no user namespaces for a file system of this test's own",
)
def test_a_full_disk_is_told_and_leaves_a_store_that_works(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from fakes.model_files import model_file
from edgefuse.errors import StoreError
from edgefuse.store.store import Store

small, large = b"small", b"x" * 1_000_000
store = Store(Path(sys.argv[1]) / "store")
store.add([small], model_file(small))
try:
    store.add([large], model_file(large))
except StoreError as e:
    print(e)
print(store.blobs() == (model_file(small).sha256,), store.is_intact(model_file(small).sha256))
"""
    mount = 'mount -t tmpfs -o size=200k tmpfs "$0" && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, str(tmp_path), sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, env=_child_environment(), capture_output=True, text=True, check=True)
    message, state = done.stdout.splitlines()
    assert "No space left on device; make room, or set EDGEFUSE_ROOT" in message
    assert state == "True True"


def _child_environment() -> dict[str, str]:
    tests = Path(__file__).parents[1]
    return {**os.environ, "PYTHONPATH": f"{tests}:{tests.parent}"}
