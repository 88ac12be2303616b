"""What of a generator decides how its videos look, as plain values: kept with a run, and compared by the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from liveact_eval.generators.controls import ControlGenerator
from liveact_eval.generators.native import NativeGenerator
from liveact_eval.generators.protocol import Generator
from liveact_eval.rollouts.options import in_words

Setting = str | int | float | bool
Settings = Mapping[str, Setting]
WEIGHTS = "weights"
"""The setting that says which weights ran: other weights are what is judged, not another way of judging."""
_OPTIONS = ("memory", "audio_guidance", "fp8_cache", "decode", "speech", "length", "fp8_linear")
"""Options of generation that change pictures; the others change how fast they are made."""


def settings_of(generator: Generator) -> dict[str, Setting]:
    """Settings by name; empty for videos made elsewhere, of which nothing is known.

    Device and precision are left out: they are the machine's, and the same model is judged on any.
    """
    if isinstance(generator, ControlGenerator):
        return dict(generator.spec.model_dump(mode="json", exclude_defaults=True))
    if not isinstance(generator, NativeGenerator):
        return {}
    recipe = generator.recipe
    options = asdict(recipe.options)
    return {
        "config": recipe.config,
        "rollout": recipe.rollout,
        **({"rollout_options": in_words(recipe.rollout_options)} if recipe.rollout_options else {}),
        "steps": recipe.steps,
        **{name: options[name] for name in _OPTIONS},
        WEIGHTS: recipe.origin,
    }
