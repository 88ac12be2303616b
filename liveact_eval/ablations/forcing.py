"""Ablation of forcing strategies: zero-shot, and trained (SoulX-LiveAct, Figure 1 and Table 4)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from liveact_eval.ablations.bench import Bench
from liveact_eval.ablations.study import Finding, Measure, Request, Setup, Unit, Variant
from liveact_eval.ablations.video_study import CURVES, MEASURES, VideoStudy
from liveact_eval.ablations.weight_files import recipe_in, training_of
from liveact_eval.errors import UserError
from liveact_eval.metrics.base import Missing
from liveact_eval.rollouts.named import ROLLOUTS

_FIGURE_1, _TABLE_4 = "SoulX-LiveAct, Figure 1", "SoulX-LiveAct, Table 4"
_BASE = "mini-bidirectional"
_STEADY: tuple[tuple[str, Literal["<", ">"]], ...] = (("background_change", "<"), ("colour_drift", "<"))


class _Trained(NamedTuple):
    """A row: which weights run under which rollout."""

    name: str
    recipe: str
    """Recipe that trained the weights."""
    rollout: str


_ROWS = (
    *(_Trained(f"zero-shot-{rollout}", _BASE, rollout) for rollout in ROLLOUTS),
    *(_Trained(rollout, f"mini-{rollout}", rollout) for rollout in ROLLOUTS),
)

RECIPES = frozenset(row.recipe for row in _ROWS)
"""Recipes that there is a row for."""


class ForcingStudy(VideoStudy):
    """Forcing strategies, each with the weights of its own training and with those of none."""

    name = "forcing"
    title = "Forcing strategies"
    summary = (
        "Rollouts over a model that was trained on whole clips (zero-shot), and over models that were trained for each "
        "of them with the same data, batch and steps. Give the kits with --kit."
    )
    source = f"{_FIGURE_1}, {_TABLE_4}"
    measures = (
        Measure(name="training_steps", title="Training steps", direction="down", digits=0),
        *(
            MEASURES[name]
            for name in (
                "mouth_correlation",
                "identity",
                "identity_last",
                "colour_drift",
                "background_change",
                "sharpness",
                "cost_ms",
                "kv_mib",
            )
        ),
    )
    curves = tuple(CURVES[name] for name in ("identity", "colour_drift", "background_change", "sharpness"))
    findings = (
        *(
            Finding(
                says=f"Zero-shot, Neighbor Forcing keeps the picture steadier than {ROLLOUTS[other].title}.",
                source=_FIGURE_1,
                measure=measure,
                variant="zero-shot-neighbor",
                other=f"zero-shot-{other}",
                relation=relation,
            )
            for other in ("diffusion", "self")
            for measure, relation in _STEADY
        ),
        Finding(
            says="Neighbor Forcing needs fewer steps of training than Self Forcing (300 against 1000 of distillation).",
            source=_TABLE_4,
            measure="training_steps",
            variant="neighbor",
            other="self",
            relation="<",
        ),
        Finding(
            says="Trained alike, the mouth follows the sound at least as well as with Self Forcing (within 0.02).",
            source=_TABLE_4,
            measure="mouth_correlation",
            variant="neighbor",
            other="self",
            relation=">",
            bound=-0.02,
        ),
    )
    notes = (
        "Training steps are those of the recipe that made the weights; initialisation that came before is not counted.",
    )
    clips = 8
    seconds = 12.0
    least_seconds = 6.0

    def variants(self, request: Request) -> tuple[Variant, ...]:
        """Two per rollout: zero-shot, and trained for it."""
        kits = kits_by_recipe(request, RECIPES)
        return tuple(
            Variant(
                name=row.name,
                title=("Zero-shot: " if row.recipe == _BASE else "") + ROLLOUTS[row.rollout].title,
                setup=Setup(rollout=row.rollout, weights=kits.get(row.recipe)),
            )
            for row in _ROWS
        )

    def unavailable(self, request: Request) -> Mapping[str, str]:
        """Rows whose kit is not given, with the command that makes it."""
        kits = kits_by_recipe(request, RECIPES)
        missing = {row.name: no_kit(row.recipe) for row in _ROWS if row.recipe not in kits}
        bench = Bench(request)
        for variant in self.variants(request):
            if variant.name not in missing:
                try:
                    bench.recipe(variant.setup)
                except UserError as error:
                    missing[variant.name] = str(error)
        return missing

    def identity(self, bench: Bench, variant: Variant) -> str:
        """Weights and readers, and what the kit says about its training; see `Study.identity`."""
        steps = _training_steps(variant)
        said = steps.reason if isinstance(steps, Missing) else steps
        return json.dumps([super().identity(bench, variant), said])

    def more(self, unit: Unit, bench: Bench, made: object) -> Mapping[str, float | Missing]:
        """Updates of the training."""
        return {"training_steps": _training_steps(unit.variant)}


def no_kit(recipe: str) -> str:
    """Why a row is missing whose kit is not given, with the command that makes it."""
    return (
        f"no kit of {recipe} is given. Train one: liveact-eval train {recipe} --kit runs/{recipe} (with the files of "
        f"mini-vae and mini-speech in its weights folder), and give --kit runs/{recipe}"
    )


def kits_by_recipe(request: Request, known: Collection[str]) -> dict[str, Path]:
    """Folders of weight files by the recipe that trained their transformer.

    A kit given with a name is that recipe's; of another one its file says which recipe made it.

    Args:
        request: has the kits.
        known: recipes that there is a row for.

    Raises:
        UserError: a kit is not there, does not say what made it, or two are of one recipe.
    """
    found: dict[str, Path] = {}
    for name, folder in request.kits:
        weights = folder / "weights" if (folder / "weights").is_dir() else folder
        recipe = name or recipe_in(weights / "dit.safetensors")
        if recipe not in known and f"mini-{recipe}" in known:
            recipe = f"mini-{recipe}"
        if recipe not in known:
            raise UserError(
                f"--kit {str(folder)!r}: its transformer was trained by {recipe or 'an unknown recipe'!r}; expected "
                f"one of {', '.join(sorted(known))}. Say which with --kit RECIPE=DIR"
            )
        if recipe in found:
            raise UserError(f"--kit: {recipe} is given twice, {str(found[recipe])!r} and {str(weights)!r}")
        found[recipe] = weights
    return found


def _training_steps(variant: Variant) -> float | Missing:
    if variant.setup.weights is None:
        return Missing("no_kit", "no kit is given")
    return training_of(variant.setup.weights)
