"""SyncNet of the mini tier learns which sound belongs to a mouth, from pictures that are not all clean."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from liveact_eval.errors import UserError
from liveact_eval.liveact.config import liveact_mini
from liveact_eval.training.kit import Kit
from liveact_eval.training.making import make_objective
from liveact_eval.training.objectives import syncnet as module
from liveact_eval.training.objectives.configs import SyncNetChoice
from liveact_eval.training.objectives.roughening import blurred, quantised, roughened
from liveact_eval.training.objectives.syncnet import SyncNetObjective
from liveact_eval.training.recipe import load_recipe

CHOICE = SyncNetChoice(kind="syncnet")
FRAMES = 40


def bars(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A clip whose dark bar is as high as its sound is loud: (40, 64, 64, 3) uint8 and (25600,) int16."""
    random = np.random.default_rng(seed)
    level = random.uniform(0, 1, FRAMES)
    pictures = np.full((FRAMES, 64, 64, 3), 180, np.uint8)
    for picture, height in zip(pictures, np.rint(20 * level).astype(int), strict=True):
        picture[42 - height // 2 : 42 + height // 2, 24:40] = 30
    wave = random.standard_normal(FRAMES * 640) * np.repeat(20 * 300**level, 640)
    return torch.from_numpy(pictures), torch.from_numpy(wave.astype(np.int16))


def batch_of(*seeds: int) -> dict[str, torch.Tensor]:
    clips = [bars(seed) for seed in seeds]
    return {"frames": torch.stack([c[0] for c in clips]), "samples": torch.stack([c[1] for c in clips])}


def test_it_learns_which_sound_is_which(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    objective = SyncNetObjective(CHOICE.model_copy(update={"move": 0, "rough_share": 0.0}), 64)
    batch = batch_of(0)
    optimiser = torch.optim.Adam(objective.module.parameters(), lr=3e-4)
    losses = []
    for step in range(35):
        made = objective.loss("syncnet", batch, torch.Generator().manual_seed(step))
        assert not any(value.requires_grad for value in made.parts.values())
        losses.append(float(made.total.detach()))
        optimiser.zero_grad()
        made.total.backward()
        optimiser.step()
    # At first every moment is as likely as any other.
    assert losses[0] == pytest.approx(math.log(FRAMES - 5), rel=0.3)
    assert np.mean(losses[-4:]) < 0.5 * losses[0]
    tests = [(pictures, module._sound(samples)) for pictures, samples in (bars(0), bars(1))]
    monkeypatch.setattr(module, "_test_clips", lambda: tests[:1])
    found = objective.validate()
    assert objective.module.training
    assert found["offset_right"] == found["shifted_offset_right"] == 1
    # Another clip's sound fits worse.
    wrong = SyncNetObjective(CHOICE, 64)
    wrong.module = objective.module
    monkeypatch.setattr(module, "_test_clips", lambda: tests)
    assert wrong.validate()["stranger_sync_c"] < 0.7 * found["sync_c"]


def test_a_step_draws_the_same_again() -> None:
    torch.manual_seed(0)
    objective, batch = SyncNetObjective(CHOICE, 64), batch_of(0)
    one, again, other = (
        float(objective.loss("syncnet", batch, torch.Generator().manual_seed(seed)).total.detach())
        for seed in (3, 3, 4)
    )
    assert one == again != other


@pytest.mark.parametrize("by", [-7, 0, 4])
def test_sound_that_comes_earlier_has_a_positive_offset(by: int) -> None:
    rows = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    assert module._shifted(rows, rows, by).offset == by


def test_the_recipe_fits_and_others_are_refused(tmp_path: Path) -> None:
    recipe = load_recipe("mini-syncnet")
    made = make_objective(recipe, liveact_mini(), Kit(tmp_path))
    assert isinstance(made, SyncNetObjective) and made.results().keys() == {"syncnet"}
    with pytest.raises(ValueError, match="samples of 20 frames; expected at least 36"):
        CHOICE.check(20)
    with pytest.raises(
        UserError, match=r"pictures of 32 pixels, SyncNet of the mini tier takes 64\. Set data\.size"
    ):
        SyncNetObjective(CHOICE, 32)


def test_blocks_are_rounded_in_frequencies() -> None:
    planes = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(0)) * 255
    torch.testing.assert_close(quantised(planes, 1e-3), planes, atol=0.01, rtol=0)
    coarse = quantised(planes, 60.0)
    assert 5 < float((coarse - planes).std()) < 80
    # Blocks do not know each other.
    changed = planes.clone()
    changed[..., :8, :8] = 0
    assert quantised(changed, 60.0)[..., 8:, :].equal(coarse[..., 8:, :])
    # A block's mean is its lowest frequency by 8.
    even = torch.full((1, 1, 8, 8), 100.0)
    torch.testing.assert_close(quantised(even, 30.0), torch.full_like(even, round(800 / 30) * 30 / 8))


def test_a_blur_spreads_and_keeps_the_sum() -> None:
    planes = torch.zeros(1, 2, 16, 16)
    planes[0, 0, 8, 8] = 100
    made = blurred(planes, 0.8)
    assert float(made[0, 0].sum()) == pytest.approx(100, rel=1e-5) and float(made[0, 1].abs().max()) == 0
    assert 10 < float(made[0, 0, 8, 8]) < 50 and made[0, 0, 8, 9] == made[0, 0, 7, 8] > 0
    assert blurred(planes, 0.0) is planes


def test_rough_pictures_stay_pictures() -> None:
    pictures = torch.rand(4, 24, 32, 3, generator=torch.Generator().manual_seed(0)) * 255
    seen = []
    for seed in range(6):
        made = roughened(pictures, torch.Generator().manual_seed(seed))
        assert made.shape == pictures.shape and float(made.min()) >= 0 and float(made.max()) <= 255
        seen.append(float((made - pictures).abs().mean()))
    assert min(seen) > 1 and max(seen) < 60 and max(seen) > 1.3 * min(seen)
