import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgefuse import disk
from edgefuse.errors import StoreError


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    disk.write_atomically(tmp_path / "new" / "state.json", b"first")
    disk.write_atomically(tmp_path / "new" / "state.json", b"second")
    assert [(p.name, p.read_bytes()) for p in (tmp_path / "new").iterdir()] == [("state.json", b"second")]


def test_a_folder_that_is_made_is_synced_with_all_that_were_made_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr(disk, "sync_folder", synced.append)
    disk.make_folder(tmp_path / "a" / "b")
    disk.make_folder(tmp_path / "a" / "b")
    assert (synced, (tmp_path / "a" / "b").is_dir()) == ([tmp_path, tmp_path / "a"], True)


def test_a_file_can_be_read_by_every_user(tmp_path: Path) -> None:
    disk.write_atomically(tmp_path / "state.json", b"data")
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o644


def test_a_kill_leaves_one_temporary_file_that_the_next_writer_takes_over(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    program = (
        "import os, signal, sys; from pathlib import Path; from edgefuse import disk\n"
        "disk.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "disk.write_atomically(Path(sys.argv[1]), b'a longer text than the next')\n"
    )
    path = tmp_path / "folder" / "state.json"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=Path(__file__).parents[1], check=False)
        assert done.returncode == -signal.SIGKILL
    assert len(list(path.parent.iterdir())) == 1
    disk.write_atomically(path, b"data")
    assert [(p.name, p.read_bytes()) for p in path.parent.iterdir()] == [("state.json", b"data")]


def test_writers_of_one_file_wait_for_each_other(tmp_path: Path) -> None:
    path, texts = tmp_path / "state.json", [bytes([65 + i]) * 100_000 * (i + 1) for i in range(4)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda i: disk.write_atomically(path, texts[i % 4]), range(40)))
    assert path.read_bytes() in texts
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / ".state.json.new").symlink_to("precious")
    with pytest.raises(StoreError, match=r"cannot write .*state\.json"):
        disk.write_atomically(tmp_path / "state.json", b"data")
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_a_file_that_cannot_be_replaced_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()
    with pytest.raises(StoreError, match=r"cannot write .*state\.json: Is a directory"):
        disk.write_atomically(tmp_path / "state.json", b"data")
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_a_full_disk_is_told_with_what_to_do() -> None:
    with (
        pytest.raises(StoreError, match=r"cannot write /dev/full: No space left on device; make room"),
        disk.writing(Path("/dev/full")),
        Path("/dev/full").open("wb", buffering=0) as file,
    ):
        file.write(b"data")


def test_a_missing_file_is_told_when_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*gone: No such file"):
        next(disk.read_chunks(tmp_path / "gone"))


def test_a_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    order = []
    is_inside = threading.Event()

    def enter_too() -> None:
        is_inside.wait()
        with disk.locked(tmp_path / "lock"):
            order.append("second")

    thread = threading.Thread(target=enter_too)
    thread.start()
    with disk.locked(tmp_path / "lock"):
        is_inside.set()
        thread.join(timeout=0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_room_is_counted_as_others_count_it(tmp_path: Path) -> None:
    assert abs(disk.free_bytes(tmp_path) - shutil.disk_usage(tmp_path).free) < 1 << 30  # others write meanwhile
