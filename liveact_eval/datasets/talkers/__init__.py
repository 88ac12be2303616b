"""Talkers: drawn talking heads with synthetic speech and known ground truth, made from a seed."""

from liveact_eval.datasets.talkers.mouth import MOUTH_DARK_LUMA, MOUTH_INTERIOR_RGB
from liveact_eval.datasets.talkers.script import PHONEME_NAMES, PHONEMES, Phoneme
from liveact_eval.datasets.talkers.seeds import TALKERS_VERSION
from liveact_eval.datasets.talkers.spec import (
    ACTIONS,
    EMOTIONS,
    FPS,
    SAMPLE_RATE,
    SPLITS,
    Action,
    Emotion,
    Split,
    TalkerSpec,
    draw_specs,
)
from liveact_eval.datasets.talkers.stream import Block, Talker, reference_image, render, render_block, stream
from liveact_eval.datasets.talkers.truth import Truth

__all__ = [
    "ACTIONS",
    "EMOTIONS",
    "FPS",
    "MOUTH_DARK_LUMA",
    "MOUTH_INTERIOR_RGB",
    "PHONEMES",
    "PHONEME_NAMES",
    "SAMPLE_RATE",
    "SPLITS",
    "TALKERS_VERSION",
    "Action",
    "Block",
    "Emotion",
    "Phoneme",
    "Split",
    "Talker",
    "TalkerSpec",
    "Truth",
    "draw_specs",
    "reference_image",
    "render",
    "render_block",
    "stream",
]
