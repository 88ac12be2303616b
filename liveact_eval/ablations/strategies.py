"""All forcing strategies over one set of weights, and each over weights of its own training."""

from __future__ import annotations

from collections.abc import Mapping

from liveact_eval.ablations.bench import Bench
from liveact_eval.ablations.forcing import kits_by_recipe, no_kit
from liveact_eval.ablations.rollout_study import QUALITY, ZERO_SHOT, RolloutStudy, columns
from liveact_eval.ablations.study import Finding, Request, Setup, Variant
from liveact_eval.errors import UserError
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.options import RolloutOptions
from liveact_eval.rollouts.published import PUBLISHED

_KNOT_1, _AVATAR_6 = "Knot Forcing, Table 1", "AvatarForcing, Table 6"
_ONE_STEP = "self-forcing-1-step"
_TITLES = {name: rollout.title for name, rollout in (ROLLOUTS | PUBLISHED).items()}
_PUBLISHED = " (published)"
TRAINED = {
    **{name: f"mini-{name}" for name in ROLLOUTS},
    "overlapping-windows": "mini-bidirectional",
    "causal-forcing": "mini-causal-forcing",
    "longlive": "mini-longlive",
    "rolling-forcing": "mini-rolling-forcing",
    "avatar-forcing": "mini-avatar-forcing",
    "knot-forcing": "mini-knot-forcing",
    "live-avatar": "mini-live-avatar",
}
"""Recipe that trains weights for a rollout, by name of the rollout."""


class StrategyStudy(RolloutStudy):
    """What a strategy does to the picture, and what it costs, with all else equal."""

    name = "strategies"
    title = "All forcing strategies"
    summary = (
        "Every rollout over the same weights (zero-shot), and over weights of its own training where a kit is given "
        "with --kit: quality, sync, drift, cost, latency and memory."
    )
    source = f"{_KNOT_1}; {_AVATAR_6}"
    measures = columns(*QUALITY, "cost_ms", "dit_ms", "lookahead_ms", "latency_ms", "kv_mib")
    findings = (
        Finding(
            says="LongLive keeps the background steadier than Self Forcing (93.42 against 89.47).",
            source=_KNOT_1,
            measure="background_change",
            variant="longlive",
            other="self-forcing",
            relation="<",
        ),
        Finding(
            says="Rolling Forcing keeps the background steadier than Self Forcing (93.01 against 89.47).",
            source=_KNOT_1,
            measure="background_change",
            variant="rolling-forcing",
            other="self-forcing",
            relation="<",
        ),
        Finding(
            says="Knot Forcing keeps the background steadier than LongLive (96.26 against 93.42).",
            source=_KNOT_1,
            measure="background_change",
            variant="knot-forcing",
            other="longlive",
            relation="<",
        ),
        Finding(
            says="LongLive makes more frames per second than Self Forcing (20.70 against 15.38).",
            source=_KNOT_1,
            measure="dit_ms",
            variant="longlive",
            other="self-forcing",
            form="ratio",
            relation="<",
            bound=1.0,
        ),
        Finding(
            says="AvatarForcing keeps colours better than Self Forcing in one step (8.71 against 27.91).",
            source=_AVATAR_6,
            measure="colour_drift",
            variant="avatar-forcing",
            other=_ONE_STEP,
            relation="<",
        ),
        Finding(
            says="AvatarForcing keeps the speaker better than Self Forcing in one step (0.90 against 0.40).",
            source=_AVATAR_6,
            measure="identity",
            variant="avatar-forcing",
            other=_ONE_STEP,
            relation=">",
        ),
    )
    notes = (
        ZERO_SHOT,
        "Strategies of many steps are guided towards the speech as published, and pay for two calls per step.",
        "Latency is the look-ahead and the time of one block; what fills a window before the first block is not in it.",
    )

    def variants(self, request: Request) -> tuple[Variant, ...]:
        """Every rollout, Self Forcing in one step, and those with weights of their own."""
        kits = kits_by_recipe(request, TRAINED.values())
        one_step: RolloutOptions = (("levels", (1000.0,)),)
        rows = [Variant(name=name, title=_title(name), setup=Setup(rollout=name)) for name in _TITLES]
        rows.append(
            Variant(
                name=_ONE_STEP,
                title="Self Forcing, 1 step",
                setup=Setup(rollout="self-forcing", rollout_options=one_step),
            )
        )
        rows += [
            Variant(
                name=f"trained-{name}",
                title=f"Trained: {_title(name)}",
                setup=Setup(rollout=name, weights=kits.get(recipe)),
            )
            for name, recipe in TRAINED.items()
        ]
        return tuple(rows)

    def unavailable(self, request: Request) -> Mapping[str, str]:
        """Trained rows whose kit is not given, or lacks files."""
        kits = kits_by_recipe(request, TRAINED.values())
        missing = {
            f"trained-{name}": no_kit(recipe) for name, recipe in TRAINED.items() if recipe not in kits
        }
        bench = Bench(request)
        for variant in self.variants(request):
            if variant.setup.weights is not None:
                try:
                    bench.recipe(variant.setup)
                except UserError as error:
                    missing[variant.name] = str(error)
        return missing


def _title(name: str) -> str:
    """Title of a rollout; those that bear the name of one over LiveAct's blocks say that they are the published."""
    own = {rollout.title for rollout in ROLLOUTS.values()}
    return _TITLES[name] + (_PUBLISHED if name in PUBLISHED and _TITLES[name] in own else "")
