"""The voice: harmonics shaped by formants, and filtered noise for the fricatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liveact_eval.datasets.talkers.script import BLOCK_SECONDS, PHONEMES, Curve, Script
from liveact_eval.datasets.talkers.spec import SAMPLE_RATE, Emotion

BLOCK_SAMPLES = round(BLOCK_SECONDS * SAMPLE_RATE)
_STEP = 80
"""Samples between two control points (5 ms); between them amplitudes are interpolated."""
_TOP_HZ = 5000.0
"""Harmonics above this are left out; they fade out below it."""
_PEAK = 0.55
"""Peak of a fully emphasised `a`, of full scale, before the soft limiter."""
_ROOM = 6.0
"""Standard deviation of the room noise in 16-bit steps: a silence is quiet, not digital zero."""

_PITCH: dict[Emotion, tuple[float, float]] = {
    "neutral": (1.0, 1.0),
    "happy": (1.10, 1.5),
    "sad": (0.92, 0.6),
    "angry": (1.04, 1.3),
    "surprised": (1.14, 1.6),
}
"""Factors of mean pitch and of pitch movement."""


@dataclass(frozen=True)
class Voice:
    """What distinguishes the voice of a speaker."""

    pitch_hz: float
    """Mean fundamental frequency."""
    tract: float
    """Factor of the formant frequencies: above 1 for a shorter vocal tract."""
    tilt: float
    """Spectral slope: amplitude of harmonic k is k ** -tilt before the formants."""


def draw_voice(random: np.random.RandomState, *, low: bool) -> Voice:
    """A voice; `low` limits the pitch to 90..140 Hz."""
    depth = float(random.uniform(0.0, 0.35 if low else 1.0))
    return Voice(
        pitch_hz=90.0 * 2.5**depth,
        tract=0.92 + 0.2 * depth + float(random.uniform(-0.03, 0.03)),
        tilt=float(random.uniform(0.85, 1.15)),
    )


def block_speech(
    script: Script, voice: Voice, emotion: Emotion, random: np.random.RandomState
) -> npt.NDArray[np.int16]:
    """The 80000 samples of one block: sample m is the state of the script at m / 16000 s.

    Args:
        script: What is said.
        voice: Who says it.
        emotion: Moves pitch and its range.
        random: Stream of the block, for melody and noise.
    """
    t = np.arange(BLOCK_SAMPLES, dtype=np.float64) / SAMPLE_RATE
    control = np.arange(0, BLOCK_SAMPLES + 1, _STEP, dtype=np.float64) / SAMPLE_RATE
    pitch = _melody(control, voice, emotion, random)
    wave = _voiced(script, voice, t, control, pitch)
    wave += _fricatives(script, t, random)
    wave = np.tanh(wave * _PEAK) * 32767.0 * 0.9
    wave += _ROOM * random.standard_normal(BLOCK_SAMPLES)
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)


def _melody(control: Curve, voice: Voice, emotion: Emotion, random: np.random.RandomState) -> Curve:
    """Pitch in Hz at the control points: falls over the block, with slow waves and a light vibrato."""
    mean, movement = _PITCH[emotion]
    semitones = 2.0 - 4.0 * control / BLOCK_SECONDS
    for rate_hz, depth in ((0.5, 1.5), (1.3, 1.0), (2.9, 0.5), (5.5, 0.12)):
        rate, phase = rate_hz * random.uniform(0.8, 1.25), random.uniform(0.0, 2.0 * np.pi)
        semitones = semitones + depth * np.sin(2.0 * np.pi * rate * control + phase)
    curve: Curve = voice.pitch_hz * mean * 2.0 ** (movement * semitones / 12.0)
    return curve


def _voiced(script: Script, voice: Voice, t: Curve, control: Curve, pitch: Curve) -> Curve:
    """A sum of harmonics; each has the amplitude that the formants give to its frequency at that moment."""
    formants = [
        (script.sample("f1", control) * voice.tract, 90.0, 1.0),
        (script.sample("f2", control) * voice.tract, 120.0, 0.6),
        (np.full_like(control, 2900.0 * voice.tract), 220.0, 0.16),
    ]
    loudness = script.sample("voiced", control, emphasised=True)
    phase = 2.0 * np.pi * np.cumsum(np.interp(t, control, pitch)) / SAMPLE_RATE
    twice_cos, current, previous = 2.0 * np.cos(phase), np.sin(phase), np.zeros_like(phase)
    wave = np.zeros_like(t)
    for harmonic in range(1, int(_TOP_HZ / float(pitch.min())) + 1):
        hz = harmonic * pitch
        gain = sum(level / (1.0 + ((hz - centre) / width) ** 2) for centre, width, level in formants)
        fade = np.clip((_TOP_HZ - hz) / 1000.0, 0.0, 1.0)
        envelope = loudness * (gain + 0.03) * fade * harmonic**-voice.tilt * 2.2
        wave += np.interp(t, control, envelope) * current
        # sin((k + 1) p) = 2 cos(p) sin(k p) - sin((k - 1) p) saves a sine per harmonic.
        current, previous = twice_cos * current - previous, current
    # A vowel is as loud as the table says, wherever its harmonics fall on the formants.
    return wave * _levelling(wave, np.interp(t, control, loudness))


def _levelling(wave: Curve, loudness: Curve) -> Curve:
    """Slow gain that brings the local level of `wave` to `loudness`."""
    window = np.hanning(801)
    window /= window.sum()
    level = np.sqrt(np.maximum(_smooth(wave**2, window), 0.0))
    wanted = 0.4 * np.sqrt(np.maximum(_smooth(loudness**2, window), 0.0))
    gain: Curve = wanted / np.maximum(level, 0.02)
    return gain


def _smooth(values: Curve, window: Curve) -> Curve:
    """Convolution by FFT, of the same length as `values`."""
    length = len(values) + len(window) - 1
    spectrum = np.fft.rfft(values, length) * np.fft.rfft(window, length)
    half = len(window) // 2
    result: Curve = np.fft.irfft(spectrum, length)[half : half + len(values)]
    return result


def _fricatives(script: Script, t: Curve, random: np.random.RandomState) -> Curve:
    """Noise in the band of each fricative, under its own envelope."""
    spectrum = np.fft.rfft(random.standard_normal(BLOCK_SAMPLES))
    hz = np.fft.rfftfreq(BLOCK_SAMPLES, 1.0 / SAMPLE_RATE)
    total = np.zeros_like(t)
    for index, phoneme in enumerate(PHONEMES):
        if phoneme.noise == 0.0 or not np.any(script.index == index):
            continue
        low, high = phoneme.band
        slope = 400.0
        shape = np.clip((hz - low) / slope, 0.0, 1.0) * np.clip((high - hz) / slope, 0.0, 1.0)
        noise = np.fft.irfft(spectrum * shape, BLOCK_SAMPLES)
        noise /= max(float(noise.std()), 1e-9)
        total += noise * script.sample_noise(index, t)
    return total
