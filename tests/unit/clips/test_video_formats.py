"""Pixel formats, sizes, colours and sound that videos come with."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from liveact_eval.clips.sound import load_sound, write_wav
from tests.helpers import click, moving_square, onset, psnr, read_all, tone, write_av

SECONDS = 2.0
FRAMES = 50


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels", "size", "least_db"),
    [
        ("mp4", "libx264", "yuv420p", (64, 48), 35),
        ("mp4", "libx264", "yuv444p", (64, 48), 40),
        ("mp4", "libx264", "yuv444p", (65, 47), 40),
        ("mp4", "libx264", "yuv420p10le", (64, 48), 32),
        ("mp4", "libx264", "yuvj420p", (64, 48), 35),
        ("mkv", "ffv1", "yuv420p", (65, 47), 28),
        ("mkv", "ffv1", "yuv420p10le", (65, 47), 28),
        ("webm", "libvpx-vp9", "yuv420p", (65, 47), 28),
        ("avi", "mpeg4", "yuv420p", (64, 48), 28),
    ],
)
def test_pictures_come_back(
    tmp_path: Path, suffix: str, codec: str, pixels: str, size: tuple[int, int], least_db: float
) -> None:
    pictures = moving_square(6, size)
    options = {"crf": "4"} if codec == "libx264" else {"b:v": "4M"}
    path = write_av(tmp_path / f"v.{suffix}", pictures, codec=codec, pixels=pixels, options=options)
    frames, _ = read_all(path)
    assert frames[0].rgb.shape == (size[1], size[0], 3)
    assert psnr([frame.rgb for frame in frames], pictures) > least_db


@pytest.mark.parametrize(("space", "matrix"), [(1, "ITU709"), (6, "ITU601")])
def test_the_colour_matrix_is_the_streams(tmp_path: Path, space: int, matrix: str) -> None:
    colour = np.tile(np.array([200, 40, 60], np.uint8), (32, 32, 1))
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"crf": "0"})
        video.width, video.height, video.pix_fmt = 32, 32, "yuv444p"
        video.codec_context.colorspace = space
        frame = av.VideoFrame.from_ndarray(colour, format="rgb24")
        out.mux(video.encode(frame.reformat(format="yuv444p", dst_colorspace=matrix)))
        out.mux(video.encode(None))
    assert np.abs(read_all(path)[0][0].rgb.astype(int) - colour).max() <= 2


def test_a_video_without_sound_gives_none(tmp_path: Path) -> None:
    frames, samples = read_all(write_av(tmp_path / "v.mp4", moving_square(5)))
    assert (len(frames), samples.size) == (5, 0)


def test_sound_may_be_left_out(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(5), sound=tone(0.2))
    assert read_all(path, sound=False)[1].size == 0


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(("picture_at", "sound_at"), [(0.0, 0.0), (0.0, 0.3), (0.3, 0.0), (0.2, 0.5)])
def test_sample_0_is_at_the_first_frame(
    tmp_path: Path, picture_at: float, sound_at: float, suffix: str
) -> None:
    path = write_av(
        tmp_path / f"v.{suffix}",
        moving_square(FRAMES),
        times=[picture_at + n / 25 for n in range(FRAMES)],
        sound=click(1.0, SECONDS),
        sound_start=sound_at,
    )
    expected = round((1.0 + sound_at - picture_at) * 16_000)
    assert onset(read_all(path)[1]) == expected
    assert onset(load_sound(path)) == expected


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "aac"), ("mkv", "aac"), ("ts", "aac"), ("mp4", "libmp3lame"), ("webm", "libopus")],
)
def test_codec_delay_does_not_move_the_sound(tmp_path: Path, suffix: str, codec: str) -> None:
    rate = 48_000 if codec == "libopus" else 44_100
    path = write_av(
        tmp_path / f"v.{suffix}",
        moving_square(FRAMES),
        codec="libvpx-vp9" if suffix == "webm" else "libx264",
        sound=click(1.0, SECONDS, rate),
        sound_codec=codec,
        sound_rate=rate,
    )
    assert abs(onset(read_all(path)[1]) - 16_000) <= 48
    assert abs(onset(load_sound(path)) - 16_000) <= 48


def test_stereo_44100_becomes_mono_16000(tmp_path: Path) -> None:
    path = write_av(
        tmp_path / "v.mkv",
        moving_square(FRAMES),
        sound=click(0.5, SECONDS, 44_100),
        sound_rate=44_100,
        layout="stereo",
    )
    samples = read_all(path)[1]
    assert samples.dtype == np.int16 and samples.ndim == 1
    assert abs(samples.size - 32_000) <= 2
    assert abs(onset(samples) - 8_000) <= 16
    assert abs(int(np.median(samples[8_050:8_250])) - 20_000) < 300


def test_wav_files_come_back_exactly(tmp_path: Path) -> None:
    samples = tone(0.5)
    write_wav(tmp_path / "s.wav", samples)
    assert np.array_equal(load_sound(tmp_path / "s.wav"), samples)
