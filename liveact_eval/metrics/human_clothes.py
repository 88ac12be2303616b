"""Human Clothes as VBench-2.0 defines it: whether a model that watches sees one person in the same clothes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._human_fidelity import (
    CLOTHES_QUESTIONS,
    CLOTHES_RECIPE,
    clothes_prompt,
    clothes_value,
    is_yes,
)
from liveact_eval.metrics._human_frames import EvenFrames, given_frames
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register
from liveact_eval.networks.answering import AnswerError

if TYPE_CHECKING:
    from torch import Tensor

_SIDE = 384


@register
class HumanClothes(Metric):
    """1 where the model says yes to the same person and to the same clothes, else 0; mean over clips."""

    name = "human_clothes"
    outputs = (
        Output(
            name="human_clothes", title="Human clothes", direction="up", digits=4, best=1.0, range=(0.0, 1.0)
        ),
    )
    needs = {"frames": FrameNeed(size=(_SIDE, _SIDE), at_once=8)}
    answers = True
    by_name_only = True
    recipe = CLOTHES_RECIPE
    summary = (
        "Share of videos of which a model that watches them (VBench-2.0: LLaVA-Video-7B-Qwen2) says that the person "
        "and the clothes stay the same. Invalid where it sees several people. Papers print it times 100. The model "
        "runs in an environment of its own: see docs/human-fidelity.md. Only by name."
    )
    source = "VBench-2.0, vbench2/human_clothes.py (Vchitect/VBench@ca8f53e)"

    def features(self, need: str, batch: Batch) -> Tensor:
        """Frames as they are, (N, 384 * 384 * 3) bytes."""
        return batch.windows.flatten(1)

    def collector(self, need: str) -> EvenFrames:
        """64 frames of the whole video."""
        return EvenFrames()

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """1 or 0 by the model's answers."""
        return ClipScore(values={self.name: self._value(rows["frames"], clip)})

    def _value(self, table: Rows, clip: ClipContext) -> float | Missing:
        if not len(table):
            return Missing("no_frames")
        if clip.answerer is None:
            raise ValueError("a metric that asks questions comes with somebody to answer them")
        prompts = [
            clothes_prompt(text, given_frames(clip.frames), clip.frames, clip.fps)
            for text in CLOTHES_QUESTIONS
        ]
        frames = np.ascontiguousarray(table.reshape(-1, _SIDE, _SIDE, 3).astype(np.uint8))
        try:
            said = [is_yes(answer) for answer in clip.answerer.answers(frames, prompts)]
        except AnswerError as error:
            return Missing("no_answer", str(error), again=True)
        return clothes_value(*said)
