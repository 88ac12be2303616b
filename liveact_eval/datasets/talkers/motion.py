"""How a speaker moves: head, blinks, gaze, expression and action as curves over time."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from liveact_eval.datasets.talkers.script import BLOCK_SECONDS, Curve
from liveact_eval.datasets.talkers.spec import Action, Emotion

_HEAD = {  # amplitude and the frequencies (Hz) of its three waves
    "x": (0.030, (0.07, 0.16, 0.37)),
    "y": (0.014, (0.09, 0.21, 0.45)),
    "roll": (0.055, (0.06, 0.17, 0.33)),
    "yaw": (0.130, (0.08, 0.19, 0.41)),
    "pitch": (0.055, (0.07, 0.23, 0.43)),
    "gaze": (0.018, (0.11, 0.27, 0.53)),
    "mood": (0.120, (0.05, 0.13, 0.29)),
}
_CLOSE_S, _HOLD_S, _OPEN_S = 0.09, 0.05, 0.14


@dataclass(frozen=True)
class Expression:
    """Targets of an emotion; 0 is neutral."""

    smile: float = 0.0
    """Mouth corners: 1 up, -1 down."""
    brow_raise: float = 0.0
    """Both brows: 1 up, -1 down."""
    brow_slant: float = 0.0
    """Inner ends of the brows: 1 up (sad), -1 down (angry)."""
    eye_open: float = 0.0
    """Eyelids: 0.3 wide open, -0.3 narrowed."""


_EXPRESSIONS: dict[Emotion, Expression] = {
    "neutral": Expression(smile=0.12),
    "happy": Expression(smile=1.0, brow_raise=0.35, brow_slant=0.1, eye_open=-0.16),
    "sad": Expression(smile=-0.65, brow_raise=0.1, brow_slant=1.0, eye_open=-0.14),
    "angry": Expression(smile=-0.45, brow_raise=-0.6, brow_slant=-1.0, eye_open=-0.08),
    "surprised": Expression(smile=0.1, brow_raise=1.2, brow_slant=0.15, eye_open=0.26),
}


@dataclass(frozen=True)
class Motion:
    """Curves [T]. Positions in picture units, angles in radians, the rest 0..1 or as in `Expression`."""

    x: Curve
    y: Curve
    roll: Curve
    """Positive is clockwise in the picture."""
    yaw: Curve
    """Positive moves the features to the right of the picture."""
    pitch: Curve
    """Positive moves the features down."""
    blink: Curve
    """0 open, 1 closed."""
    gaze: Curve
    smile: Curve
    brow_raise: Curve
    brow_slant: Curve
    eye_open: Curve
    hand: Curve
    """0 out of the picture, 1 raised."""
    hand_swing: Curve

    def cut(self, first: int, last: int) -> Motion:
        """Frames `first` to `last`."""
        return Motion(**{field.name: getattr(self, field.name)[first:last] for field in fields(self)})


def block_motion(
    start_s: float,
    t: Curve,
    emotion: Emotion,
    action: Action,
    *,
    slow: np.random.RandomState,
    block: np.random.RandomState,
) -> Motion:
    """Motion at the times `start_s + t`.

    Args:
        start_s: Start of the block in the clip, in seconds.
        t: Times from the start of the block, 0..5 s.
        emotion: What the face expresses.
        action: What the head or the hand does.
        slow: Stream of the utterance: slow movements are functions of absolute time, so that they go on
            smoothly from block to block.
        block: Stream of the block: blinks and actions begin and end inside it.
    """
    wave = {name: _wander(slow, start_s + t, *parameters) for name, parameters in _HEAD.items()}
    # Blinks are drawn first: they are then the same for all actions.
    blink = _blinks(t, block)
    swing = _swing(t, action, block)
    target, mood = _EXPRESSIONS[emotion], 0.88 + wave["mood"]
    zero = np.zeros_like(t)
    nod, shake = (swing if action == "nod" else zero), (swing if action == "shake" else zero)
    hand = _raised(t, block) if action == "wave" else zero
    yaw = wave["yaw"] + 0.27 * shake
    return Motion(
        x=wave["x"] + 0.02 * shake,
        y=wave["y"] + 0.02 * np.maximum(nod, 0.0),
        roll=wave["roll"] + 0.02 * shake,
        yaw=yaw,
        pitch=wave["pitch"] + 0.28 * nod + (0.08 if emotion == "sad" else 0.0),
        blink=blink,
        # The eyes turn against the head, so that the speaker keeps looking at the camera.
        gaze=wave["gaze"] - 0.065 * np.sin(yaw),
        smile=target.smile * mood,
        brow_raise=target.brow_raise * mood + 0.8 * wave["mood"],
        brow_slant=target.brow_slant * mood,
        eye_open=target.eye_open * mood,
        hand=hand,
        hand_swing=0.20 * np.sin(2.0 * np.pi * 1.9 * t),
    )


def _wander(random: np.random.RandomState, t: Curve, amplitude: float, rates_hz: tuple[float, ...]) -> Curve:
    """A sum of sinusoids with random phases, within about +-`amplitude`."""
    total = np.zeros_like(t)
    for rate_hz, share in zip(rates_hz, (0.5, 0.35, 0.15), strict=True):
        rate, phase = rate_hz * random.uniform(0.8, 1.25), random.uniform(0.0, 2.0 * np.pi)
        total += amplitude * share * np.sin(2.0 * np.pi * rate * t + phase)
    return total


def _swing(t: Curve, action: Action, random: np.random.RandomState) -> Curve:
    """Two bouts of nodding or shaking per block, the first within its first second."""
    starts = (random.uniform(0.2, 0.6), random.uniform(2.7, 3.2))
    rate_hz, length_s = (1.7 if action == "nod" else 1.5), 1.7
    total = np.zeros_like(t)
    for start in starts:
        phase = np.clip((t - start) / length_s, 0.0, 1.0)
        total += np.sin(np.pi * phase) ** 2 * np.sin(2.0 * np.pi * rate_hz * (t - start))
    return total


def _raised(t: Curve, random: np.random.RandomState) -> Curve:
    """The hand comes up early in the block and is gone before its end."""
    up, down = random.uniform(0.2, 0.5), random.uniform(3.6, 4.1)
    rise, fall = np.clip((t - up) / 0.5, 0.0, 1.0), np.clip((t - down) / 0.5, 0.0, 1.0)
    return 0.5 * (np.cos(np.pi * fall) - np.cos(np.pi * rise))


def _blinks(t: Curve, random: np.random.RandomState) -> Curve:
    """One to three blinks per block, each inside its own part of it."""
    count = int(random.randint(1, 4))
    part = BLOCK_SECONDS / count
    closed = np.zeros_like(t)
    for number in range(count):
        start = number * part + random.uniform(0.1, part - 0.5)
        closing = np.clip((t - start) / _CLOSE_S, 0.0, 1.0)
        opening = np.clip((t - start - _CLOSE_S - _HOLD_S) / _OPEN_S, 0.0, 1.0)
        closed = np.maximum(closed, 0.5 * (np.cos(np.pi * opening) - np.cos(np.pi * closing)))
    return np.clip(closed, 0.0, 1.0)
