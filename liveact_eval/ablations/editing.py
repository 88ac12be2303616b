"""Ablation of prompt edits in the middle: the face changes, mouth and identity hold (SoulX-LiveAct, Figure 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liveact_eval.ablations.bench import Bench
from liveact_eval.ablations.expression_reader import (
    LEAST_R2,
    RECIPE,
    TARGETS,
    drawn_targets,
    fit_reader,
)
from liveact_eval.ablations.study import Finding, Measure, Request, Setup, Unit, Variant
from liveact_eval.ablations.video_study import MEASURES, VideoStudy
from liveact_eval.clips.video import Frame, VideoFile
from liveact_eval.datasets.talkers.spec import ACTIONS, EMOTIONS, TalkerSpec
from liveact_eval.liveact.config import named_config
from liveact_eval.liveact.prompts import Edit
from liveact_eval.liveact.request import block_count
from liveact_eval.metrics.base import Missing

if TYPE_CHECKING:
    from liveact_eval.ablations.bench import MadeVideo

NONE = "none"
_EDITS: tuple[tuple[str, str, Literal["<", ">"]], ...] = (
    ("happy", "smile", ">"),
    ("sad", "smile", "<"),
    ("sad", "brow_slant", ">"),
    ("angry", "brow_slant", "<"),
    ("surprised", "brow_raise", ">"),
    ("wave", "hand", ">"),
)
"""What each edit must move, and which way, as in drawn clips."""
_NAMES = tuple(dict.fromkeys(name for name, _, _ in _EDITS))
_TITLES = dict(zip(TARGETS, ("Mouth corners", "Brows raised", "Brows slanted", "Hand"), strict=True))
_FIGURE_7 = "SoulX-LiveAct, Figure 7 and section 3.3"
_LOSS = -0.05
_HELD = (
    (
        "mouth_correlation",
        "The mouth follows the sound through the edit to {name!r} (no more than 0.05 worse).",
    ),
    ("identity", "The speaker stays the same through the edit to {name!r} (CSIM no more than 0.05 lower)."),
)
_DRAWN_BLOCK = range(125)
"""Frames of a block of drawn clips, 5 s: what an action does repeats from block to block."""


class Parts(NamedTuple):
    """Frames of a video before the edit and while it holds."""

    before: range
    during: range


class EditingStudy(VideoStudy):
    """Emotions and an action asked for by an edit of the prompt."""

    name = "editing"
    title = "Prompt edits in the middle"
    summary = (
        "The middle third of each video has another emotion or action in its prompt. What changes is read from mouth "
        "corners, brows and hand, and compared with how much drawn clips of that speaker change."
    )
    source = _FIGURE_7
    changes = f"edits of the middle third, {RECIPE}"
    measures = (
        *(Measure(name=f"{name}_change", title=title, digits=2) for name, title in _TITLES.items()),
        Measure(name="reader_r2", title="Reader's R²", direction="up", digits=2),
        *(MEASURES[name] for name in ("mouth_correlation", "identity", "colour_drift", "background_change")),
    )
    findings = (
        *(
            Finding(
                says=f"An edit of the prompt to {name!r} moves {_TITLES[target].lower()} as it must.",
                source=_FIGURE_7,
                measure=f"{target}_change",
                variant=name,
                other=NONE,
                relation=relation,
            )
            for name, target, relation in _EDITS
        ),
        *(
            Finding(
                says=says.format(name=name),
                source=_FIGURE_7,
                measure=measure,
                variant=name,
                other=NONE,
                relation=">",
                bound=_LOSS,
            )
            for measure, says in _HELD
            for name in _NAMES
        ),
    )
    notes = (
        "Change: mean over the blocks of the edit but their first, less the mean over the blocks before it.",
        "A video may change by itself: an edit counts by its difference from the same clip and seed without one. In "
        "drawn clips mouth corners move by 0.8 (happy) and -0.7 (sad), slanted brows by 0.9 (sad) and -0.9 (angry), "
        "raised brows by 1.1 (surprised), and a hand is up 0.7 of the time (wave).",
        "Mouth, identity, colour and background are those of the whole video.",
    )
    clips = 4
    seconds = 15.0
    least_seconds = 12.0
    neutral = True

    def variants(self, request: Request) -> tuple[Variant, ...]:
        """No edit, four emotions, and a waving hand."""
        first = Variant(name=NONE, title="No edit")
        return (
            first,
            *(Variant(name=name, title=name.capitalize(), setup=Setup(edit=name)) for name in _NAMES),
        )

    def unavailable(self, request: Request) -> Mapping[str, str]:
        """Edits that the model cannot read, since it cuts prompts off before them."""
        bench = Bench(request, neutral=True)
        native = bench.card.native
        if native is None:
            raise ValueError("checked by the bench")
        text = named_config(native.config).text
        if text.tokenizer != "bytes":
            return {}
        missing = {}
        for name in _NAMES:
            first = max(_first_difference(spec, name) for spec in bench.specs.values())
            # The last place is that of the end of the prompt.
            if first >= text.length - 1:
                missing[name] = (
                    f"{bench.card.name} reads {text.length - 1} bytes of a prompt, and this edit begins at byte "
                    f"{first}: take a model that reads more"
                )
        return missing

    def edits(self, unit: Unit, bench: Bench) -> Sequence[Edit]:
        """The prompt of the middle third."""
        wanted = unit.variant.setup.edit
        if not wanted:
            return ()
        spec = edited(bench.specs[unit.clip.id], wanted)
        blocks = edited_blocks(bench.frames)
        return (Edit(blocks.start, blocks.stop - 1, spec.prompt),)

    def more(self, unit: Unit, bench: Bench, made: MadeVideo) -> Mapping[str, float | Missing]:
        """What the edit changed."""
        spec = bench.specs[unit.clip.id]
        reader = fit_reader(replace(spec, utterance=0))
        targets = reader.read(_frames(made.path))
        parts = parts_of(edited_blocks(bench.frames), [block.first_frame for block in made.blocks])
        change = targets[parts.during].mean(axis=0) - targets[parts.before].mean(axis=0)
        values: dict[str, float | Missing] = {"reader_r2": float(reader.r2.min())}
        readable = reader.r2 >= LEAST_R2
        for index, name in enumerate(TARGETS):
            weak = Missing("unreadable", f"R² of {name} on drawn frames is {reader.r2[index]:.2f}")
            values[f"{name}_change"] = float(change[index]) if readable[index] else weak
        return values


def edited(spec: TalkerSpec, wanted: str) -> TalkerSpec:
    """The same clip with an emotion or an action of that name.

    Raises:
        ValueError: there is none.
    """
    for emotion in EMOTIONS:
        if emotion == wanted:
            return replace(spec, emotion=emotion)
    for action in ACTIONS:
        if action == wanted:
            return replace(spec, action=action)
    raise ValueError(f"{wanted!r} is no emotion and no action")


def edited_blocks(frames: int) -> range:
    """Blocks of the middle third of a video of so many frames."""
    blocks = block_count(frames)
    return range(blocks // 3, 2 * blocks // 3)


def parts_of(blocks: range, first_frames: Sequence[int]) -> Parts:
    """Frames before and during an edit; its first block is the transition, and the very first one is the portrait's.

    Args:
        blocks: of the edit, at least two, behind the second block.
        first_frames: of all blocks.
    """
    before = range(first_frames[1], first_frames[blocks.start])
    return Parts(before, range(first_frames[blocks.start + 1], first_frames[blocks.stop]))


def drawn_change(spec: TalkerSpec, wanted: str) -> NDArray[np.float64]:
    """How far the targets [4] of a drawn clip are from those of the same clip with another emotion or action."""
    whole = replace(spec, seconds=5.0)
    there = drawn_targets(edited(whole, wanted), _DRAWN_BLOCK)
    return np.asarray((there - drawn_targets(whole, _DRAWN_BLOCK)).mean(axis=0))


def _first_difference(spec: TalkerSpec, wanted: str) -> int:
    """The byte from which on the prompt of an edit is another."""
    pairs = zip(spec.prompt.encode(), edited(spec, wanted).prompt.encode(), strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), len(spec.prompt.encode()))


def _frames(video: Path) -> NDArray[np.uint8]:
    with VideoFile(video) as opened:
        return np.stack([item.rgb for item in opened.read(sound=False) if isinstance(item, Frame)])
