"""Sound keeps its time and pitch at every frame rate, arrives in any pieces, and is forgotten when used."""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.speech_input import SAMPLES_PER_FRAME, SpeechInput
from liveact_eval.liveact.tempo import SEARCH, SEGMENT, TimeStretch

Samples = NDArray[np.float32]
FIRST, SECOND = range(53), range(32, 85)


class Loudness:
    """Stands for a speech encoder: the loudness of each frame, and notes of what it was given."""

    def __init__(self) -> None:
        self.calls: list[tuple[Samples, int | None]] = []

    def encode(self, samples: NDArray[np.float32] | Tensor, frames: int | None = None) -> Tensor:
        wave = np.asarray(samples)
        self.calls.append((wave, frames))
        count = frames if frames is not None else len(wave) // SAMPLES_PER_FRAME
        kept = wave[: count * SAMPLES_PER_FRAME].reshape(count, -1)
        return torch.as_tensor(np.abs(kept).mean(1)).reshape(count, 1, 1)


def speech(fps: float = 25, **given: Any) -> tuple[SpeechInput, Loudness]:
    encoder = Loudness()
    return SpeechInput(encoder, fps=Fraction(fps), **given), encoder


def noise(seconds: float, rate: int = 16_000) -> Samples:
    return np.random.RandomState(0).uniform(-0.5, 0.5, round(seconds * rate)).astype(np.float32)


def windows(source: SpeechInput, span: range) -> Tensor:
    found = source.windows(span)
    assert found is not None
    return found[0, :, :, 0, 0]


def stretched(samples: Samples, tempo: float, piece: int) -> Samples:
    stretch = TimeStretch(tempo)
    parts = [stretch.push(samples[at : at + piece]) for at in range(0, len(samples), piece)]
    return np.concatenate([*parts, stretch.finish()])


@pytest.mark.parametrize("fps", [10, 16, 20, 24, 30, 48])
def test_stretched_sound_keeps_its_time(fps: int) -> None:
    tempo = 25 / fps
    sound = np.zeros(4 * 16_000, np.float32)
    clicks = (8_000, 24_000, 40_000)
    for at in clicks:
        sound[at : at + 800] = noise(0.05)
    out = stretched(sound, tempo, 1000)
    assert len(out) == round(len(sound) / tempo)
    # A segment is moved by the search at most, and keeps its own pace up to its ends.
    bound = (SEARCH + SEGMENT / 2 * abs(1 - tempo)) / tempo + 16
    for at in clicks:
        expected = round(at / tempo)
        near = np.abs(out[expected - 2000 : expected + 2000]) > 0.1
        assert abs(int(np.argmax(near)) - 2000) <= bound


@pytest.mark.parametrize("tempo", [0.6, 1.25, 2.5])
def test_stretched_sound_keeps_its_pitch_and_level(tempo: float) -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(32_000) / 16_000).astype(np.float32)
    out = stretched(tone, tempo, 32_000)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    assert np.argmax(spectrum) * 16_000 / len(out) == pytest.approx(200, abs=2)
    assert out[1000:-1000].std() == pytest.approx(tone.std(), rel=0.02)


def test_pieces_do_not_matter() -> None:
    sound = noise(1.5)
    whole = stretched(sound, 1.25, len(sound))
    assert all(np.array_equal(stretched(sound, 1.25, piece), whole) for piece in (77, 333, 5000))


def test_long_sound_at_once_is_not_held() -> None:
    stretch = TimeStretch(1.25)
    stretch.push(noise(20))
    assert len(stretch._input) < 4096


@pytest.mark.parametrize("tempo", [0.1, 6.0, float("nan")])
def test_tempo_out_of_range(tempo: float) -> None:
    with pytest.raises(LiveActError, match=r"expected 0\.2 to 5"):
        TimeStretch(tempo)


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("fps", [20, 25])
def test_features_coincide_with_video_frames(fps: int, rate: int) -> None:
    source, _ = speech(fps)
    sound = np.zeros(4 * rate, np.float32)
    # Loud while video frames 20 to 29 are shown.
    sound[20 * rate // fps : 30 * rate // fps] = noise(10 / fps, rate)
    source.feed(sound, rate)
    source.close()
    loud = windows(source, range(60))[:, 2] > 0.05
    assert loud[21:29].all()
    assert not loud[:19].any()
    assert not loud[31:].any()


def test_whole_waits_for_the_end_and_clamps_there() -> None:
    source, encoder = speech()
    sound = noise(2)
    source.feed(sound, 16_000)
    assert source.windows(FIRST) is None
    source.close()
    found = windows(source, range(40, 60))
    features = np.abs(sound.reshape(50, -1)).mean(1)
    assert np.allclose(found[0], features[38:43])
    assert np.allclose(found[-1], features[-1])
    windows(source, range(45, 60))
    assert [(len(wave), frames) for wave, frames in encoder.calls] == [(32_000, None)]


def test_windowed_takes_the_span_and_two_frames() -> None:
    source, encoder = speech(mode="windowed")
    sound = noise(5)
    source.feed(sound[: 55 * 640 - 1], 16_000)
    assert source.windows(FIRST) is None
    source.feed(sound[55 * 640 - 1 :], 16_000)
    windows(source, FIRST)
    # Blocks 0 and 1 look at the same sound, which is encoded once.
    found = windows(source, FIRST)
    windows(source, SECOND)
    assert [frames for _, frames in encoder.calls] == [55, 55]
    assert np.array_equal(encoder.calls[0][0], sound[:35_200])
    assert np.array_equal(encoder.calls[1][0], sound[32 * 640 : 32 * 640 + 35_200])
    features = np.abs(sound[:35_200].reshape(55, -1)).mean(1)
    assert np.allclose(found[0], features[[0, 0, 0, 1, 2]])
    assert np.allclose(found[52], features[50:55])


def test_windowed_ends_in_silence() -> None:
    source, encoder = speech(mode="windowed")
    sound = noise(1)
    source.feed(sound, 16_000)
    source.close()
    assert not windows(source, FIRST)[30:].any()
    assert np.array_equal(encoder.calls[0][0][:16_000], sound)
    assert not encoder.calls[0][0][16_000:].any()


def test_windowed_forgets_what_was_used() -> None:
    source, _ = speech(20, mode="windowed")
    held = []
    for n in range(60):
        span = range(32 * max(0, n - 1), 32 * max(0, n - 1) + 53)
        while source.windows(span) is None:
            source.feed(noise(0.1), 16_000)
        held.append(source.held)
    assert max(held[30:]) <= max(held[2:10])


def test_a_span_behind_is_refused() -> None:
    source, _ = speech(mode="windowed")
    for _ in range(60):
        source.feed(noise(0.1), 16_000)
    source.windows(SECOND)
    with pytest.raises(LiveActError, match="only that from"):
        source.windows(FIRST)


def test_int16_is_the_same_sound() -> None:
    sound = (noise(2.4) * 32_767).astype(np.int16)
    found = []
    for given in (sound, (sound / 32_768).astype(np.float32)):
        source, _ = speech()
        source.feed(given, 16_000)
        source.close()
        found.append(windows(source, FIRST))
    assert torch.equal(found[0], found[1])


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_nothing_is_lost_between_rates(rate: int) -> None:
    source, _ = speech(20)
    for part in np.array_split(noise(1.5, rate), 7):
        source.feed(part, rate)
    source.close()
    assert source.seconds == Fraction(3, 2)
    # 30 frames of video are 30 features.
    assert source.held == 30 * SAMPLES_PER_FRAME


def test_a_reader_sleeps_until_sound_is_there() -> None:
    source, _ = speech(mode="windowed")

    def feed() -> None:
        for _ in range(25):
            source.feed(noise(0.1), 16_000)
        source.close()

    thread = threading.Thread(target=feed)
    thread.start()
    source.wait(FIRST)
    assert source.windows(FIRST) is not None
    source.wait(SECOND)
    assert source.windows(SECOND) is not None
    thread.join()


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros((2, 5), np.float32), 16_000, r"shape \[2, 5\]"),
        (np.zeros(5, np.float64), 16_000, "type float64"),
        (np.full(5, np.nan, np.float32), 16_000, "not finite"),
        (np.zeros(5, np.float32), 0, "expected a positive number"),
        (np.zeros(5, np.float32), 8_000, "expected 16000 as before"),
    ],
)
def test_wrong_sound(samples: Any, rate: int, message: str) -> None:
    source, _ = speech()
    source.feed(np.zeros(5, np.float32) if "before" in message else np.zeros(0, np.float32), 16_000)
    if "positive" in message:
        source, _ = speech()
    with pytest.raises(LiveActError, match=message):
        source.feed(samples, rate)


def test_after_the_end() -> None:
    source, _ = speech()
    source.close()
    source.close()
    with pytest.raises(LiveActError, match="after close"):
        source.feed(noise(1), 16_000)


def test_unknown_mode() -> None:
    mode: Any = "half"
    with pytest.raises(LiveActError, match="known: whole, windowed"):
        speech(mode=mode)
