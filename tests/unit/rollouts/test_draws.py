"""Noise by latent frame: sequences that do not depend on each other, and that are let go."""

from __future__ import annotations

import torch
from torch import Tensor

from liveact_eval.rollouts.draws import FrameDraws, Kind


def drawn(draws: FrameDraws, kind: Kind, frame: int) -> Tensor:
    return draws.normal(kind, frame, (256,), torch.device("cpu"), torch.float32)


def test_what_a_frame_begins_as_does_not_depend_on_what_others_have_asked() -> None:
    alone, busy = FrameDraws(3), FrameDraws(3)
    for _ in range(4):
        drawn(busy, "between", 5)
        drawn(busy, "begin", 4)
        busy.integer("place", 5, 4, 30)
    assert torch.equal(drawn(alone, "begin", 5), drawn(busy, "begin", 5))


def test_no_two_draws_are_alike() -> None:
    draws = FrameDraws(0)
    kinds: tuple[Kind, ...] = ("begin", "between")
    made = [drawn(draws, kind, frame) for kind in kinds for frame in (-1, 0, 1) for _ in range(3)]
    made.append(drawn(FrameDraws(1), "begin", 0))
    correlation = torch.corrcoef(torch.stack(made)).fill_diagonal_(0)
    assert correlation.abs().max() < 0.3
    assert all(abs(float(x.mean())) < 0.3 and 0.8 < float(x.std()) < 1.2 for x in made)


def test_frames_that_are_left_behind_are_forgotten() -> None:
    draws = FrameDraws(0)
    for frame in range(-1, 100):
        drawn(draws, "begin", frame)
        draws.forget(frame)
    assert draws.held == 2  # the reference picture, and the last frame


def test_whole_numbers_reach_both_ends() -> None:
    draws = FrameDraws(0)
    assert {draws.integer("place", 0, 4, 7) for _ in range(60)} == {4, 5, 6, 7}
