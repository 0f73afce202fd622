"""What a user reads who gives ``edgefuse run`` something wrong: the real command, its words, and exit code 2."""

import hashlib
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import av
import cv2
import msgspec
import numpy as np
import pytest
from fakes.command import CHECKOUT, finish, refuse, run, start
from fakes.model_files import write_wheel

from edgefuse import paths
from edgefuse.config.manifest import ModelFile, Source
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.release import Release, make_current, save_release
from edgefuse.store.store import Store

FORMS = "choose .mp4 (video), .png or .jpg (one picture), or a folder with / at its end (numbered pictures)"
# A board with one runtime: a probe takes time, and most of this is said before any model runs.
BOARD = ("--profile", "raspberry-pi-3")
PATTERN = (*BOARD, "--source", "pattern:64x48@25,frames=3", "--effect", "none")


@pytest.fixture
def folder(tmp_path: Path, store: Store, astronaut: Path) -> Path:
    """A user's folder: a photo of a face, and files that are not what their names say."""
    assert store.root.is_dir()
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(astronaut, home / "photo.png")
    (home / "text.mp4").write_text("not a video")
    (home / "text.png").write_text("not a picture")
    (home / "empty.mp4").touch()
    (home / "pictures").mkdir()
    cv2.imwrite(str(home / "grey.png"), np.full((200, 200, 3), 128, np.uint8))
    return home


@pytest.fixture
def private_root(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root of the test's own whose store has all models; what the test breaks there is broken for nobody else."""
    root = tmp_path / "root"
    monkeypatch.setenv("EDGEFUSE_ROOT", str(root))
    for blob in store.blobs():
        place = Store(paths.state_dir() / "store").path(blob)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(store.path(blob))
    return root


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "cannot run: the source is empty; name a file or an address"),
        ("missing.mp4", "cannot read missing.mp4: no such file"),
        ("text.mp4", "cannot read text.mp4: it is not a video, or its end is missing (Invalid data found when "
         "processing input)"),
        ("empty.mp4", "cannot read empty.mp4: the file is empty"),
        ("text.png", "cannot read text.png: it is not a picture"),
        ("pictures", "cannot read pictures: the folder holds no pictures (.bmp .jpeg .jpg .png .tif .tiff .webp)"),
        ("rtsp://127.0.0.1:9/none", "cannot open rtsp://127.0.0.1:9/none: connection refused"),
        ("pattern:wide", 'cannot open pattern:wide: "wide" is not one of 1280x720@30, live, frames=N; write it as '
         "pattern:1280x720@30 or pattern:1280x720@30,live"),
    ],
)  # fmt: skip
def test_source_that_cannot_be_read(folder: Path, source: str, words: str) -> None:
    said = refuse("run", *BOARD, "--source", source, "--effect", "none", "--sink", "out.mp4", folder=folder)
    assert said == f"edgefuse: {words}"


@pytest.mark.parametrize(
    ("sink", "words"),
    [
        ("out", f"cannot write out: it has no ending; {FORMS}"),
        ("out.avi", f'cannot write out.avi: unknown kind ".avi"; {FORMS}'),
        ("pictures", "cannot write pictures: it is a folder; write pictures/ for numbered pictures in it"),
        ("nowhere/out.mp4", "cannot write nowhere/out.mp4: folder nowhere does not exist; mkdir -p nowhere"),
        ("/proc/out.mp4", "cannot write /proc/out.mp4: no such file or directory"),
        ("one.png", "cannot write one.png: it takes one picture and the source gives more; name a video (out.mp4) or a "
         "folder (out/)"),
        ("rtsp://127.0.0.1:9/none", "cannot push to rtsp://127.0.0.1:9/none: connection refused; is the server "
         "running?"),
    ],
)  # fmt: skip
def test_sink_that_cannot_be_written(folder: Path, sink: str, words: str) -> None:
    assert refuse("run", *PATTERN, "--sink", sink, folder=folder) == f"edgefuse: {words}"


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is forbidden to root")
def test_sink_in_a_folder_of_somebody_else(folder: Path) -> None:
    (folder / "pictures").chmod(0o500)
    said = refuse("run", *PATTERN, "--sink", "pictures/out.mp4", folder=folder)
    assert said == "edgefuse: cannot write pictures/out.mp4: permission denied"


def test_sink_that_would_overwrite_the_source(folder: Path) -> None:
    before = (folder / "photo.png").read_bytes()
    said = refuse("run", *BOARD, "--source", "photo.png", "--sink", f"{folder}/photo.png", folder=folder)
    assert said == f"edgefuse: cannot write {folder}/photo.png: it is the source; name another"
    assert (folder / "photo.png").read_bytes() == before


@pytest.mark.parametrize(
    ("photo", "words"),
    [
        ("missing.png", "no such file; name a photo of one person"),
        ("text.png", "it is not a picture; take a JPEG or PNG file"),
        ("grey.png", "no face found; take a photo of one person who looks at the camera"),
    ],
)
def test_donor_photo_without_a_face(folder: Path, photo: str, words: str) -> None:
    said = refuse("run", *BOARD, "--source", "photo.png", "--sink", "out.png", "--face", photo, folder=folder)
    # LiteRT tells on stderr, before that, which delegate it made.
    assert said.splitlines()[-1] == f"edgefuse: cannot use {photo} as a face: {words}"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "anonymise.metod=blur"), "--set anonymise.metod: unknown key (did you mean `method`?)"),
        (("--set", "anonymise.method=blurr"), "--set anonymise.method: expected one of blur, mesh, pixelate, solid, "
         'got "blurr" (did you mean `blur`?)'),
        (("--set", "fuse_mesh.seed=1"), "--set fuse_mesh: it does not run here, but detect_faces, "
         "track_faces, align_faces, anonymise do"),
        (("--set", "method=blur"), "cannot set 'method=blur': expected STAGE.KEY=VALUE, for example "
         "anonymise.method=pixelate"),
        (("--face", "photo.png"), "cannot use --face with the effect 'anonymise': it has no donor"),
        (("--profile", "raspbery-pi-4"), "cannot find profile 'raspbery-pi-4': did you mean 'raspberry-pi-4'?"),
        (("--report", "nowhere/r.json"), "cannot write nowhere/r.json: folder nowhere does not exist; "
         "mkdir -p nowhere"),
        (("--report", "/proc/r.json"), "cannot write /proc/r.json: no such file or directory"),
        (("--report", "pictures"), "cannot write pictures: it is not a file"),
    ],
)  # fmt: skip
def test_option_that_does_not_fit(folder: Path, options: tuple[str, ...], words: str) -> None:
    said = refuse(
        "run", *BOARD, "--source", "photo.png", "--effect", "anonymise", "--sink", "out.png", *options, folder=folder
    )
    assert said == f"edgefuse: {words}"


@pytest.mark.parametrize("point", ["-1", "99"])
def test_point_that_the_ladder_does_not_have(folder: Path, point: str) -> None:
    said = refuse("run", *PATTERN, "--sink", "out.mp4", "--point", point, folder=folder)
    assert re.fullmatch(rf"edgefuse: cannot run at point {point}: '[\w-]+' has points 0 to \d", said)


def test_number_of_frames_that_is_none(folder: Path) -> None:
    said = refuse("run", *PATTERN, "--sink", "out.mp4", "--frames", "few", folder=folder)
    assert said.endswith("error: argument --frames: expected a whole number from 1 on, got 'few'")


def test_unknown_key_in_a_profile_of_the_users_own(folder: Path, private_root: Path) -> None:
    text = (CHECKOUT / "devices/raspberry-pi-4.yaml").read_text().replace("\ntrips:", "\ntripz:")
    profile = private_root / "etc/edgefuse/devices.d/raspberry-pi-4.yaml"
    profile.parent.mkdir(parents=True)
    profile.write_text(text)
    line = text[: text.index("\ntripz:")].count("\n") + 2
    said = refuse("run", *PATTERN, "--sink", "out.mp4", folder=folder)
    assert f"{profile}:{line}:1: unknown key `tripz` (did you mean `trips`?)" in said


def test_damaged_file_in_the_store(folder: Path, private_root: Path, release: Release) -> None:
    (file,) = release.find("facemesh", "fp32-192-tflite").files
    blob = Store(private_root / "var/lib/edgefuse/store").path(file.sha256)
    content = blob.read_bytes()
    blob.unlink()
    blob.write_bytes(content[: len(content) // 2])
    said = refuse("run", *PATTERN, "--sink", "out.mp4", folder=folder)
    assert said == (
        f"edgefuse: cannot use {file.name}: its content in the store has changed, as it does on a failing disk; "
        "`edgefuse models verify` takes it out and says what brings it back"
    )
    code, out, _ = run("models", "verify", folder=folder)
    assert code == 1
    assert f"corrupt  {file.sha256} (facemesh fp32-192-tflite): removed" in out
    assert "to mend: edgefuse models fetch facemesh" in out


def test_package_that_holds_another_file(folder: Path, private_root: Path, release: Release, tmp_path: Path) -> None:
    (file,) = release.find("facemesh", "fp32-192-tflite").files
    own = Store(private_root / "var/lib/edgefuse/store")
    own.remove(file.sha256)
    write_wheel(tmp_path, {file.source.member: b"another file"}, *file.source.address.split("=="))
    said = refuse("run", *PATTERN, "--sink", "out.mp4", folder=folder, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert said.splitlines()[-1] == (
        f"edgefuse: cannot keep {file.name} from {file.source.address}: its sha256 is "
        f"{hashlib.sha256(b'another file').hexdigest()}, expected {file.sha256}; nothing was kept: the source or the "
        "manifest has changed"
    )
    assert not own.has(file.sha256)


def test_no_network_and_an_empty_store(folder: Path, root: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "1", "PIP_FIND_LINKS": "", "PIP_NO_INDEX": ""}
    said = refuse("run", *PATTERN, "--sink", "out.mp4", folder=folder, **nowhere)
    assert said.splitlines()[-1] == (
        "edgefuse: cannot reach the package index with pip: check the network and `pip config list`"
    )
    assert Store(root / "var/lib/edgefuse/store").blobs() == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--source", "missing.mp4", "--sink", "out.mp4"), "cannot read missing.mp4: no such file"),
        (("--source", "text.png", "--sink", "out.png"), "cannot read text.png: it is not a picture"),
        (("--source", "photo:missing.png", "--sink", "out.mp4"), "cannot open photo:missing.png: there is no picture "
         "that can be read"),
        (("--source", "photo.png", "--sink", "out.avi"), f'cannot write out.avi: unknown kind ".avi"; {FORMS}'),
        (("--source", "photo.png", "--sink", "out.png", "--face", "missing.png"), "cannot use missing.png as a face: "
         "no such file; name a photo of one person"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("root")
def test_file_that_is_not_there_is_told_before_models_are_fetched(
    folder: Path, options: tuple[str, ...], words: str
) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "1", "PIP_FIND_LINKS": "", "PIP_NO_INDEX": ""}
    assert refuse("run", *BOARD, *options, folder=folder, **nowhere) == f"edgefuse: {words}"


def test_download_that_is_interrupted(folder: Path, root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        hanging = {"PIP_INDEX_URL": index, "PIP_FIND_LINKS": "", "PIP_NO_INDEX": ""}
        with start("run", *PATTERN, "--sink", "out.mp4", folder=folder, **hanging) as process:
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGTERM)
                out, err = finish(process)
    assert (process.returncode, out) == (130, ""), err
    assert "Traceback" not in err
    assert not (folder / "out.mp4").exists()
    assert Store(root / "var/lib/edgefuse/store").blobs() == ()


def test_state_that_cannot_be_read(folder: Path, private_root: Path) -> None:
    state = private_root / "var/lib/edgefuse/state.json"
    state.mkdir()
    assert refuse("run", *PATTERN, "--sink", "out.mp4", folder=folder) == (
        f"edgefuse: cannot read {state}: Is a directory"
    )


def test_broken_state_is_kept_aside_and_learned_again(folder: Path, private_root: Path) -> None:
    state = private_root / "var/lib/edgefuse/state.json"
    state.write_text('{"v": 1, "checks": [')
    code, _, err = run("run", *PATTERN, "--sink", "out.mp4", folder=folder)
    assert code == 0
    assert "file is broken and starts empty" in err
    assert [path.read_text() for path in state.parent.glob("state.json.broken-*")] == ['{"v": 1, "checks": [']


def test_root_that_cannot_be_written(folder: Path) -> None:
    said = refuse("run", *PATTERN, "--sink", "out.mp4", folder=folder, EDGEFUSE_ROOT="/proc/nowhere")
    assert said.startswith("edgefuse: cannot write /proc/nowhere/var/lib/edgefuse/store/")


def test_no_runtime_is_installed(folder: Path, tmp_path: Path) -> None:
    """A hook at the start of the interpreter hides the runtimes, from child processes too."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('ai_edge_litert', 'tflite_runtime', 'onnxruntime', 'openvino'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
    )
    said = refuse("run", *PATTERN, "--sink", "out.mp4", folder=folder, PYTHONPATH=f"{tmp_path}:{CHECKOUT}")
    first, *reasons = said.splitlines()
    assert re.fullmatch(r"edgefuse: cannot run models on this unit: no runtime of profile '[\w-]+' works", first)
    assert reasons == ["  tflite: cannot load tflite: runtime is not installed (pip install ai-edge-litert)"]


@pytest.mark.usefixtures("private_root")
def test_full_disk_leaves_what_was_recorded(folder: Path) -> None:
    """A limit to the size of files stands in for a disk, which only root could make."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
    command = "import runpy; runpy.run_module('edgefuse', run_name='__main__', alter_sys=True)"
    source = (*BOARD, "--source", "pattern:640x480@25,frames=400", "--effect", "none")
    assert run("run", *PATTERN, "--sink", "null", folder=folder)[0] == 0  # what is learned is written before
    done = subprocess.run(
        [sys.executable, "-c", limit + command, "run", *source, "--sink", "out.mp4"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        "edgefuse: cannot write out.mp4: file too large; what was recorded until then plays as out.part.mp4"
    )
    assert not (folder / "out.mp4").exists()
    with av.open(str(folder / "out.part.mp4")) as recording:
        assert next(recording.decode(video=0)).width == 640


def test_model_with_operators_that_no_runtime_has(
    folder: Path, private_root: Path, release: Release, store: Store, tmp_path: Path
) -> None:
    """MediaPipe's attention mesh, described by a user: the check on this unit finds that nothing here runs it."""
    name = "face_landmark_with_attention.tflite"
    wheel = ModelFile(
        name=name,
        sha256="e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
        size_bytes=2_495_106,
        source=Source(python="mediapipe==0.10.14", member=f"mediapipe/modules/face_landmark/{name}"),
    )
    with open_fetcher(store, lambda *_: None) as fetcher:
        fetcher.fetch(wheel)
    shutil.copy(store.path(wheel.sha256), tmp_path / name)
    model = msgspec.structs.replace(release.manifest("facemesh"), id="attention", variants=(
        msgspec.structs.replace(
            release.find("facemesh", "fp32-192-tflite"),
            files=(msgspec.structs.replace(wheel, source=Source(file=str(tmp_path / name))),),
        ),
    ))  # fmt: skip
    own = Store(private_root / "var/lib/edgefuse/store")
    save_release(own, Release(id="1", counter=1, manifests=(release.manifest("blazeface-short"), model)))
    make_current(own, "1")
    said = refuse("run", *PATTERN, "--sink", "out.mp4", folder=folder)
    assert (
        "edgefuse: cannot run model 'attention' on 'raspberry-pi-3':\n  fp32-192-tflite on tflite: failed its golden "
        in said
    )
    assert f"cannot open {name} on tflite cpu: Encountered unresolved custom op: Landmarks2TransformMatrix" in said
