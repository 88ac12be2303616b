"""Several ranks compute what one does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.parallel import UlyssesExchange
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions
from tests.ranks import run_ranks
from tests.unit.liveact.models import CONFIG, condition, small_dit, speech, text_and_image

SIZES = [(4, 6), (4, 4)]
"""Latent sizes: six tokens per frame, which four ranks cannot share evenly, and four, which they can."""
GUIDED = NeighborOptions(audio_guidance=1.7)


def latents(dit: CausalDiT, size: tuple[int, int], blocks: int = 4) -> torch.Tensor:
    rollout, noise = NeighborForcing(dit, GUIDED), Noise(0)
    context = dit.encode_context(*text_and_image())
    rollout.begin(condition(*size))
    made = []
    for n in range(blocks):
        span = rollout.audio_span(n)
        windows = audio_windows(speech(), span.start, len(span), CONFIG.audio_window)
        made.append(rollout.block(n, context, windows, noise))
    return torch.cat(made, dim=2)


def _rank(rank: int, ranks: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=ranks)
    dit = small_dit()
    dit.exchange = UlyssesExchange(CONFIG.num_heads)
    torch.save([latents(dit, size) for size in SIZES], f"{folder}/rank{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_together_equal_one(ranks: int, tmp_path: Path) -> None:
    expected = [latents(small_dit(), size) for size in SIZES]

    run_ranks(_rank, ranks, ranks, str(tmp_path))

    for rank in range(ranks):
        for ours, one in zip(
            torch.load(tmp_path / f"rank{rank}.pt", weights_only=True), expected, strict=True
        ):
            assert (ours - one).abs().max() < 1e-5


def test_ranks_that_do_not_divide_the_heads_are_refused(tmp_path: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dist, "get_world_size", lambda _group: 3)
            with pytest.raises(LiveActError, match="4 attention heads cannot be shared by 3 ranks"):
                UlyssesExchange(4)
    finally:
        dist.destroy_process_group()
