"""The state that a drawn frame was made from, beyond what its ground truth says: brows, mouth corners, hand."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from liveact_eval.datasets.talkers.geometry import MouthState
from liveact_eval.datasets.talkers.motion import Motion, block_motion
from liveact_eval.datasets.talkers.script import BLOCK_SECONDS, draw_script
from liveact_eval.datasets.talkers.seeds import random_stream
from liveact_eval.datasets.talkers.spec import FPS, TalkerSpec


def drawn_state(spec: TalkerSpec, window: range) -> dict[str, NDArray[np.float64]]:
    """Curves [T] of everything that moves in frames `window`, by name: those of `Motion` and of `MouthState`.

    It names the random streams as the drawing does; a test compares the two.

    Args:
        spec: of the clip.
        window: consecutive frames inside one block of 5 s.

    Raises:
        ValueError: the window crosses a block, or is empty.
    """
    frames = round(BLOCK_SECONDS * FPS)
    number = window.start // frames
    if not 0 <= window.start < window.stop <= (number + 1) * frames or window.step != 1:
        raise ValueError(f"frames {window}: expected some of one block of {frames} frames")
    t = (np.arange(window.start, window.stop) - number * frames + 0.5) / FPS
    utterance = (f"seed={spec.seed}", spec.split, spec.speaker, "utterance", spec.utterance)
    motion = block_motion(
        number * BLOCK_SECONDS,
        t,
        spec.emotion,
        spec.action,
        slow=random_stream(*utterance, "motion"),
        block=random_stream(*utterance, "block", number, "motion"),
    )
    mouth = MouthState.of_script(draw_script(random_stream(*utterance, "block", number, "script")), t)
    state = {field.name: getattr(motion, field.name) for field in fields(Motion)}
    state |= {f"mouth_{field.name}": getattr(mouth, field.name) for field in fields(MouthState)}
    # A hand that is out of the picture swings unseen.
    state["hand_swing"] = state["hand_swing"] * state["hand"]
    return {name: np.broadcast_to(np.asarray(value, np.float64), t.shape) for name, value in state.items()}
