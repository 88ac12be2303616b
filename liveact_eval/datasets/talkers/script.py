"""The script of a clip: phoneme-like states in time, from which both the mouth and the voice are made.

Time is divided in blocks of 5 s. Each block has its own random stream, and begins and ends in silence, so
that any block can be made alone and blocks join without a click.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liveact_eval.datasets.talkers.seeds import pick

BLOCK_SECONDS = 5.0
"""Length of a block."""
TRANSITION_S = 0.06
"""Length of the raised-cosine transition around each boundary; less than the shortest segment (0.08 s)."""
SHORTEST_MS, LONGEST_MS = 80, 250

Curve = npt.NDArray[np.float64]
"""One value per moment, [T]."""


@dataclass(frozen=True, kw_only=True)
class Phoneme:
    """One state of mouth and voice. Mouth values are 0..1, frequencies in Hz, amplitudes relative to `a`."""

    name: str
    opening: float
    width: float
    rounding: float
    teeth: float
    f1: float
    f2: float
    voiced: float
    noise: float = 0.0
    band: tuple[float, float] = (0.0, 0.0)
    """Pass band of the noise."""


PHONEMES: tuple[Phoneme, ...] = (
    Phoneme(name="silence", opening=0.00, width=0.50, rounding=0.10, teeth=0.0, f1=500, f2=1500, voiced=0.0),
    Phoneme(name="m", opening=0.00, width=0.42, rounding=0.15, teeth=0.0, f1=270, f2=1100, voiced=0.22),
    Phoneme(name="a", opening=1.00, width=0.60, rounding=0.10, teeth=0.5, f1=800, f2=1250, voiced=1.0),
    Phoneme(name="i", opening=0.38, width=1.00, rounding=0.00, teeth=0.9, f1=290, f2=2250, voiced=0.5),
    Phoneme(name="u", opening=0.32, width=0.05, rounding=1.00, teeth=0.0, f1=320, f2=820, voiced=0.5),
    Phoneme(name="e", opening=0.60, width=0.82, rounding=0.00, teeth=0.8, f1=480, f2=1900, voiced=0.75),
    Phoneme(name="o", opening=0.68, width=0.22, rounding=0.85, teeth=0.1, f1=500, f2=900, voiced=0.8),
    Phoneme(
        name="s", opening=0.16, width=0.75, rounding=0.0, teeth=1.0, f1=350, f2=1700, voiced=0.0,
        noise=0.15, band=(3800.0, 7400.0),
    ),
    Phoneme(
        name="f", opening=0.11, width=0.52, rounding=0.1, teeth=0.9, f1=350, f2=1100, voiced=0.0,
        noise=0.09, band=(1800.0, 7000.0),
    ),
)  # fmt: skip
"""All states; a phoneme is named by its index in this table wherever a number is stored."""

PHONEME_NAMES: tuple[str, ...] = tuple(phoneme.name for phoneme in PHONEMES)
_INDEX = {name: index for index, name in enumerate(PHONEME_NAMES)}
_VOWELS = {"a": 0.28, "e": 0.22, "i": 0.18, "o": 0.18, "u": 0.14}
_CONSONANTS = {"m": 0.42, "s": 0.32, "f": 0.26}
_PAUSE_AFTER_VOWEL = 0.14


@dataclass(frozen=True)
class Script:
    """The segments of one block: `starts` [N] and `ends` [N] in seconds, `index` [N], `emphasis` [N]."""

    starts: Curve
    ends: Curve
    index: npt.NDArray[np.int64]
    emphasis: Curve
    """Scales mouth opening and loudness of a segment alike, 0.8..1."""

    def phoneme_at(self, t: Curve) -> npt.NDArray[np.int64]:
        """Index of the segment's phoneme at each time of `t` [T] (seconds from the start of the block)."""
        result: npt.NDArray[np.int64] = self.index[self._segment_at(t)]
        return result

    def sample(self, name: str, t: Curve, *, emphasised: bool = False) -> Curve:
        """The property `name` of `Phoneme` at each time of `t`, with smooth transitions.

        A transition is centred on its boundary and shorter than any segment, so that only the two
        segments at the nearest boundary matter.
        """
        table = np.array([getattr(phoneme, name) for phoneme in PHONEMES], dtype=np.float64)
        values = table[self.index] * (self.emphasis if emphasised else 1.0)
        return self._blend(values, t)

    def sample_noise(self, phoneme: int, t: Curve) -> Curve:
        """Noise amplitude of one phoneme at each time of `t`; zero while another one is spoken."""
        values = np.where(self.index == phoneme, PHONEMES[phoneme].noise, 0.0) * self.emphasis
        return self._blend(values, t)

    def _blend(self, values: Curve, t: Curve) -> Curve:
        here = self._segment_at(t)
        late = t > 0.5 * (self.starts[here] + self.ends[here])
        before = np.where(late, here, here - 1)
        left, right = np.clip(before, 0, None), np.clip(before + 1, None, len(values) - 1)
        phase = np.clip((t - self.ends[left]) / TRANSITION_S + 0.5, 0.0, 1.0)
        weight = 0.5 - 0.5 * np.cos(np.pi * phase)
        blended: Curve = values[left] + (values[right] - values[left]) * weight
        return blended

    def _segment_at(self, t: Curve) -> npt.NDArray[np.int64]:
        return np.clip(np.searchsorted(self.ends, t, side="right"), 0, len(self.ends) - 1)


def draw_script(random: np.random.RandomState) -> Script:
    """The script of one block: silence, syllables with a few pauses, silence; 5 s in all."""
    total_ms = round(BLOCK_SECONDS * 1000)
    names, lengths_ms = ["silence"], [int(random.randint(SHORTEST_MS, LONGEST_MS + 1))]
    while total_ms - sum(lengths_ms) > 2 * LONGEST_MS:
        names.append(_next_name(random, names[-1]))
        lengths_ms.append(int(random.randint(SHORTEST_MS, LONGEST_MS + 1)))
    # What is left is 251..500 ms: two halves are of legal length.
    left_ms = total_ms - sum(lengths_ms)
    names += [str(pick(random, _CONSONANTS if names[-1] in _VOWELS else _VOWELS)), "silence"]
    lengths_ms += [left_ms // 2, left_ms - left_ms // 2]
    ends = np.cumsum(np.array(lengths_ms)) / 1000.0
    return Script(
        starts=np.concatenate([[0.0], ends[:-1]]),
        ends=ends,
        index=np.array([_INDEX[name] for name in names], dtype=np.int64),
        emphasis=random.uniform(0.8, 1.0, len(names)),
    )


def _next_name(random: np.random.RandomState, previous: str) -> str:
    """What may follow `previous`: a vowel after a consonant; a consonant or a pause after a vowel."""
    if previous in _CONSONANTS or (previous == "silence" and random.uniform() < 0.4):
        return str(pick(random, _VOWELS))
    if previous in _VOWELS and random.uniform() < _PAUSE_AFTER_VOWEL:
        return "silence"
    return str(pick(random, _CONSONANTS))
