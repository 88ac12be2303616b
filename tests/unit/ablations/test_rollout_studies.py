"""Studies of published strategies: their rows can run, and their findings are what the papers print."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from liveact_eval.ablations.avatar_grid import AvatarGridStudy
from liveact_eval.ablations.avatar_modules import AvatarModuleStudy
from liveact_eval.ablations.bench import Bench
from liveact_eval.ablations.knot import KnotStudy
from liveact_eval.ablations.rollout_study import OWN_MEASURES, RolloutStudy
from liveact_eval.ablations.seams import ratio_at
from liveact_eval.ablations.strategies import TRAINED, StrategyStudy
from liveact_eval.ablations.study import Request, Setup, Unit, Variant
from liveact_eval.ablations.video_study import MEASURES
from liveact_eval.cards.paper import load_table
from liveact_eval.datasets.open import CACHE_VARIABLE
from liveact_eval.metrics.base import Missing
from liveact_eval.rollouts.published import rollout_names
from liveact_eval.training.recipe import shipped_recipes
from tests.unit.ablations.stand_in_study import request
from tests.unit.ablations.test_forcing_kits import asked, kit

PAPER = Path(__file__).parents[3] / "reports" / "paper"
STUDIES = (AvatarGridStudy, AvatarModuleStudy, KnotStudy, StrategyStudy)
PRINTED = {
    ("identity", "AvatarForcing, Table 3"): ("avatarforcing-table3", "CSIM", None),
    ("dit_ms", "AvatarForcing, Table 3"): ("avatarforcing-table3", "Latency", None),
    ("identity_last", "AvatarForcing, Table 4 (right)"): ("avatarforcing-table4-right", "CSIM", "last"),
    ("colour_drift_last", "AvatarForcing, Table 4 (right)"): (
        "avatarforcing-table4-right",
        "Delta-E 2000",
        "last",
    ),
    ("sync_c", "AvatarForcing, Table 5"): ("avatarforcing-table5", "Sync-C", None),
    ("identity", "AvatarForcing, Table 5"): ("avatarforcing-table5", "CSIM", "total"),
    ("colour_drift_last", "AvatarForcing, Table 5"): ("avatarforcing-table5", "Delta-E 2000", "last"),
    ("identity", "AvatarForcing, Table 6"): ("avatarforcing-table6", "CSIM", "total"),
    ("colour_drift", "AvatarForcing, Table 6"): ("avatarforcing-table6", "Delta-E 2000", "total"),
    ("background_change", "Knot Forcing, Table 1"): (
        "knotforcing-table1",
        "VBench Background Consistency",
        None,
    ),
    ("dit_ms", "Knot Forcing, Table 1"): ("knotforcing-table1", "Throughput", None),
}
"""Column of a paper's table by measure and source."""
ROWS = {
    "full": "Full",
    "no-style-anchor": "w/o style anchor",
    "no-temporal-anchor": "w/o temporal anchor",
    "anchor-hears": "w/o anchor-audio zero padding",
    "no-reindex": "w/o RoPE re-indexing",
    "avatar-forcing": "AvatarForcing (Ours)",
    "self-forcing-1-step": "Self-Forcing (1-step)",
    "self-forcing": "Self Forcing",
    "longlive": "LongLive",
    "rolling-forcing": "Rolling Forcing",
    "knot-forcing": "Knot Forcing (Ours)",
}
"""Row of the papers' tables by variant."""


@pytest.mark.parametrize("kind", STUDIES)
def test_every_row_is_a_rollout_that_can_be_made(kind: type[RolloutStudy], tmp_path: Path) -> None:
    asked_for = replace(request(tmp_path / "out"), model="liveact-tiny")
    bench, rows = Bench(asked_for), kind().variants(asked_for)
    assert len({row.name for row in rows}) == len(rows)
    made = {
        row.name: bench.recipe(row.setup) for row in rows if row.name not in kind().unavailable(asked_for)
    }
    distinct = {(recipe.rollout, recipe.rollout_options) for recipe in made.values()}
    assert len(distinct) == len(made)
    assert len({bench.models(row.setup).dit for row in rows if row.name in made}) == 1


def test_the_grid_is_that_of_the_table(tmp_path: Path) -> None:
    table = load_table(PAPER, "avatarforcing-table3")
    printed = {row.model.replace("=", "").replace(",", "-") for row in table.rows}
    assert {row.name for row in AvatarGridStudy().variants(request(tmp_path))} == printed
    bench = Bench(request(tmp_path))
    for row in AvatarGridStudy().variants(request(tmp_path)):
        window, passes = (int(part[1:]) for part in row.name.split("-"))
        recipe = bench.recipe(row.setup)
        assert recipe.steps == passes and recipe.strategy is not None
        assert len(recipe.strategy.levels(20)[0].frames) == 4 * window


@pytest.mark.parametrize("kind", STUDIES)
def test_findings_are_what_the_papers_print(kind: type[RolloutStudy]) -> None:
    for finding in kind.findings:
        if (finding.measure, finding.source) not in PRINTED:
            # Of pictures, and of arithmetic.
            assert kind is KnotStudy
            continue
        table, column, part = PRINTED[finding.measure, finding.source]
        values = {}
        for row in load_table(PAPER, table).rows:
            value = row.values[column]
            if part is not None:
                assert not isinstance(value, int | float | bool) and value is not None
                value = getattr(value, part)
            assert isinstance(value, int | float)
            values[row.model.replace("=", "").replace(",", "-")] = value
        assert finding.other is not None
        ours, theirs = (values[ROWS.get(name, name)] for name in (finding.variant, finding.other))
        if column in ("Throughput", "VBench Background Consistency"):
            # Higher is better there; a cost and a change are lower.
            ours, theirs = -ours, -theirs
        # Frames per second are turned round: less time is a smaller negative.
        plain = finding.form == "difference" or column == "Throughput"
        found = ours - theirs if plain else ours / theirs
        bound = 0.0 if column == "Throughput" else finding.bound
        assert found < bound if finding.relation == "<" else found > bound, finding.says


def test_trained_rows_have_recipes_and_take_their_kits(tmp_path: Path) -> None:
    assert set(TRAINED.values()) <= set(shipped_recipes()) and set(TRAINED) <= set(rollout_names())
    asked_for = asked(tmp_path, ("", kit(tmp_path / "kit", "mini-rolling-forcing")))
    study = StrategyStudy()
    rows = {row.name: row.setup for row in study.variants(asked_for)}
    assert rows["trained-rolling-forcing"].weights == tmp_path / "kit" / "weights"
    assert rows["rolling-forcing"].weights is None
    lacking = study.unavailable(asked_for)
    assert set(lacking) == {f"trained-{name}" for name in TRAINED} - {"trained-rolling-forcing"}
    assert "liveact-eval train mini-knot-forcing --kit" in lacking["trained-knot-forcing"]


def test_a_seam_is_compared_with_other_boundaries_of_latent_frames() -> None:
    # Boundaries of latent frames are 1, 5, 9, ...: twice the change at seams, noise elsewhere.
    changes = [9.0] * 41
    starts = [0, 9, 21, 33]
    for frame in range(1, 41, 4):
        changes[frame] = 4.0 if frame in starts else 2.0
    assert ratio_at(changes, starts) == 2.0
    few = ratio_at(changes[:16], starts)
    assert isinstance(few, Missing) and few.reason == "too_few_seams"
    still = ratio_at([0.0] * 41, starts)
    assert isinstance(still, Missing) and still.reason == "no_motion"


class Everything(RolloutStudy):
    """One strategy, read in every way."""

    name = "all-of-it"
    title = summary = source = "this test"
    measures = (*MEASURES.values(), *OWN_MEASURES.values())

    def variants(self, request: Request) -> tuple[Variant, ...]:
        options = (("passes", 1), ("window", 2))
        setup = Setup(rollout="avatar-forcing", rollout_options=options)
        return (Variant(name="short", title="Short", setup=setup),)


@pytest.mark.slow
def test_a_unit_of_a_published_strategy_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    bench = Bench(replace(request(tmp_path / "out"), seconds=3.0))
    study = Everything()
    (variant,) = study.variants(bench.request)
    assert study.identity(bench, variant) != study.identity(bench, Variant(name="x", title="X"))
    values = study.read(Unit(variant=variant, clip=bench.entries[0], seed=0), bench).values
    assert set(values) == {measure.name for measure in study.measures}
    # The first block is longer than the later ones, and these are timed.
    for name in ("cost_ms", "fps", "latency_ms"):
        assert isinstance(values[name], float)
    # Blocks of four latent frames: 16 video frames, 16 of a look ahead, and what the encoder takes.
    assert values["lookahead_ms"] == 1360.0
