"""A small model of the user's own training runs like any other."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from liveact_eval.cards.load import load_model
from liveact_eval.errors import UserError
from liveact_eval.generators.recipe import build_pipeline, recipe_of
from liveact_eval.liveact.config import liveact_mini
from liveact_eval.liveact.models import blank_modules
from liveact_eval.liveact.random_weights import fill_random, materialise
from liveact_eval.training.kit import Kit
from liveact_eval.training.recipe import load_recipe


@pytest.mark.slow
def test_weights_of_a_kit_make_frames(tmp_path: Path) -> None:
    kit, recipe = Kit(tmp_path), load_recipe("mini-vae")
    modules = blank_modules(liveact_mini())
    for seed, module in enumerate(modules.values()):
        materialise(module, torch.device("cpu"), torch.float32)
        fill_random(module, seed)
    card = load_model("liveact-mini")
    kit.keep(recipe, {role: module for role, module in modules.items() if role != "dit"}, {})
    with pytest.raises(UserError, match=r"dit\.safetensors missing .*train --list"):
        recipe_of(card, weights=tmp_path / "weights")
    kit.keep(recipe, {"dit": modules["dit"]}, {})
    found = recipe_of(card, weights=tmp_path / "weights", device="cpu", dtype="float32")
    assert found.origin.startswith("dit ")
    build_pipeline.cache_clear()
    stream = build_pipeline(found).stream(
        np.full((64, 64, 3), 90, np.uint8), size=(64, 64), fps=Fraction(25), frames=53
    )
    stream.feed(np.zeros(3 * 16_000, np.float32), 16_000)
    stream.close()
    frames = np.concatenate([block.frames for block in stream.blocks()])
    assert frames.shape == (53, 64, 64, 3)
    # The whole package is to stay below 16 MB, all weights together.
    assert sum(path.stat().st_size for path in (tmp_path / "weights").iterdir()) < 14e6
