"""Reading videos, pictures and folders that libav and OpenCV wrote."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from edgefuse.errors import SourceError
from edgefuse.vision.media.picture import read_picture
from edgefuse.vision.pool import Buffer
from edgefuse.vision.sink import make_sink
from edgefuse.vision.source import make_source
from tests.fakes.clips import COLOURS, field_colours, psnr_db, quarters, read_all, write_all, write_clip


def assert_colours(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], tolerance: int = 3) -> None:
    """Rounding of two conversions, and of the codec at its best quality, stays within three levels."""
    for seen, wanted in zip(field_colours(picture), COLOURS, strict=True):
        assert np.abs(np.subtract(seen, wanted)).max() <= tolerance, (seen, wanted)


def failure(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        list(read_all(make_source(str(path))))
    return str(caught.value)


@pytest.mark.parametrize("is_full_range", [False, True])
@pytest.mark.parametrize("matrix", [Colorspace.ITU601, Colorspace.ITU709])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_colours_survive_every_layout_matrix_and_range(
    tmp_path: Path, pixel_format: str, matrix: Colorspace, is_full_range: bool
) -> None:
    clip = write_clip(
        tmp_path / "clip.mp4", [quarters()], pixel_format=pixel_format, matrix=matrix, is_full_range=is_full_range
    )
    ((picture, _),) = read_all(make_source(str(clip)))
    assert_colours(picture)


@pytest.mark.parametrize(("codec", "pixel_format"), [("ffv1", "bgr0"), ("ffv1", "bgra")])
def test_rgb_videos_keep_their_colours_exactly(tmp_path: Path, codec: str, pixel_format: str) -> None:
    clip = write_clip(tmp_path / "clip.mkv", [quarters()], codec=codec, pixel_format=pixel_format)
    ((picture, _),) = read_all(make_source(str(clip)))
    assert np.array_equal(picture, quarters())


@pytest.mark.parametrize("pixel_format", ["gray", "gray16le"])
def test_grey_videos_are_read_as_grey(tmp_path: Path, pixel_format: str) -> None:
    grey = np.full((64, 96, 3), 77, np.uint8)
    clip = write_clip(tmp_path / "clip.mkv", [grey], codec="ffv1", pixel_format=pixel_format, is_full_range=True)
    ((picture, _),) = read_all(make_source(str(clip)))
    assert np.abs(picture.astype(int) - grey).max() <= 1


@pytest.mark.parametrize(
    ("rotation", "turn"),
    [(90, cv2.ROTATE_90_COUNTERCLOCKWISE), (-90, cv2.ROTATE_90_CLOCKWISE), (180, cv2.ROTATE_180)],
)
def test_a_clip_filmed_sideways_is_read_upright(tmp_path: Path, rotation: int, turn: int) -> None:
    clip = write_clip(tmp_path / "phone.mp4", [quarters()] * 3, rotation=rotation)
    source = make_source(str(clip))
    stream = source.open()
    capture = source.read(Buffer(96 * 64 * 3))
    source.close()
    assert capture is not None
    upright = np.asarray(cv2.rotate(quarters(), turn), np.uint8)
    assert (stream.height_px, stream.width_px) == capture.pixels.shape[:2] == upright.shape[:2]
    assert field_colours(upright) != field_colours(quarters())
    for seen, wanted in zip(field_colours(capture.pixels), field_colours(upright), strict=True):
        assert np.abs(np.subtract(seen, wanted)).max() <= 3


def test_timestamps_of_a_variable_rate_are_true(tmp_path: Path) -> None:
    times_ms = [0, 40, 50, 200, 1000, 1033]
    clip = write_clip(tmp_path / "vfr.mp4", [quarters()] * 6, times_ms=times_ms)
    assert [round(time_ns / 1e6) for _, time_ns in read_all(make_source(str(clip)))] == times_ms


def test_a_raw_stream_without_times_or_count_is_counted_at_its_rate(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "raw.h264", [quarters()] * 5)
    source = make_source(str(clip))
    assert source.open().frames is None
    assert [round(time_ns / 1e6) for _, time_ns in read_all(source)] == [0, 40, 80, 120, 160]


def test_sound_beside_the_pictures_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "talk.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "bgr0"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for index in range(4):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.int16), "s16", "mono")
            samples.sample_rate, samples.pts = 8000, 320 * index
            container.mux(sound.encode(samples))
            container.mux(video.encode(av.VideoFrame.from_ndarray(quarters(), "bgr24").reformat(format="bgr0")))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    assert len(list(read_all(make_source(str(path))))) == 4


def test_a_second_open_starts_again(tmp_path: Path) -> None:
    source = make_source(str(write_clip(tmp_path / "clip.mp4", [quarters()] * 3)))
    assert len(list(read_all(source))) == len(list(read_all(source))) == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert failure(tmp_path / "no.mp4") == f"cannot read {tmp_path}/no.mp4: no such file"
    assert failure(tmp_path / "no.png") == f"cannot read {tmp_path}/no.png: no such file"


def test_a_misspelt_scheme_points_to_the_addresses() -> None:
    with pytest.raises(SourceError, match=r"cannot read usb:0: no such file; is it an address\? see docs/sources"):
        make_source("usb:0").open()


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    for name in ("empty.mp4", "empty.jpg"):
        (tmp_path / name).touch()
        assert failure(tmp_path / name) == f"cannot read {tmp_path / name}: the file is empty"


def test_the_times_of_files_that_were_joined_end_to_end_go_on(tmp_path: Path) -> None:
    options = {"mpegts_flags": "initial_discontinuity"}  # else the seam counts as damage
    part = write_clip(tmp_path / "part.ts", [quarters()] * 5, container_options=options)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    times_ms = [time_ns / 1e6 for _, time_ns in read_all(make_source(str(joined)))]
    np.testing.assert_allclose(np.diff(times_ms), 40, atol=0.1)
    assert len(times_ms) == 10


def test_what_is_not_a_video_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("not a video " * 100)
    assert failure(path).startswith(f"cannot read {path}: it is not a video, or its end is missing")


def test_a_file_with_sound_only_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        samples.sample_rate = 8000
        container.mux(sound.encode(samples))
    assert failure(path) == f"cannot read {path}: it holds no pictures, only sound or text"


def test_of_a_cut_video_all_that_decodes_is_given_before_the_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    noise = np.random.default_rng(1).integers(0, 255, (40, 64, 96, 3), np.uint8)
    # Our own recording, whose index stands in front.
    write_all(make_sink(str(whole)), [(picture, 40_000_000 * i) for i, picture in enumerate(noise)])
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    count = 0
    with pytest.raises(SourceError) as caught:
        for _ in read_all(make_source(str(cut))):
            count += 1
    assert 10 <= count <= 25
    assert str(caught.value) == f"cannot read all of {cut}: it is cut short or damaged; {count} frames could be read"


def test_a_picture_is_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), quarters())
    source = make_source(str(path))
    assert source.open().frames == 1
    ((picture, time_ns),) = read_all(source)
    assert np.array_equal(picture, quarters())
    assert time_ns == 0


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff"])
def test_the_size_of_every_kind_of_picture_is_known_before_it_is_decoded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    cv2.imwrite(str(path), quarters(96, 64))
    stream = make_source(str(path)).open()
    assert (stream.width_px, stream.height_px) == (96, 64)


def test_alpha_grey_and_16_bit_pictures_become_8_bit_bgr(tmp_path: Path) -> None:
    grey = np.full((10, 12), 70, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([quarters(12, 10), grey]))
    cv2.imwrite(str(tmp_path / "b.png"), grey)
    cv2.imwrite(str(tmp_path / "c.png"), quarters(12, 10).astype(np.uint16) * 257)
    alpha, grey_read, deep = (picture for picture, _ in read_all(make_source(str(tmp_path))))
    assert np.array_equal(alpha, quarters(12, 10))
    assert np.array_equal(grey_read, np.dstack([grey] * 3))
    assert np.array_equal(deep, quarters(12, 10))


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_photo_taken_sideways_is_read_upright(tmp_path: Path, order: str) -> None:
    plain = tmp_path / "plain.jpg"
    cv2.imwrite(str(plain), quarters(96, 64), [cv2.IMWRITE_JPEG_QUALITY, 100])
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    tiff = mark + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tiff
    data = plain.read_bytes()
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    source = make_source(str(photo))
    stream = source.open()
    ((picture, _),) = read_all(source)
    upright = np.asarray(cv2.rotate(quarters(96, 64), cv2.ROTATE_90_CLOCKWISE), np.uint8)
    assert (stream.width_px, stream.height_px) == (64, 96)
    assert psnr_db(picture, upright) > 30  # chroma of JPEG is averaged over 2x2 pixels


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_exif_of_other_kinds_turns_their_size_too(tmp_path: Path, suffix: str) -> None:
    exif = np.frombuffer(b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0), np.uint8)
    _, encoded = cv2.imencodeWithMetadata(suffix, quarters(96, 64), [cv2.IMAGE_METADATA_EXIF], [exif])
    photo = tmp_path / f"photo{suffix}"
    photo.write_bytes(encoded.tobytes())
    source = make_source(str(photo))
    stream = source.open()
    ((picture, _),) = read_all(source)
    assert picture.shape[1::-1] == (stream.width_px, stream.height_px) == (64, 96)


def test_a_picture_of_more_pixels_than_can_be_decoded_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    cv2.imwrite(str(path), quarters(96, 64))
    data = path.read_bytes()
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + data[24:29]
    path.write_bytes(data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:])
    with pytest.raises(ValueError, match="damaged or too large"):
        read_picture(path)


def test_a_folder_gives_its_pictures_by_name_each_in_its_size(tmp_path: Path) -> None:
    sizes = {"b.png": (40, 90), "a.png": (96, 20), "c.JPG": (16, 16)}
    for name, size in sizes.items():
        cv2.imwrite(str(tmp_path / name), quarters(*size))
    (tmp_path / "notes.txt").write_text("no picture")
    source = make_source(str(tmp_path))
    stream = source.open()
    shapes = [picture.shape[1::-1] for picture, _ in read_all(source)]
    assert (stream.width_px, stream.height_px, stream.frames) == (96, 90, 3)
    assert shapes == [(96, 20), (40, 90), (16, 16)]


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    assert failure(tmp_path).startswith(f"cannot read {tmp_path}: the folder holds no pictures (.bmp .jpeg .jpg")


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.webp"])
def test_what_is_not_a_picture_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"not a picture at all, but long enough for a header")
    assert failure(path) == f"cannot read {path}: it is not a picture"


def test_a_cut_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:40])
    assert failure(path) == f"cannot read {path}: the picture is damaged"
