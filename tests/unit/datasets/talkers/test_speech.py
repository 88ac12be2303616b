from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from liveact_eval.datasets.talkers import PHONEME_NAMES, PHONEMES, SAMPLE_RATE, Block, TalkerSpec, Truth
from liveact_eval.datasets.talkers.script import BLOCK_SECONDS, TRANSITION_S, draw_script
from liveact_eval.datasets.talkers.seeds import random_stream
from liveact_eval.datasets.talkers.stream import render_window

Clips = list[tuple[TalkerSpec, Block]]


def cores(samples: npt.NDArray[np.int16], truth: Truth, name: str) -> list[npt.NDArray[np.float64]]:
    """The samples of each segment of one phoneme, without its transitions."""
    found = []
    for start, end, index in zip(
        truth.segment_starts, truth.segment_ends, truth.segment_phonemes, strict=True
    ):
        if PHONEME_NAMES[index] == name:
            first = round((start + TRANSITION_S / 2) * SAMPLE_RATE)
            last = round((end - TRANSITION_S / 2) * SAMPLE_RATE)
            found.append(samples[first:last].astype(np.float64))
    return found


def share(segment: npt.NDArray[np.float64], low: float, high: float) -> float:
    """Share of the energy between two frequencies."""
    power = np.abs(np.fft.rfft(segment * np.hanning(len(segment)))) ** 2
    hz = np.fft.rfftfreq(len(segment), 1 / SAMPLE_RATE)
    return float(power[(hz >= low) & (hz < high)].sum() / power.sum())


def all_cores(voices: Clips, name: str) -> list[npt.NDArray[np.float64]]:
    found = [core for _, clip in voices for core in cores(clip.samples, clip.truth, name)]
    assert found
    return found


@pytest.mark.parametrize("number", range(20))
def test_segments_fill_the_block_and_last_80_to_250_ms(number: int) -> None:
    script = draw_script(random_stream("test", number))
    lengths = script.ends - script.starts
    assert lengths.min() >= 0.08 - 1e-9
    assert lengths.max() <= 0.25 + 1e-9
    assert script.starts[0] == 0.0
    assert script.ends[-1] == pytest.approx(BLOCK_SECONDS)
    assert np.array_equal(script.starts[1:], script.ends[:-1])
    assert PHONEME_NAMES[script.index[0]] == PHONEME_NAMES[script.index[-1]] == "silence"
    assert np.all(script.index[1:] != script.index[:-1])


def test_all_phonemes_are_spoken_and_the_curve_is_smooth() -> None:
    scripts = [draw_script(random_stream("test", number)) for number in range(8)]
    assert {name for s in scripts for name in np.array(PHONEME_NAMES)[s.index]} == set(PHONEME_NAMES)
    t = np.arange(0, BLOCK_SECONDS, 0.001)
    steepest = np.pi / 2 / TRANSITION_S * 0.001
    for script in scripts:
        opening = script.sample("opening", t, emphasised=True)
        assert opening.min() >= 0.0
        assert opening.max() <= 1.0
        assert np.abs(np.diff(opening)).max() <= steepest * 1.01


def test_a_segment_holds_its_value_in_the_middle() -> None:
    script = draw_script(random_stream("test", 0))
    middle = 0.5 * (script.starts + script.ends)
    wanted = np.array([phoneme.width for phoneme in PHONEMES])[script.index]
    assert np.allclose(script.sample("width", middle), wanted)
    assert np.array_equal(script.phoneme_at(middle), script.index)


def test_voice_and_mouth_move_together(voices: Clips) -> None:
    for _, clip in voices:
        level = np.sqrt(np.mean(clip.samples.reshape(-1, 640).astype(np.float64) ** 2, axis=1))
        opening = clip.truth.mouth_opening
        together = np.corrcoef(level, opening)[0, 1]
        assert together > 0.85
        for shift in (-3, 3):
            assert np.corrcoef(np.roll(level, shift), opening)[0, 1] < together - 0.2


def test_open_vowels_have_a_higher_first_formant(voices: Clips) -> None:
    a = np.mean([share(core, 600, 1100) for core in all_cores(voices, "a")])
    i = np.mean([share(core, 600, 1100) for core in all_cores(voices, "i")])
    assert a > 3 * i
    assert a > 0.3


def test_front_vowels_have_a_higher_second_formant(voices: Clips) -> None:
    i = np.mean([share(core, 1700, 2800) for core in all_cores(voices, "i")])
    u = np.mean([share(core, 1700, 2800) for core in all_cores(voices, "u")])
    assert i > 5 * u


@pytest.mark.parametrize("name", ["s", "f"])
def test_fricatives_cross_zero_often(voices: Clips, name: str) -> None:
    def crossings(core: npt.NDArray[np.float64]) -> float:
        return float(np.mean(np.diff(np.sign(core)) != 0))

    fricative = np.median([crossings(core) for core in all_cores(voices, name)])
    vowel = np.median([crossings(core) for core in all_cores(voices, "o")])
    assert fricative > 0.35
    assert vowel < 0.2


def test_silence_is_quiet_and_nothing_clips(voices: Clips) -> None:
    quiet = [float(core.std()) for core in all_cores(voices, "silence")]
    assert 1 < np.median(quiet) < 60
    for _, clip in voices:
        assert clip.samples.dtype == np.int16
        assert 8_000 < np.abs(clip.samples.astype(int)).max() < 30_000


def test_blocks_join_without_a_click() -> None:
    spec = TalkerSpec(split="train", speaker=0, utterance=0, size=32, seconds=10)
    parts = [render_window(spec, range(n, n + 125), pictures=False) for n in (0, 125)]
    joined = np.concatenate([part.samples for part in parts]).astype(int)
    assert np.abs(np.diff(joined[79_900:80_100])).max() < 100
    # The steepest step of a vowel is a glottal pulse, which is less than its own height.
    for core in cores(joined[:80_000].astype(np.int16), parts[0].truth, "a"):
        assert np.abs(np.diff(core)).max() < 0.8 * np.abs(core).max()


def test_words_do_not_depend_on_expression_action_or_size() -> None:
    plain = TalkerSpec(split="train", speaker=5, utterance=2, size=32)
    other = TalkerSpec(split="train", speaker=5, utterance=2, size=48, emotion="neutral", action="wave")
    happy = TalkerSpec(split="train", speaker=5, utterance=2, size=32, emotion="happy")
    first, second, third = (render_window(spec, range(125), pictures=False) for spec in (plain, other, happy))
    assert np.array_equal(first.samples, second.samples)
    assert np.array_equal(first.truth.mouth_opening, third.truth.mouth_opening)
    assert not np.array_equal(first.samples, third.samples)
