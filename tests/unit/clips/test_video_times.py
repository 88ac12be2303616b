"""Which frames a video gives, and when: its own, at a constant rate, cut by length, turned."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from liveact_eval.clips.resample import ConstantRate
from liveact_eval.clips.video import VideoFile
from tests.helpers import Pixels, cut_head, moving_square, onset, read_all, rotate_header, tone, write_av

RATE = Fraction(25)


def fps_filter(path: Path, rate: Fraction) -> list[tuple[Fraction, Pixels]]:
    """What ffmpeg's own filter makes of a video."""
    shown: list[tuple[Fraction, Pixels]] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_buffer(template=stream), graph.add("fps", f"fps={rate}"), graph.add("buffersink")
        ).configure()

        def pull() -> None:
            while True:
                try:
                    frame: Any = graph.vpull()
                except (av.error.BlockingIOError, av.error.EOFError):
                    return
                shown.append((frame.pts * frame.time_base, frame.to_ndarray(format="rgb24")))

        for frame in container.decode(stream):
            graph.vpush(frame)
            pull()
        graph.vpush(None)
        pull()
    return shown


def grey(count: int) -> list[Pixels]:
    return [np.full((32, 32, 3), n * 37 % 256, np.uint8) for n in range(count)]


def test_frames_and_times_are_those_of_the_file(tmp_path: Path) -> None:
    times = [Fraction(n, 100) for n in (0, 3, 10, 11, 30)]
    pictures = grey(5)
    path = write_av(tmp_path / "v.mp4", pictures, times=times, options={"crf": "0"})
    frames, _ = read_all(path)
    assert [frame.time for frame in frames] == times
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.rgb.astype(int) - picture).max() <= 2
        assert frame.rgb.dtype == np.uint8 and frame.rgb.shape == (32, 32, 3)


def test_time_counts_from_the_first_frame(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", grey(4), times=[0.4 + n / 25 for n in range(4)])
    assert [frame.time for frame in read_all(path)[0]] == [n / RATE for n in range(4)]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("rate", ["20", "24", "25", "30", "30000/1001", "60", "10"])
def test_constant_rate_is_ffmpegs(tmp_path: Path, rate: str, suffix: str) -> None:
    path = write_av(tmp_path / f"v.{suffix}", grey(40), rate=Fraction(rate))
    frames, _ = read_all(path, rate=RATE)
    expected = fps_filter(path, RATE)
    assert [frame.time for frame in frames] == [time for time, _ in expected]
    assert all(np.array_equal(f.rgb, rgb) for f, (_, rgb) in zip(frames, expected, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_variable_rate_becomes_constant_as_in_ffmpeg(tmp_path: Path, seed: int) -> None:
    gaps = np.random.RandomState(seed).uniform(0.003, 0.12, 39)
    times = np.concatenate([[0.0], np.cumsum(gaps)]).tolist()
    path = write_av(tmp_path / "v.mp4", grey(40), times=times)
    frames, _ = read_all(path, rate=RATE)
    expected = fps_filter(path, RATE)
    assert [frame.time for frame in frames] == [time for time, _ in expected]
    assert all(np.array_equal(f.rgb, rgb) for f, (_, rgb) in zip(frames, expected, strict=True))


def test_constant_rate_does_not_drift_in_an_hour() -> None:
    clock: ConstantRate[int] = ConstantRate(RATE)
    ntsc = Fraction(30_000, 1001)
    start = 3_600 * 30
    for n in (0, start):
        shown = list(clock.push(n / ntsc, 1 / ntsc, n))
    assert shown[-1] == (Fraction(round(start / ntsc * 25) - 1, 25), 0)


def test_a_single_short_frame_is_still_shown() -> None:
    clock: ConstantRate[str] = ConstantRate(RATE)
    assert list(clock.push(Fraction(0), Fraction(1, 120), "only")) == []
    assert list(clock.finish()) == [(Fraction(0), "only")]
    assert list(clock.finish()) == []


@pytest.mark.parametrize("rate", [None, Fraction(10)])
def test_seconds_limit_frames_and_sound(tmp_path: Path, rate: Fraction | None) -> None:
    path = write_av(tmp_path / "v.mp4", grey(50), sound=tone(2))
    frames, samples = read_all(path, rate=rate, seconds=0.8)
    assert len(frames) == round(0.8 * float(rate or 25))
    assert len(samples) == 12_800
    assert len(read_all(path, seconds=9)[0]) == 50


def test_seconds_do_not_read_the_rest(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(200), sound=tone(8), options={"g": "10", "bf": "0"})
    with VideoFile(path) as video:
        taken: list[int] = []
        whole = video._container

        class Counting:
            def demux(self, streams: Any) -> Any:
                for packet in whole.demux(streams):
                    taken.append(packet.size)
                    yield packet

            def __getattr__(self, name: str) -> Any:
                return getattr(whole, name)

        video._container = Counting()  # type: ignore[assignment]
        assert sum(1 for _ in video.read(seconds=1)) > 25
    # Some sound is read ahead of the picture.
    with av.open(str(path)) as all_of_it:
        assert len(taken) < sum(1 for _ in all_of_it.demux()) / 3


@pytest.mark.parametrize(("degrees", "quarters"), [(90, -1), (180, 2), (270, 1)])
def test_rotation_is_applied(tmp_path: Path, degrees: int, quarters: int) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(3, (64, 48)))
    upright = [frame.rgb for frame in read_all(path)[0]]
    rotate_header(path, degrees)
    for turned, before in zip(read_all(path)[0], upright, strict=True):
        assert np.array_equal(turned.rgb, np.rot90(before, quarters))


def test_a_file_cut_without_encoding_is_whole(tmp_path: Path) -> None:
    # All frames back to the key frame are counted in the header; those before the cut are never shown.
    source = write_av(tmp_path / "v.mp4", moving_square(75), options={"g": "75", "bf": "2"}, sound=tone(3))
    whole, _ = read_all(source)
    frames, _ = read_all(cut_head(source, tmp_path / "cut.mp4", 1.0))
    assert len(frames) == 50
    assert frames[0].time == 0
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(frames, whole[25:], strict=True))


def test_avi_with_b_frames_keeps_its_rate(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.avi", moving_square(30), sound=tone(1.2), sound_codec="pcm_s16le")
    assert [frame.time for frame in read_all(path)[0]] == [n / RATE for n in range(30)]


def test_info_says_what_the_header_says(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(50, (64, 48)), sound=tone(2))
    with VideoFile(path) as video:
        info = video.info
        assert (info.width, info.height, info.declared_frames) == (64, 48, 50)
        assert info.rate == RATE
        assert (info.codec, info.pixel_format, info.has_sound) == ("h264", "yuv420p", True)
        assert info.video_seconds == pytest.approx(2) and info.sound_seconds == pytest.approx(2)


def test_real_clips_hold_the_frames_of_their_provenance(shared: Path) -> None:
    frames, samples = read_all(shared / "clips" / "portrait_a.mp4")
    assert (len(frames), frames[0].rgb.shape, samples.size) == (120, (512, 512, 3), 76_800)
    assert [frame.time for frame in frames] == [n / RATE for n in range(120)]
    assert onset(samples) >= 0
