"""Reads mouth corners, brows and a raised hand from frames of one speaker, having seen that speaker drawn.

Ridge regression from small pictures to the state that they were drawn from. It is fitted for each speaker on drawn
clips with all emotions and with a waving hand, and checked on others: what it cannot read there is not read at all.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liveact_eval.ablations.drawn_state import drawn_state
from liveact_eval.datasets.talkers.spec import EMOTIONS, Action, TalkerSpec
from liveact_eval.datasets.talkers.stream import render_window

TARGETS = ("smile", "brow_raise", "brow_slant", "hand")
"""What is read; units of `Expression`, and 0 to 1 for the hand."""
RECIPE = "ridge-per-speaker-32px@1"
LEAST_R2 = 0.5
"""Share of variance on drawn frames that were not fitted, below which a target counts as unreadable."""
_SIDE = 32
_SHRINK = 1e-2
_FIRST_UTTERANCE = 1000
"""Utterances to fit and to check on lie far from those of datasets."""
_CHECKED = 2
"""Utterances that are not fitted."""
_PLACES, _STRIDE = (5, 45, 80), 13
"""First frames that are drawn of an utterance, and by how much the next utterance's lie elsewhere: a hand swings by the
clock, and would else be seen in a few places only."""
_ACTIONS: tuple[Action, ...] = ("none", "wave")


@dataclass(frozen=True)
class ExpressionReader:
    """The regression of one speaker."""

    mean: NDArray[np.float64]
    """[pixels] of the pictures that it was fitted on."""
    weights: NDArray[np.float64]
    """[pixels, targets]."""
    offset: NDArray[np.float64]
    """[targets]."""
    r2: NDArray[np.float64]
    """[targets] share of variance on drawn frames that were not fitted."""

    def read(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Targets [T, 4] of frames [T, H, W, 3] of this speaker."""
        return (_small(frames) - self.mean) @ self.weights + self.offset


@functools.lru_cache(maxsize=16)
def fit_reader(speaker: TalkerSpec, utterances: int = 14) -> ExpressionReader:
    """The reader of a speaker. Drawing takes seconds, so the last ones are kept.

    Args:
        speaker: any clip of the speaker; its size is that of the pictures that are drawn.
        utterances: how many are fitted, of 60 frames each.
    """
    numbers = range(_FIRST_UTTERANCE, _FIRST_UTTERANCE + utterances)
    x, y = _drawn(speaker, numbers)
    mean, offset = x.mean(axis=0), y.mean(axis=0)
    # In the dual: there are fewer pictures than pixels.
    products = (x - mean) @ (x - mean).T
    shrink = _SHRINK * np.trace(products) / len(products)
    dual = np.linalg.solve(products + shrink * np.eye(len(products)), y - offset)
    weights = (x - mean).T @ dual
    pictures, state = _drawn(speaker, range(numbers.stop, numbers.stop + _CHECKED))
    error = ((pictures - mean) @ weights + offset - state).var(axis=0)
    return ExpressionReader(mean, weights, offset, 1 - error / state.var(axis=0))


def drawn_targets(spec: TalkerSpec, window: range) -> NDArray[np.float64]:
    """Targets [T, 4] that drawn frames have; see `drawn_state`."""
    state = drawn_state(spec, window)
    return np.stack([state[name] for name in TARGETS], axis=1)


def _drawn(speaker: TalkerSpec, utterances: range) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pictures and targets of utterances with every face, with and without a hand."""
    pictures: list[NDArray[np.float64]] = []
    states: list[NDArray[np.float64]] = []
    for utterance in utterances:
        for emotion in EMOTIONS:
            for action in _ACTIONS:
                spec = replace(speaker, utterance=utterance, emotion=emotion, action=action, seconds=5.0)
                for window in _windows(utterance):
                    pictures.append(_small(render_window(spec, window, sound=False).frames))
                    states.append(drawn_targets(spec, window))
    return np.concatenate(pictures), np.concatenate(states)


def _windows(utterance: int) -> list[range]:
    """Two frames each: neighbours say the same, so there are few of many utterances."""
    shift = utterance * _STRIDE % (_PLACES[1] - _PLACES[0])
    return [range(place + shift, place + shift + 2) for place in _PLACES]


def _small(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Frames [T, H, W, 3] as rows [T, pixels] of means over squares, 0 to 1."""
    import torch

    levels = torch.from_numpy(frames.copy()).permute(0, 3, 1, 2).float() / 255
    small = torch.nn.functional.adaptive_avg_pool2d(levels, _SIDE).flatten(1)
    return np.asarray(small.double().numpy())
