"""Windows of long videos: exact to the frame and to the millisecond, whatever the file is like."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from liveact_eval.datasets.preparing import probing
from liveact_eval.datasets.preparing.probing import probe
from liveact_eval.datasets.preparing.source_sound import read_window_sound
from liveact_eval.datasets.preparing.source_video import Seen, read_window
from liveact_eval.errors import ClipError
from tests.helpers import moving_square, rotate_header, write_av
from tests.unit.datasets.preparing.barcodes import (
    bar_of,
    beep_times,
    beeps,
    combed,
    flashes,
    make_interlaced,
    make_video,
    number_of,
    numbered,
)

RATE = Fraction(25)
VP9 = {
    "codec": "libvpx-vp9",
    "options": {"b:v": "1M", "deadline": "realtime", "cpu-used": "8"},
    "sound_codec": "libopus",
    "sound_hz": 48_000,
}


def squares(path: Path, start: Fraction, frames: int, seen: Seen | None = None) -> list[Any]:
    read = read_window(path, start, frames, RATE, seen or Seen())
    return [rgb[:, (rgb.shape[1] - rgb.shape[0]) // 2 :][:, : rgb.shape[0]] for rgb in read]


def shown(times: list[Fraction], start: Fraction, frames: int) -> list[int]:
    """The frame at each tick, straight from the rule: the last one whose nearest tick is not later."""
    ticks = [math.floor((time - start) * RATE + Fraction(1, 2)) for time in times]
    return [max(n for n, tick in enumerate(ticks) if tick <= at) for at in range(frames)]


@pytest.mark.parametrize("start", [Fraction(0), Fraction(1), Fraction(37, 25)])
@pytest.mark.parametrize(
    ("suffix", "rate", "fields"),
    [
        ("mp4", Fraction(25), {}),
        ("mp4", Fraction(30000, 1001), {}),
        ("mp4", Fraction(60), {"sound_hz": 48_000}),
        ("mkv", Fraction(24), {"sound_codec": "libopus", "sound_hz": 48_000}),
        ("ts", Fraction(30), {}),
        ("webm", Fraction(30), VP9),
    ],
)  # fmt: skip
def test_cut_is_exact(
    tmp_path: Path, suffix: str, rate: Fraction, fields: dict[str, Any], start: Fraction
) -> None:
    path = make_video(tmp_path / f"v.{suffix}", rate=rate, **fields)
    found = squares(path, start, 30)
    times = [n / rate for n in range(round(3 * rate))]
    assert [number_of(square) for square in found] == shown(times, start, 30)
    # Flash and beep were made at the same whole seconds of the video.
    moment = math.ceil(start)
    tick = round((moment - start) * RATE)
    assert next(n for n, square in enumerate(found[: tick + 20]) if flashes(square)) == tick
    sound = read_window_sound(path, start, 30 * 640)
    first = beep_times(sound.samples)[0]
    assert sound.silent == 0
    assert abs(first - float(moment - start)) <= 0.001


def test_variable_rate_follows_the_timestamps(tmp_path: Path) -> None:
    gaps = [Fraction(1, 30), Fraction(1, 12), Fraction(1, 60), Fraction(1, 3)]
    times = [Fraction(0)]
    while times[-1] < 3:
        times.append(times[-1] + gaps[len(times) % 4])
    path = make_video(tmp_path / "v.mp4", rate=30, times=times)
    for start in (Fraction(0), Fraction(1, 2), Fraction(3, 2)):
        assert [number_of(square) for square in squares(path, start, 30)] == shown(times, start, 30)


def test_a_picture_that_stands_long_before_the_window_is_found(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1, 25), Fraction(5), Fraction(126, 25), Fraction(127, 25)]
    path = write_av(tmp_path / "v.mp4", [numbered(n) for n in range(5)], times=times, options={"g": "2"})
    assert [number_of(square) for square in squares(path, Fraction(3), 3)] == [1, 1, 1]


@pytest.mark.parametrize(("degrees", "turned"), [(90, 270), (180, 180), (270, 90)])
def test_rotation_is_applied(tmp_path: Path, degrees: int, turned: int) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(40, (64, 48)), options={"crf": "4"})
    plain = list(read_window(path, Fraction(1), 5, RATE, Seen()))
    rotate_header(path, degrees)
    seen = Seen()
    upright = list(read_window(path, Fraction(1), 5, RATE, seen))
    assert seen.rotation == turned
    assert seen.size == ((64, 48) if degrees == 180 else (48, 64))
    for before, after in zip(plain, upright, strict=True):
        assert np.array_equal(after, np.rot90(before, k=-degrees // 90))


def test_fields_are_woven(tmp_path: Path) -> None:
    path = make_interlaced(tmp_path / "v.mp4")
    seen = Seen()
    found = list(read_window(path, Fraction(1), 10, RATE, seen))
    assert seen.interlaced

    def comb(rgb: Any) -> float:
        level = rgb[8:-8, :, 1].astype(float)
        return float(np.abs(level[1:-1] - (level[:-2] + level[2:]) / 2).mean())

    for n, rgb in enumerate(found, start=25):
        assert comb(rgb) < comb(combed(n)) / 3
        # One picture a frame, that of its first field.
        columns = np.flatnonzero(rgb[20:40, :, 1].astype(float).mean(axis=0) > 150)
        assert abs(int(columns[0]) - bar_of(2 * n)) <= 2


def test_whole_pictures_are_not_touched(tmp_path: Path) -> None:
    seen = Seen()
    list(read_window(make_video(tmp_path / "v.mp4"), Fraction(0), 5, RATE, seen))
    assert not seen.interlaced


@pytest.mark.parametrize("start", [Fraction(5, 2), Fraction(50)])
def test_window_beyond_the_end_is_too_short(tmp_path: Path, start: Fraction) -> None:
    path = make_video(tmp_path / "v.mp4")
    with pytest.raises(ClipError, match=r"too_short: 'v.mp4' ends after 3.00 s; the clip needs it up to"):
        list(read_window(path, start, 30, RATE, Seen()))


def test_truncated_video_is_too_short_or_corrupt(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", container={"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ClipError) as caught:
        list(read_window(path, Fraction(0), 70, RATE, Seen()))
    assert caught.value.reason in {"too_short", "corrupt"}


def test_change_of_size_inside_the_window_is_refused(tmp_path: Path) -> None:
    small = write_av(tmp_path / "a.ts", moving_square(25, (64, 48)))
    large = write_av(tmp_path / "b.ts", moving_square(25, (96, 64)), times=[1 + n / 25 for n in range(25)])
    both = tmp_path / "v.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(ClipError, match="size_changes"):
        list(read_window(both, Fraction(0), 40, RATE, Seen()))


def test_pictures_that_would_fill_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "LARGEST_PICTURE", (70, 70))
    small = write_av(tmp_path / "a.ts", moving_square(25, (64, 48)))
    large = write_av(tmp_path / "b.ts", moving_square(25, (96, 64)), times=[1 + n / 25 for n in range(25)])
    with pytest.raises(
        ClipError, match=r"too_large: 'b\.ts' has 96x64 pixels, expected at most as many as 70x70"
    ):
        probe(large)
    # Its header says less than what comes later: not even decoded.
    both = tmp_path / "v.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(ClipError) as caught:
        list(read_window(both, Fraction(0), 40, RATE, Seen()))
    assert caught.value.reason in {"corrupt", "too_short"}


def test_sound_keeps_its_place_across_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        audio: Any = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for n in range(75):
            frame = av.VideoFrame.from_ndarray(numbered(n), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        samples = beeps(3.0, 48_000, (0.0, 1.0, 2.0))
        for first in range(0, len(samples), 4800):
            if first in range(round(0.4 * 48_000), round(0.8 * 48_000)):
                continue
            heard = av.AudioFrame.from_ndarray(
                samples[first : first + 4800].reshape(1, -1), format="s16", layout="mono"
            )
            heard.sample_rate, heard.pts, heard.time_base = 48_000, first, Fraction(1, 48_000)
            out.mux(audio.encode(heard))
    sound = read_window_sound(path, Fraction(0), 50 * 640)
    assert np.allclose(beep_times(sound.samples), [0.0, 1.0], atol=0.001)
    assert sound.silent == pytest.approx(0.4 * 16_000, abs=32)


def test_missing_end_of_the_sound_is_silence(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(50), sound=beeps(1.5, 16_000, (1.0,)))
    sound = read_window_sound(path, Fraction(0), 50 * 640)
    assert (len(sound.samples), sound.silent) == (32_000, 8_000)
    assert not sound.samples[24_000:].any()


def test_video_without_sound_says_so(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", sound_hz=None)
    with pytest.raises(ClipError, match="no_audio"):
        read_window_sound(path, Fraction(0), 640)


def test_probe_reads_the_header(tmp_path: Path) -> None:
    found = probe(make_video(tmp_path / "v.mp4", rate=Fraction(30000, 1001)))
    assert (found.size, found.codec) == ((96, 64), "h264")
    assert found.fps == pytest.approx(29.97, abs=0.01)
    assert found.seconds == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_file_that_is_no_video_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    with pytest.raises(ClipError, match="unreadable"):
        probe(path)
    with pytest.raises(ClipError, match="missing_file"):
        probe(tmp_path / "none.mp4")
