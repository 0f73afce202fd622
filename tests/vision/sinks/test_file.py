"""Recording files and what becomes of them when something goes wrong."""

from __future__ import annotations

import contextlib
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edgefuse.errors import SinkError, SourceError
from edgefuse.vision.pool import Buffer
from edgefuse.vision.sink import make_sink
from edgefuse.vision.source import StreamFormat, make_source
from tests.fakes.clips import Frames, make_frame, noise, psnr_db, quarters, read_all, stream_of, write_all


def pattern(frames: int, mode: str = "320x180@30") -> Frames:
    return list(read_all(make_source(f"pattern:{mode},frames={frames}")))


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def playable_frames(path: Path) -> int:
    """Count the frames of a file that may break off."""
    source = make_source(str(path))
    count, buffer = 0, Buffer(320 * 180 * 3)
    source.open()
    with contextlib.suppress(SourceError):
        while source.read(buffer):
            count += 1
    source.close()
    return count


def test_what_goes_in_comes_out_again(tmp_path: Path) -> None:
    frames = pattern(8, "1280x720@30")
    write_all(make_sink(str(tmp_path / "out.mp4")), frames)
    read = list(read_all(make_source(str(tmp_path / "out.mp4"))))
    assert len(read) == len(frames)
    for (picture, time_ns), (seen, seen_ns) in zip(frames, read, strict=True):
        assert abs(time_ns - seen_ns) < 1_000_000_000 / 90_000  # one tick of MPEG's clock
        assert psnr_db(picture, seen) > 40  # the pattern's hard edges; a real clip keeps 44 and more
        assert np.abs(np.mean(picture, axis=(0, 1)) - np.mean(seen, axis=(0, 1))).max() < 0.7  # no tint


def test_the_file_is_what_browsers_and_phones_play(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    write_all(make_sink(str(path)), pattern(40))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, stream.frames, stream.start_time) == ("h264", "yuv420p", 40, 0)
        assert (context.colorspace, context.color_range) == (6, 1)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]


def test_times_of_a_variable_rate_stay_true(tmp_path: Path) -> None:
    times_ms = [500, 540, 545, 700, 1700, 1710, 1800]
    write_all(make_sink(str(tmp_path / "out.mp4")), [(quarters(), t * 1_000_000) for t in times_ms])
    seen = [round(time_ns / 1e6) for _, time_ns in read_all(make_source(str(tmp_path / "out.mp4")))]
    assert seen == [t - 500 for t in times_ms]


def test_times_that_stand_still_or_go_back_do_not_end_the_recording(tmp_path: Path) -> None:
    times_ns = [0, 40_000_000, 40_000_000, 30_000_000, 80_000_000]
    write_all(make_sink(str(tmp_path / "out.mp4")), [(quarters(), t) for t in times_ns])
    assert len(list(read_all(make_source(str(tmp_path / "out.mp4"))))) == 5


def test_an_odd_size_is_filled_up_by_its_last_row_and_column(tmp_path: Path) -> None:
    picture = quarters(95, 63)
    write_all(make_sink(str(tmp_path / "out.mp4")), [(picture, 0)])
    ((seen, _),) = read_all(make_source(str(tmp_path / "out.mp4")))
    assert seen.shape == (64, 96, 3)
    assert psnr_db(seen[-1], seen[-2]) > 35


def test_smaller_frames_stand_in_the_middle_of_black(tmp_path: Path) -> None:
    frames = [(quarters(96, 64), 0), (quarters(48, 64), 40_000_000), (quarters(96, 64), 80_000_000)]
    write_all(make_sink(str(tmp_path / "out.mp4")), frames)
    _, (middle, _), _ = read_all(make_source(str(tmp_path / "out.mp4")))
    assert middle[:, :20].max() < 12
    assert psnr_db(middle[:, 24:72], quarters(48, 64)) > 30  # hard edges of colour


def test_a_recording_that_is_ended_early_is_playable(tmp_path: Path) -> None:
    path, frames = tmp_path / "out.mp4", pattern(7)
    sink = make_sink(str(path))
    sink.open(StreamFormat(320, 180, 30.0, frames=1000))
    for index, (picture, time_ns) in enumerate(frames):
        sink.write(make_frame(picture, index, time_ns))
    assert not path.exists()
    sink.close()
    sink.close()
    assert len(list(read_all(make_source(str(path))))) == 7


def test_a_recording_without_frames_leaves_nothing(tmp_path: Path) -> None:
    sink = make_sink(str(tmp_path / "out.mp4"))
    sink.open(StreamFormat(320, 180, 30.0))
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"older")
    sink, frames = make_sink(str(path)), pattern(3)
    sink.open(stream_of(frames))
    sink.write(make_frame(frames[0][0]))
    assert path.read_bytes() == b"older"
    sink.close()
    assert len(list(read_all(make_source(str(path))))) == 1


def test_a_full_disk_ends_the_recording_and_what_was_written_plays(tmp_path: Path) -> None:
    path, frames = tmp_path / "out.mp4", noise(150)
    sink = make_sink(str(path))
    sink.open(stream_of(frames))
    with largest_file(2_000_000), pytest.raises(SinkError) as caught:
        for index, (picture, time_ns) in enumerate(frames):
            sink.write(make_frame(picture, index, time_ns))
    sink.close()
    part = tmp_path / "out.part.mp4"
    assert str(caught.value) == f"cannot write {path}: file too large; what was recorded until then plays as {part}"
    assert not path.exists()
    assert playable_frames(part) >= 20


def test_a_disk_that_fills_up_at_the_end_keeps_the_recording(tmp_path: Path) -> None:
    path, frames = tmp_path / "out.mp4", noise(20)
    sink = make_sink(str(path))
    sink.open(stream_of(frames))
    for index, (picture, time_ns) in enumerate(frames):
        sink.write(make_frame(picture, index, time_ns))
    with largest_file(100_000), pytest.raises(SinkError, match=r"cannot write .*out\.mp4: file too large"):
        sink.close()
    sink.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.part.mp4"]


def test_no_space_is_called_by_its_name(tmp_path: Path) -> None:
    # /dev/full answers every write as a full disk does.
    (tmp_path / "out.part.mp4").symlink_to("/dev/full")
    sink, frames = make_sink(str(tmp_path / "out.mp4")), noise(120)
    sink.open(stream_of(frames))
    with pytest.raises(SinkError, match=r"^cannot write .*/out\.mp4: no space left; what was recorded"):
        for index, (picture, time_ns) in enumerate(frames):
            sink.write(make_frame(picture, index, time_ns))
    sink.close()


def test_a_killed_recording_plays_up_to_its_last_seconds(tmp_path: Path) -> None:
    program = f"""
import os, signal
from tests.fakes.clips import make_frame, noise, stream_of
from edgefuse.vision.sink import make_sink
sink, frames = make_sink({str(tmp_path / "out.mp4")!r}), noise(150)
sink.open(stream_of(frames))
for index, (picture, time_ns) in enumerate(frames):
    sink.write(make_frame(picture, index, time_ns))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -signal.SIGKILL
    assert playable_frames(tmp_path / "out.part.mp4") >= 60


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_one_picture_is_written_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    write_all(make_sink(str(path)), [(quarters(), 0)])
    assert psnr_db(np.asarray(cv2.imread(str(path))), quarters()) > 30  # chroma of JPEG is averaged at hard edges
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_folder_gets_numbered_pictures(tmp_path: Path) -> None:
    write_all(make_sink(f"{tmp_path}/out/"), [(quarters(), 0), (quarters(), 1)])
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == ["000000.png", "000001.png"]


def test_the_name_of_numbered_pictures_can_be_chosen(tmp_path: Path) -> None:
    write_all(make_sink(f"{tmp_path}/shot-%d.jpg"), [(quarters(), 0), (quarters(), 1)])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["shot-000000.jpg", "shot-000001.jpg"]


def test_one_picture_does_not_take_a_video(tmp_path: Path) -> None:
    message = f"cannot write {tmp_path}/out.png: it takes one picture and the source gives more; name a video"
    for frames in (2, None):
        with pytest.raises(SinkError) as caught:
            make_sink(f"{tmp_path}/out.png").open(StreamFormat(96, 64, 25.0, frames))
        assert str(caught.value).startswith(message)


def test_a_picture_on_a_full_disk_is_told_and_leaves_no_half(tmp_path: Path) -> None:
    sink = make_sink(f"{tmp_path}/out/")
    sink.open(StreamFormat(320, 180, 25.0, 2))
    with largest_file(10_000), pytest.raises(SinkError, match=r"^cannot write .*/000000\.png: file too large$"):
        sink.write(make_frame(noise(1)[0][0]))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/out.mp4", "folder {0}/missing does not exist; mkdir -p {0}/missing"),
        ("missing/out/", "folder {0}/missing does not exist; mkdir -p {0}/missing"),
        ("folder", "it is a folder; write {0}/folder/ for numbered pictures in it"),
        ("out.avi", 'unknown kind ".avi"; choose .mp4 (video), .png or .jpg (one picture), or a folder'),
        ("out", "it has no ending; choose .mp4 (video), .png or .jpg (one picture), or a folder"),
    ],
)
def test_a_target_that_cannot_be_is_told_before_anything_runs(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SinkError) as caught:
        make_sink(f"{tmp_path}/{name}")
    assert str(caught.value).startswith(f"cannot write {tmp_path}/{name}: {words.format(tmp_path)}")


@pytest.mark.parametrize(("name", "file"), [("out.mp4", "out.mp4"), ("out.png", "out.png"), ("%d.png", "%d.png")])
def test_a_folder_that_cannot_be_written_is_told_at_open(name: str, file: str) -> None:
    # Not even root may make files in /sys.
    with pytest.raises(
        SinkError,
        match=rf"^cannot write /sys/{file}: (permission denied|operation not permitted|read-only file system)$",
    ):
        make_sink(f"/sys/{name}").open(StreamFormat(96, 64, 25.0, 1))


@pytest.mark.parametrize("size", [(40_000, 64), (60_000, 60_000)])
def test_pictures_larger_than_the_encoder_takes_are_refused_before_the_first_one(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    sink = make_sink(str(tmp_path / "out.mp4"))
    with pytest.raises(SinkError, match=f"the encoder refuses {size[0]}x{size[1]} pixels"):
        sink.open(StreamFormat(*size, 25.0))
    sink.close()
    assert not list(tmp_path.iterdir())
