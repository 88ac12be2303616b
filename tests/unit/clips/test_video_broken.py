"""Files that are no videos, half of one, or have a name that tools trip over."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest

from liveact_eval.clips.image import load_image, save_png
from liveact_eval.clips.sound import load_sound, write_wav
from liveact_eval.errors import ClipError
from tests.helpers import moving_square, read_all, tone, write_av

NAMES = [
    "with space.mp4",
    'quo\'te "double".mp4',
    "ünïcödé 日本.mp4",
    "-dash.mp4",
    "co:lon.mp4",
    "http:.mp4",
    "percent%03d.mp4",
    "new\nline.mp4",
    "semi;$(touch x).mp4",
    os.fsdecode(b"\xff.mp4"),
]


def reason(path: Path) -> str:
    with pytest.raises(ClipError) as caught:
        read_all(path)
    assert caught.value.message
    return caught.value.reason


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_av(
        tmp_path / "v.mp4",
        moving_square(60, (128, 96)),
        sound=tone(2.4),
        container={"movflags": "faststart"},
        options={"crf": "4"},
    )


def test_missing_file(tmp_path: Path) -> None:
    assert reason(tmp_path / "none.mp4") == "missing_file"
    assert reason(tmp_path) == "missing_file"


def test_zero_bytes(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").touch()
    assert reason(tmp_path / "v.mp4") == "unreadable"


def test_text(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_text("not a video\n" * 50)
    assert reason(tmp_path / "v.mp4") == "unreadable"


def test_sound_only(tmp_path: Path) -> None:
    write_wav(tmp_path / "v.mp4", tone(0.2))
    assert reason(tmp_path / "v.mp4") == "no_video_stream"


def test_header_without_frames(tmp_path: Path) -> None:
    # Both streams are declared, and only the sound has content.
    whole, path = write_av(tmp_path / "w.mkv", moving_square(10), sound=tone(0.4)), tmp_path / "v.mkv"
    with av.open(str(whole)) as given, av.open(str(path), "w") as out:
        out.add_stream_from_template(given.streams.video[0])
        heard = out.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(given.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = heard
                out.mux(packet)
    assert reason(path) == "no_frames"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7, 0.9, 0.97])
def test_truncated_mp4(video: Path, share: float) -> None:
    content = video.read_bytes()
    video.write_bytes(content[: int(len(content) * share)])
    assert reason(video) in {"truncated", "corrupt", "unreadable"}


def test_truncated_before_its_index(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(20))
    path.write_bytes(path.read_bytes()[:-200])
    assert reason(path) == "unreadable"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_truncated_matroska(tmp_path: Path, share: float) -> None:
    path = write_av(tmp_path / "v.mkv", moving_square(60, (128, 96)), options={"crf": "4"})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert reason(path) in ({"truncated"} if share > 0.3 else {"truncated", "no_frames"})


def test_overwritten_middle(video: Path) -> None:
    content = bytearray(video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.RandomState(0).bytes(3000)
    video.write_bytes(content)
    assert reason(video) in {"truncated", "corrupt"}


def test_a_change_of_size_is_named(tmp_path: Path) -> None:
    path = tmp_path / "v.ts"
    parts = [write_av(tmp_path / f"{n}.ts", moving_square(10, (64, n))) for n in (48, 64)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(ClipError, match=r"size_changes: 'v\.ts' changes size at frame 10: 64x48 to 64x64"):
        read_all(path)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_read(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = write_av(tmp_path / "plain.mp4", moving_square(3), sound=tone(0.12))
    try:
        plain.rename(tmp_path / name)
    except OSError:
        pytest.skip("this file system does not take the name")
    # A relative path begins with the name, where a dash or a colon could mean something else.
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / name, Path(name)):
        frames, samples = read_all(path)
        assert (len(frames), samples.size) == (3, 1920)
        assert load_sound(path).size == 1920


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_complained_about(tmp_path: Path, name: str) -> None:
    assert reason(tmp_path / name) == "missing_file"
    try:
        (tmp_path / name).write_text("no video")
    except OSError:
        pytest.skip("this file system does not take the name")
    assert reason(tmp_path / name) == "unreadable"


def test_sound_that_is_none(tmp_path: Path) -> None:
    text = tmp_path / "s.wav"
    text.write_text("no sound" * 20)
    silent = write_av(tmp_path / "v.mp4", moving_square(3))
    for path, expected in (
        (tmp_path / "none.wav", "missing_file"),
        (text, "unreadable"),
        (silent, "no_audio"),
    ):
        with pytest.raises(ClipError) as caught:
            load_sound(path)
        assert caught.value.reason == expected


def test_images(tmp_path: Path) -> None:
    picture = moving_square(1)[0]
    save_png(tmp_path / "i.png", picture)
    assert np.array_equal(load_image(tmp_path / "i.png"), picture)
    (tmp_path / "bad.png").write_text("no picture")
    for name in ("bad.png", "none.png"):
        with pytest.raises(ClipError, match="unreadable"):
            load_image(tmp_path / name)
