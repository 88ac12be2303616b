"""Human Fidelity of VBench-2.0 from its three dimensions, Human Clothes, and the other groups of that table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from liveact_eval.metrics.base import Missing

RECIPE = "vbench2-human_fidelity-x100@1"
CLOTHES_RECIPE = "vbench2-human_clothes-64frames-384bilinear@1"
CLOTHES_FRAMES = 64
"""Frames shown to the question-answering model, evenly over the video."""
CLOTHES_QUESTIONS = (
    "Is there only one person in the video throughout?",
    "Is the person in the video the same throughout?",
    "Does the clothes of the person in the video (color, texture) remain consistent throughout?",
)
"""The official wording, which the answers depend on."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "human_fidelity": ("Human Anatomy", "Human Clothes", "Human Identity"),
    "creativity": ("Diversity", "Composition"),
    "commonsense": ("Motion Rationality", "Instance Preservation"),
    "controllability": (
        "Dynamic Spatial Relationship",
        "Dynamic Attribute",
        "Motion Order Understanding",
        "Human Interaction",
        "Complex Landscape",
        "Complex Plot",
        "Camera Motion",
    ),
    "physics": ("Mechanics", "Thermotics", "Material", "Multi-View Consistency"),
}
"""Dimensions of each group; a group's score is their plain mean, without normalisation."""


@dataclass(frozen=True, kw_only=True)
class SetScore:
    """A dimension over a set of videos, with what became of the videos."""

    value: float | Missing
    """Mean over the valid videos."""
    valid: int
    """Videos in the mean."""
    videos: int
    """All videos."""
    reasons: Mapping[str, int]
    """Invalid videos by reason."""


def set_score(values: Sequence[float | Missing]) -> SetScore:
    """Mean over valid videos; the invalid ones are counted by reason, never averaged in."""
    good = [value for value in values if not isinstance(value, Missing)]
    reasons = Counter(value.reason for value in values if isinstance(value, Missing))
    why = ", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items()))
    return SetScore(
        value=float(np.mean(good)) if good else Missing("no_valid_video", why or "no video"),
        valid=len(good),
        videos=len(values),
        reasons=dict(reasons),
    )


def clothes_value(one_person: bool, same_person: bool, same_clothes: bool) -> float | Missing:
    """Human Clothes of one video from its answers: 1 or 0; invalid where more than one person appears."""
    if not one_person:
        return Missing("several_people", "the model saw more than one person in the video")
    return float(same_person and same_clothes)


def clothes_prompt(question: str, shown: Sequence[int], frames: int, fps: float) -> str:
    """What the model is asked: the official sentence about time, and the question.

    Args:
        question: one of the three.
        shown: indices of the frames that it is shown.
        frames: frames of the video.
        fps: their rate.
    """
    at = ",".join(f"{n / fps:.2f}s" for n in shown)
    return (
        f"The video lasts for {frames / fps:.2f} seconds, and {len(shown)} frames are uniformly sampled from it. These "
        f"frames are located at {at}. Return yes or no only for the following question.\n{question}"
    )


def is_yes(answer: str) -> bool:
    """Whether a free-text answer counts as yes: it holds the word anywhere, in any case, as in the original."""
    return "yes" in answer.lower()


def clothes_frames(frames: int) -> list[int]:
    """Which frames the model is shown: 64 evenly from first to last, truncated to whole frames."""
    if frames < 1:
        raise ValueError(f"a video of {frames} frames has nothing to show")
    return [int(i) for i in np.linspace(0, frames - 1, CLOTHES_FRAMES, dtype=int)]


def group_score(group: str, dimensions: Mapping[str, float | Missing]) -> float | Missing:
    """Mean of the dimensions of a group, in the unit of the dimensions; missing where one of them is missing.

    Raises:
        KeyError: there is no such group.
    """
    values = [dimensions.get(name, Missing("not_measured")) for name in GROUPS[group]]
    good = [value for value in values if not isinstance(value, Missing)]
    if len(good) < len(values):
        lacking = [
            name for name, value in zip(GROUPS[group], values, strict=True) if isinstance(value, Missing)
        ]
        return Missing("dimension_missing", f"{group} needs {', '.join(lacking)} too")
    return sum(good) / len(good)
