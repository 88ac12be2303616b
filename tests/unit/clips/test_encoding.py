"""Writing videos: what is written comes back, whole or not at all, and always the same bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.encode import VideoWriter, to_uint8, write_video
from liveact_eval.errors import ClipError
from tests.helpers import Pixels, moving_square, psnr, read_all, tone

RATE = Fraction(25)


def write(path: Path, pictures: Pixels, *, sound: bool = True, crf: int = 10) -> int:
    size = (pictures.shape[2], pictures.shape[1])
    samples = tone(len(pictures) / 25) if sound else None
    return write_video(path, pictures, size=size, rate=RATE, encoding=Encoding(crf=crf), samples=samples)


def test_round_trip_is_near_lossless(tmp_path: Path) -> None:
    # Grey, so that the chroma of 4:2:0 has nothing to lose.
    pictures = np.repeat(moving_square(25)[..., :1], 3, axis=3)
    assert write(tmp_path / "v.mp4", pictures) == 25
    frames, samples = read_all(tmp_path / "v.mp4")
    assert [frame.time for frame in frames] == [n / RATE for n in range(25)]
    assert psnr([frame.rgb for frame in frames], pictures) > 40
    assert np.array_equal(samples, tone(1))


def test_odd_sizes_keep_their_size_and_colour(tmp_path: Path) -> None:
    pictures = moving_square(10, (65, 47))
    write(tmp_path / "v.mp4", pictures)
    frames, _ = read_all(tmp_path / "v.mp4")
    assert psnr([frame.rgb for frame in frames], pictures) > 40


@pytest.mark.parametrize("rate", [Fraction(30_000, 1001), Fraction(24), Fraction(20)])
def test_any_rate_is_kept(tmp_path: Path, rate: Fraction) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, moving_square(12), size=(64, 64), rate=rate, encoding=Encoding())
    assert [frame.time for frame in read_all(path)[0]] == [n / rate for n in range(12)]


def test_frames_may_carry_their_own_times(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1, 10), Fraction(3, 20)]
    with VideoWriter(
        tmp_path / "v.mp4", size=(64, 64), rate=RATE, encoding=Encoding(), sound=False
    ) as writer:
        for picture, time in zip(moving_square(3), times, strict=True):
            writer.write(picture, time)
    assert [frame.time for frame in read_all(tmp_path / "v.mp4")[0]] == times


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (65, 47)])
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, size: tuple[int, int]) -> None:
    made = set()
    for _ in range(12):
        write(tmp_path / "v.mp4", moving_square(20, size))
        made.add((tmp_path / "v.mp4").read_bytes())
    assert len(made) == 1


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def frames() -> Iterator[Pixels]:
        yield from moving_square(10)
        raise RuntimeError("the model broke")

    with pytest.raises(RuntimeError, match="the model broke"):
        write_video(tmp_path / "v.mp4", frames(), size=(64, 64), rate=RATE, encoding=Encoding())
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    write(tmp_path / "v.mp4", moving_square(5))
    before = (tmp_path / "v.mp4").read_bytes()
    with pytest.raises(ClipError, match="no_frames"):
        write_video(tmp_path / "v.mp4", [], size=(64, 64), rate=RATE, encoding=Encoding(), samples=tone(1))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    frames = [*moving_square(2), *moving_square(1, (64, 48))]
    with pytest.raises(ClipError, match=r"wrong_size: frame 2 is \(48, 64, 3\), the video \(64, 64, 3\)"):
        write_video(tmp_path / "v.mp4", frames, size=(64, 64), rate=RATE, encoding=Encoding())
    assert list(tmp_path.iterdir()) == []


def test_floats_are_refused(tmp_path: Path) -> None:
    with (
        VideoWriter(tmp_path / "v.mp4", size=(64, 64), rate=RATE, encoding=Encoding(), sound=False) as writer,
        pytest.raises(ClipError, match="not_8_bit"),
    ):
        writer.write(np.zeros((64, 64, 3), np.float32))  # type: ignore[arg-type]


def test_levels_are_rounded_and_clipped() -> None:
    levels = to_uint8(np.array([-0.5, 0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 2.0], np.float32))
    assert levels.tolist() == [0, 0, 0, 1, 255, 255]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_refused(bad: float) -> None:
    frames = np.zeros((2, 4, 4, 3), np.float32)
    frames[1, 2, 3, 0] = bad
    with pytest.raises(ClipError, match="nan: 1 of 96 values are not finite"):
        to_uint8(frames)


FULL = """
import resource, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.encode import write_video
from liveact_eval.clips.sound import write_wav
from liveact_eval.errors import BrokenEnvironmentError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = np.random.RandomState(0).randint(0, 256, (40, 64, 64, 3)).astype(np.uint8)
samples = noise[..., 0].ravel().astype(np.int16)
video = dict(size=(64, 64), rate=Fraction(25), encoding=Encoding(), samples=samples)
for path, write in (
    ("v.mp4", lambda path: write_video(path, noise, **video)),
    ("s.wav", lambda path: write_wav(path, samples)),
):
    try:
        write(Path(sys.argv[1]) / path)
    except BrokenEnvironmentError as error:
        assert "disk is full" in str(error), error
        assert "it continues" in str(error), error
    else:
        raise SystemExit(f"{path} was written")
"""


# The header, the first packets, later ones, and the index at the end do not fit.
@pytest.mark.parametrize("limit", [10, 3_000, 60_000, 150_000])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(limit)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
