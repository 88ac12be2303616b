"""Composites: what they may be made of, who is measured for them, and those that are shipped."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from liveact_eval.errors import UserError
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics import _vbench_scores as scores
from liveact_eval.metrics.base import Batch, ClipContext, Output
from liveact_eval.metrics.composite import CompositeMetric, Floats
from liveact_eval.metrics.registry import networks_of, parts_of, register, select, shipped

FILE = """
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.registry import register


@register
class Both(CompositeMetric):
    name = "both"
    outputs = (Output(name="both", title="Both", direction="up"),)
    parts = {parts!r}
    recipe = "both@1"
    summary = "Both."
    source = "made up"

    def combine(self, values):
        return values.mean(axis=-1)
"""
THIRD = """
from liveact_eval.metrics.base import Output
from liveact_eval.metrics.registry import register
from liveact_eval.metrics.ssim import Ssim


@register
class Third(Ssim):
    name = "third"
    outputs = (Output(name="third", title="Third", direction="up"),)
    recipe = "third@1"
"""
SHIPPED = {name: metric for name, metric in shipped().items() if isinstance(metric, CompositeMetric)}


@pytest.fixture
def made_of(tmp_path: Path) -> Callable[..., str]:
    """Writes a composite of some parts, and gives its path."""

    def write(*parts: str) -> str:
        path = tmp_path / "both.py"
        path.write_text(FILE.format(parts=parts), encoding="utf-8")
        return str(path)

    return write


def output(name: str = "one") -> Output:
    return Output(name=name, title="One", direction="up")


def test_what_cannot_be_a_composite_is_refused_as_it_is_written() -> None:
    class Base(CompositeMetric):
        def combine(self, values: Floats) -> Floats:
            return values[..., 0]

    with pytest.raises(TypeError, match=r"composite Empty: `parts` is \(\); different names are expected"):

        class Empty(Base):
            parts = ()

    with pytest.raises(TypeError, match="composite Twice: `parts` is"):

        class Twice(Base):
            parts = ("ssim", "ssim")

    with pytest.raises(TypeError, match="composite Two: `outputs` must hold exactly one"):

        class Two(Base):
            parts = ("ssim",)
            outputs = (output("a"), output("b"))

    for fields in ({"needs": {"frames": FrameNeed()}}, {"networks": ("musiq",)}, {"truth": True}):
        with pytest.raises(TypeError, match="needs, networks and truth are those of its parts"):
            type("Needy", (Base,), {"parts": ("ssim",), **fields})
    with pytest.raises(TypeError, match="Partless has no `parts`"):

        @register
        class Partless(Base):
            name = "partless"
            outputs = (output(),)
            recipe = summary = source = "test"


def test_a_composite_is_not_measured() -> None:
    metric = SHIPPED["image_quality"]
    with pytest.raises(TypeError, match="'image_quality' is a composite: measure its parts, imaging_quality"):
        metric.features("frames", Batch(windows=torch.zeros(1, 1)))
    with pytest.raises(TypeError, match="is a composite"):
        metric.score({}, ClipContext(fps=25.0, truth=None))


def test_who_asks_for_a_composite_gets_its_parts() -> None:
    names = [metric.name for metric in select(["framewise_quality", "psnr"])]
    assert names == ["aesthetic_quality", "framewise_quality", "imaging_quality", "psnr"]
    assert [metric.name for metric in select(["framewise_quality"], with_parts=False)] == [
        "framewise_quality"
    ]
    everything = {metric.name: metric for metric in select(["all"])}
    composites = [metric for metric in everything.values() if isinstance(metric, CompositeMetric)]
    assert composites
    given = {output.name for metric in everything.values() for output in metric.outputs}
    assert {part for metric in composites for part in metric.parts} <= given


def test_a_file_can_combine_what_others_give(made_of: Callable[..., str], tmp_path: Path) -> None:
    path = made_of("adjacent_ssim", "adjacent_mae", "psnr_db")
    assert [metric.name for metric in select([path])] == ["adjacent", "both", "psnr"]
    other = tmp_path / "third.py"
    other.write_text(THIRD, encoding="utf-8")
    assert {m.name for m in select([made_of("third", "ssim"), str(other)])} == {"both", "third", "ssim"}


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("fid", "cannot be made of 'fid', which is a distance of sets: outputs are expected that clips have"),
        ("image_quality", "cannot be made of 'image_quality', which is a composite itself"),
        ("psnr_bd", "Unknown part of the composite 'both': 'psnr_bd'. Did you mean 'psnr_db'?"),
    ],
)
def test_parts_must_be_outputs_that_clips_have_values_of(
    made_of: Callable[..., str], part: str, message: str
) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        select([made_of("ssim", part)])


def test_networks_are_those_of_the_parts() -> None:
    known = shipped()
    assert networks_of(known["framewise_quality"], known) == ("clip_vitl14", "aesthetic", "musiq")
    assert networks_of(known["imaging_quality"], known) == ("musiq",)
    assert networks_of(known["psnr"], known) == ()


@pytest.mark.parametrize("metric", SHIPPED.values(), ids=lambda metric: metric.name)
def test_shipped_ones_fit_their_parts_and_keep_within_their_range(metric: CompositeMetric) -> None:
    known = shipped()
    assert [part.name for part in parts_of(metric, known)] == list(metric.parts)
    told = metric.describe()
    assert told["parts"] == list(metric.parts)
    assert "needs" not in told, "it would say that nothing is needed"
    (own,) = metric.outputs
    assert own.name == metric.name and "x100" in own.title and "x100" in metric.recipe
    assert "times 100" in metric.summary and own.range is not None
    values = np.random.RandomState(0).uniform(size=(5, 3, len(metric.parts)))
    values[0, 0], values[0, 1] = 0, 1
    made = metric.combine(values)
    assert made.shape == (5, 3)
    assert [own.range[0] <= made[0, 0], made[0, 1] <= own.range[1]] == [True, True]  # type: ignore[operator]
    np.testing.assert_allclose(made[3, 2], metric.combine(values[3, 2]))


def test_the_quality_score_is_that_of_the_leaderboard() -> None:
    for values in np.random.RandomState(1).uniform(size=(4, len(scores.QUALITY))):
        board = scores.leaderboard(dict(zip(scores.QUALITY, values.tolist(), strict=True)))
        assert board.quality is not None
        made = SHIPPED["vbench_quality"].combine(values)
        assert made == pytest.approx(100 * board.quality, abs=1e-10)


@pytest.mark.parametrize(
    ("name", "still", "moving"),
    [
        ("temporal_quality", 86.3, 97.4),
        ("temporal_quality_a4", 83.5, 97.8),
        ("temporal_quality_b5", 78.6, 98.6),
    ],
)
def test_temporal_qualities_span_the_column_of_a_paper(name: str, still: float, moving: float) -> None:
    metric = SHIPPED[name]
    typical = {
        "subject_consistency": 0.98,
        "background_consistency": 0.97,
        "temporal_flickering": 0.985,
        "motion_smoothness": 0.994,
    }
    for degree, expected in ((0.0, still), (1.0, moving)):
        values = np.array([(typical | {"dynamic_degree": degree})[part] for part in metric.parts])
        assert metric.combine(values) == pytest.approx(expected, abs=0.06)


def test_image_qualities() -> None:
    assert SHIPPED["image_quality"].combine(np.array([0.7])) == pytest.approx(70.0)
    assert SHIPPED["framewise_quality"].combine(np.array([0.6, 0.7])) == pytest.approx(65.0)


def test_the_page_shows_a_composite_that_works(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "add-a-metric.md"
    path = tmp_path / "likeness.py"
    path.write_text(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)[1], "utf-8")
    chosen = select([str(path)])
    assert [one.name for one in chosen] == ["likeness", "ssim", "temporal_flickering"]
    (likeness,) = [one for one in chosen if isinstance(one, CompositeMetric)]
    np.testing.assert_allclose(likeness.combine(np.array([[0.25, 1.0], [1.0, 1.0]])), [0.5, 1.0])
