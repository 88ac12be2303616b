"""The propositions hold where they must, and the check sees where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.ablations.propositions import Encoded, bound_shares, same_level


def walk(seed: int, step: float = 0.1, frames: int = 40) -> Encoded:
    """A state that moves by even steps, drawn and encoded by linear maps of norm 2 and 3."""
    random = np.random.RandomState(seed)
    directions = random.standard_normal((frames, 4))
    state = np.cumsum(step * directions / np.linalg.norm(directions, axis=1, keepdims=True), axis=0)
    pixels = np.concatenate([2 * state, np.zeros((frames, 3))], axis=1)
    return Encoded(pixels, 3 * pixels, state)


def test_noise_of_one_level_adds_its_floor() -> None:
    latents = np.cumsum(np.random.RandomState(0).standard_normal((60, 500)), axis=0)
    measured, predicted = same_level(latents, seed=1)
    np.testing.assert_allclose(measured / predicted, 1.0, atol=0.02)
    # At the highest level nothing but noise is left.
    assert predicted[-1] == pytest.approx(2 * 500)
    other, _ = same_level(latents, seed=2)
    assert (other != measured).all()


def test_the_bound_is_tight_for_linear_maps() -> None:
    shares = bound_shares(walk(0), [walk(1), walk(2)])
    assert len(shares) == 39
    np.testing.assert_allclose(shares, 1.0, rtol=1e-9)


def test_an_encoder_that_jumps_breaks_the_bound() -> None:
    found = walk(0)
    latents = found.latents.copy()
    latents[20:] += 100
    shares = bound_shares(found._replace(latents=latents), [walk(1)])
    assert (shares > 1.5).sum() == 1
    assert shares.argmax() == 19
