"""Moving the sound leaves every frame as it was, whatever file the frames lie in."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from liveact_eval.cards.model import ControlSpec
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.sound import load_sound
from liveact_eval.errors import BrokenEnvironmentError, ClipError
from liveact_eval.files import atomic_path
from liveact_eval.generators.controls import ControlGenerator
from liveact_eval.generators.shift import _in_decoding_time, remux_with_sound, shift_sound
from tests.helpers import (
    click,
    clip_of,
    cut_head,
    moving_square,
    onset,
    read_all,
    rotate_header,
    tone,
    write_av,
)

RATE = Fraction(25)


def shift(frames: int) -> ControlGenerator:
    return ControlGenerator(ControlSpec(effect="shift", frames=frames), Encoding())


def same_pictures(a: Path, b: Path) -> bool:
    first, second = read_all(a)[0], read_all(b)[0]
    return len(first) == len(second) and all(
        x.time == y.time and np.array_equal(x.rgb, y.rgb) for x, y in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("rate", [RATE, Fraction(30_000, 1001)])
@pytest.mark.parametrize("frames", [-50, -7, -1, 0, 1, 5, 50])
def test_samples_move_by_whole_frames(frames: int, rate: Fraction) -> None:
    samples = np.arange(1, 16_001, dtype=np.int16)
    moved = shift_sound(samples, frames, rate)
    by = round(abs(frames) / rate * 16_000)
    assert len(moved) == len(samples)
    if frames > 0:
        assert np.array_equal(moved[: max(0, 16_000 - by)], samples[by:]) and not moved[16_000 - by :].any()
    elif frames < 0 and by <= 16_000:
        assert np.array_equal(moved[by:], samples[: 16_000 - by]) and not moved[:by].any()
    elif frames == 0:
        assert np.array_equal(moved, samples)
    else:
        assert not moved.any()


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("h264.mp4", "libx264"),
        ("h264.mkv", "libx264"),
        pytest.param(
            "h264.ts",
            "libx264",
            marks=pytest.mark.skipif(
                int(av.__version__.split(".")[0]) < 18,
                reason="the FFmpeg of PyAV 17 loses the last frame of a transport stream that is copied",
            ),
        ),
        ("hevc.mkv", "libx265"),
        ("vp9.webm", "libvpx-vp9"),
        ("av1.mkv", "libsvtav1"),
        ("vp8.webm", "libvpx"),
        ("mpeg4.avi", "mpeg4"),
    ],
)
def test_frames_of_any_file_are_copied(tmp_path: Path, name: str, codec: str) -> None:
    quiet = {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"preset": "12"}}
    sound_codec = {".webm": "libopus", ".ts": "aac", ".avi": "pcm_s16le"}.get(Path(name).suffix, "flac")
    rate = 48_000 if sound_codec == "libopus" else 16_000
    path = write_av(
        tmp_path / name,
        moving_square(40),
        codec=codec,
        options=quiet.get(codec, {}),
        sound=click(1.0, 1.6, rate),
        sound_codec=sound_codec,
        sound_rate=rate,
    )
    clip = clip_of(path)
    out = tmp_path / f"out{shift(5).suffix(clip)}"
    made = shift(5).generate(clip, out, 0)
    assert made.video == out and same_pictures(path, out)
    assert abs(onset(read_all(out)[1]) - (16_000 - 5 * 640)) <= 48


def test_packets_without_a_decoding_time_get_one(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mkv", moving_square(30), options={"bf": "3"})
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.size]
        assert any(packet.dts is None for packet in packets)
        timed = list(_in_decoding_time(packets, 1 / RATE))
    assert len(timed) == 30
    order = [packet.dts for packet in timed if packet.dts is not None]
    assert len(order) == 30 and all(a < b for a, b in itertools.pairwise(order))
    assert all(packet.pts is not None and (packet.dts or 0) <= packet.pts for packet in timed)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(("picture_at", "sound_at"), [(0.0, 0.3), (0.3, 0.0), (0.52, 0.52)])
def test_streams_that_start_apart_stay_aligned(
    tmp_path: Path, picture_at: float, sound_at: float, suffix: str
) -> None:
    path = write_av(
        tmp_path / f"v.{suffix}",
        moving_square(50),
        times=[picture_at + n / 25 for n in range(50)],
        sound=click(1.0, 2.0),
        sound_start=sound_at,
    )
    out = tmp_path / "out.mp4"
    shift(5).generate(clip_of(path), out, 0)
    assert same_pictures(path, out)
    assert onset(read_all(out)[1]) == onset(read_all(path)[1]) - 5 * 640


def test_rotation_and_cuts_are_copied_too(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(60, (64, 48)), options={"g": "60", "bf": "2"})
    rotate_header(path, 90)
    cut = cut_head(path, tmp_path / "cut.mp4", 1.0)
    for source in (path, cut):
        remux_with_sound(source, tmp_path / "out.mp4", tone(2), Encoding())
        assert read_all(tmp_path / "out.mp4")[0][0].rgb.shape == (64, 48, 3)
        assert same_pictures(source, tmp_path / "out.mp4")


def test_variable_rate_is_copied(tmp_path: Path) -> None:
    times = np.cumsum(np.random.RandomState(0).uniform(0.02, 0.09, 30)).tolist()
    path = write_av(tmp_path / "v.mp4", moving_square(30), times=times, sound=tone(1.5))
    shift(-3).generate(clip_of(path), tmp_path / "out.mp4", 0)
    assert same_pictures(path, tmp_path / "out.mp4")


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".mkv", "libvpx")])
def test_the_same_request_gives_the_same_bytes(tmp_path: Path, suffix: str, codec: str) -> None:
    source = tmp_path / ("v.mp4" if codec == "libx264" else "v.webm")
    write_av(source, moving_square(20), codec=codec)
    assert shift(1).suffix(clip_of(source)) == suffix
    for name in ("a", "b"):
        remux_with_sound(source, tmp_path / f"{name}{suffix}", tone(0.8), Encoding())
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_the_clips_own_driving_sound_is_moved(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(25))
    other = write_av(tmp_path / "other.mp4", moving_square(25), sound=click(0.5, 1.0))
    shift(5).generate(clip_of(path, audio=other), tmp_path / "out.mp4", 0)
    assert onset(load_sound(tmp_path / "out.mp4")) == 8_000 - 3_200


def test_without_sound_there_is_nothing_to_move(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(5))
    with pytest.raises(ClipError, match="no_audio"):
        shift(5).generate(clip_of(path), tmp_path / "out.mp4", 0)
    assert not (tmp_path / "out.mp4").exists()


def test_a_file_without_times_is_refused(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.h264", moving_square(20))
    with pytest.raises(ClipError, match="no_times"), atomic_path(tmp_path / "out.mp4") as temporary:
        remux_with_sound(path, temporary, tone(0.8), Encoding())
    assert [item.name for item in tmp_path.iterdir()] == ["v.h264"]


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(20), sound=tone(0.8))
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BrokenEnvironmentError, match="disk is full"):  # noqa: SIM117
        with atomic_path(tmp_path / "folder" / "out.mkv") as temporary:
            temporary.symlink_to(full)
            remux_with_sound(path, temporary, tone(0.8), Encoding())
    assert list((tmp_path / "folder").iterdir()) == []
