"""Stage 1, Neighbor Forcing: all blocks of a clip at one noise level, each looking at itself and at those before.

With one shared level a block's past is as noisy as itself, which is what a rollout with one memory per denoising step
shows it. The first two blocks, 6 and 8 latent frames, are learnt in one pass at the positions 0..13 that they have in
a rollout. SoulX-LiveAct, section 2.1, equations 2 to 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.encoders import image, text
from liveact_eval.liveact.encoders.image import preprocess
from liveact_eval.liveact.memory import CONVKV
from liveact_eval.liveact.sampler import STEPS_PER_UNIT, renoise
from liveact_eval.training.draws import normal
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.configs import NeighborChoice

if TYPE_CHECKING:
    from liveact_eval.training.judging import Judge


class Conditioned(nn.Module):
    """The transformer with the small encoders that learn along with it.

    Args:
        config: sizes.
    """

    def __init__(self, config: LiveActConfig) -> None:
        super().__init__()
        self.config = config
        self.dit = CausalDiT(config.dit)
        self.text = text.build(config.text).requires_grad_(True)
        self.image = image.build(config.image).requires_grad_(True)

    def context(self, prompts: Tensor, pictures: Tensor) -> Context:
        """Text and image of a batch.

        Args:
            prompts: UTF-8 bytes with zeros behind them, uint8 [B, N].
            pictures: reference pictures, uint8 [B, 3, H, W].
        """
        ids, mask = byte_tokens(prompts, self.config.text.length)
        rows = self.text(input_ids=ids, attention_mask=mask).last_hidden_state * mask[..., None]
        padded = F.pad(rows, (0, 0, 0, self.config.dit.text_len - rows.shape[1]))
        pixels = preprocess(pictures.float().div(127.5).sub(1.0), self.config.image.image_size)
        seen = self.image(pixel_values=pixels).last_hidden_state
        return Context(self.dit.text_embedding(padded), self.dit.img_emb(seen), None)

    def audio(self, features: Tensor, frames: int) -> Tensor:
        """Audio tokens [B, T, A, audio_dim] of features [B, F, layers, width] for the first so many video frames."""
        window = self.config.dit.audio_window
        windows = [audio_windows(row, 0, frames, window) for row in features]
        tokens: Tensor = self.dit.audio_proj(torch.cat(windows))
        return tokens


def byte_tokens(prompts: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Tokens and mask [B, length] as the tokenizer `bytes` gives them: byte + 3, then the end token 1."""
    kept = prompts[:, : length - 1].long()
    there = kept > 0
    ids = F.pad(torch.where(there, kept + 3, torch.zeros_like(kept)), (0, length - kept.shape[1]))
    ends = there.sum(dim=1, keepdim=True)
    ids.scatter_(1, ends, 1)
    mask = (torch.arange(length, device=ends.device) <= ends).long()
    return ids, mask


def block_causal(blocks: tuple[int, ...]) -> Tensor:
    """Which latent frame may look at which, [T, T]: its own block and all before."""
    block = torch.cat([torch.full((size,), number) for number, size in enumerate(blocks)])
    return block[:, None] >= block[None, :]


class NeighborObjective(Objective):
    """Flow matching over two blocks.

    Args:
        config: sizes.
        choice: levels, weights and how often conditions are left out.
        judge: says how good the transformer is; none: validation is empty.
    """

    def __init__(self, config: LiveActConfig, choice: NeighborChoice, judge: Judge | None = None) -> None:
        self._choice, self._judge = choice, judge
        self.module = Conditioned(config)
        initialise(self.module.dit)
        self._mask = block_causal((CONVKV.first, CONVKV.current))

    def players(self) -> Mapping[str, nn.Module]:
        """One: transformer, text and image encoder."""
        return {"dit": self.module}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Weighted squared error of the velocity; see the module."""
        frames = CONVKV.slots
        clean = batch["latents"][:, :, :frames].float()
        noise = normal(clean.shape, draws, clean.device)
        choice = self._choice
        level, silent = draw_level(draws, shift=choice.shift, pure_noise=choice.pure_noise)
        noisy = renoise(clean, noise, level)
        context = self.module.context(batch["prompt"], batch["image"])
        audio = None if silent else self.module.audio(batch["features"].float(), 4 * frames - 3)
        velocity = self.module.dit(
            torch.cat([noisy, batch["condition"].float()], dim=1),
            clean.new_full((len(clean),), level * STEPS_PER_UNIT),
            context,
            audio,
            frame_mask=self._mask.to(clean.device),
            mute_first=True,
        ).float()
        error = (velocity - (noise - clean)).square()
        weight = 1 + choice.mouth_weight * batch["mouth"][:, None, :frames].float()
        total = (error * weight).mean() / weight.mean()
        return Losses(total, {"velocity": error.mean()} | {level_name(level): error.mean()})

    def validate(self) -> Mapping[str, float]:
        """What the judge says."""
        return {} if self._judge is None else self._judge(self.module)

    def results(self) -> Mapping[str, nn.Module]:
        """Transformer, text and image encoder."""
        return {"dit": self.module.dit, "text": self.module.text, "image": self.module.image}


def initialise(dit: CausalDiT) -> None:
    """First weights: linear layers small and without bias, each branch of a block closed at the start.

    The output projections of attention and feed-forward begin small instead of at zero gates, since this architecture
    has no gate on its cross-attention.
    """
    for module in dit.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for name, parameter in dit.named_parameters():
        if name.endswith("modulation"):
            nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
        if "memory_proj" in name:
            nn.init.constant_(parameter, 1 / parameter.shape[-1])
        if name.endswith(
            ("self_attn.o.weight", "cross_attn.o.weight", "audio_cross_attn.proj.weight", "ffn.2.weight")
        ):
            parameter.data.mul_(0.3)
    nn.init.zeros_(dit.head.head.weight)
    for part in (dit.time_embedding[0], dit.time_embedding[2], dit.text_embedding[0], dit.text_embedding[2]):
        nn.init.normal_(part.weight, std=0.02)


def draw_level(draws: torch.Generator, *, shift: float, pure_noise: float) -> tuple[float, bool]:
    """Share of noise of a batch, and whether speech is left out: at full noise a rollout leaves it out."""
    first, second = torch.rand(2, generator=draws).tolist()
    if first < pure_noise:
        return 1.0, True
    return max(shift * second / (1 + (shift - 1) * second), 1e-3), False


def level_name(level: float) -> str:
    """Name of the log's entry for a level, in four groups."""
    return f"velocity_at_{min(3, int(level * 4)) * 25:02d}"
